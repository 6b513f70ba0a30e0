/**
 * What every journal keeps to, as tests: call `journalSuite` from a test file of Vitest. One suite, so that nothing
 * above the seam can come to depend on how one implementation happens to be.
 */
import { describe, expect, it } from "vitest";
import type { Journal, Stream } from "../journal.ts";
import { persistenceSuite } from "./persistence-suite.ts";
import { entry, RecordingFollower, session } from "./recording-follower.ts";
import {
  all,
  bodies,
  type JournalPlace,
  type JournalUnderTest,
  offsets,
  readAll,
  summary,
  useJournal,
} from "./suite-tools.ts";
import { collectUncaught } from "./uncaught.ts";

export function journalSuite(implementation: JournalUnderTest): void {
  if (implementation.persistent) persistenceSuite(implementation);

  describe(`a journal: ${implementation.name}`, () => {
    let place: JournalPlace;
    let journal: Journal;
    let stream: Stream;
    let follower: RecordingFollower;
    const { reopen, write, read } = useJournal(implementation, (opened) => {
      ({ place, journal, stream, follower } = opened);
    });

    describe("streams", () => {
      it("are no more than there may be; those that are there open all the same", async () => {
        await reopen({ streamsMax: 3 });
        const made = await Promise.allSettled(
          ["/1", "/2", "/3", "/4"].map((n) => journal.stream(n)),
        );
        const codes = made.map((one) =>
          one.status === "rejected" ? (one.reason as { code: string }).code : "made",
        );
        const tooMany = "HF_STREAMS_TOO_MANY";
        expect(codes).toEqual(["made", "made", tooMany, tooMany]);
        expect((await journal.stream("/1")).name).toBe("/1");
        await expect(journal.stream("/5")).rejects.toMatchObject({ code: tooMany });
        if (!implementation.persistent) return;
        await reopen({ streamsMax: 1 });
        expect((await journal.stream("/2")).name).toBe("/2");
        await expect(journal.stream("/5")).rejects.toMatchObject({ code: tooMany });
      });

      it("have names of a bounded length", async () => {
        const name = `/${"x".repeat(1_023)}`;
        expect((await journal.stream(name)).name).toBe(name);
        const tooLong = "HF_STREAM_NAME_TOO_LONG";
        await expect(journal.stream(`${name}x`)).rejects.toMatchObject({ code: tooLong });
      });

      it("are the same object under the same name, and begin empty", async () => {
        expect(await journal.stream("/")).toBe(stream);
        expect(await journal.stream("/other")).not.toBe(stream);
        expect([stream.name, stream.head, stream.tail]).toEqual(["/", 0, 1]);
        expect(stream.epochs).toEqual([{ id: expect.any(String), start: 0, end: undefined }]);
        expect(stream.epochs[0]?.id).toMatch(/^[\w-]{16,}$/);
      });

      it("have offsets, entries and ids of their own", async () => {
        const other = await journal.stream("/other");
        const otherFollower = new RecordingFollower();
        other.follow(otherFollower);
        const messageId = { producer: "p", id: "1", digest: "d" };
        await follower.append(stream, entry("here", { messageId }), entry("again"));
        await otherFollower.append(other, entry("there", { messageId }));
        expect([stream.head, other.head]).toEqual([2, 1]);
        expect(bodies(await read())).toEqual(["here", "again"]);
        expect(bodies(await other.read(all))).toEqual(["there"]);
        expect(other.epochs[0]?.id).not.toBe(stream.epochs[0]?.id);
      });

      it("have names of any characters", async () => {
        const odd = await journal.stream("/äöü 漢字 🎈\u0000\n/..");
        odd.follow(follower);
        await follower.append(odd, entry("x", { tags: ["räum 🎈\u0000"] }));
        const page = await odd.read({ ...all, tags: new Set(["räum 🎈\u0000"]), untagged: false });
        expect(bodies(page)).toEqual(["x"]);
      });

      it("keep rooms apart that only broken UTF-16 tells apart (I20)", async () => {
        const tags = ["\ud800", "\udfff", "\ufffd"];
        await follower.append(stream, ...tags.map((tag) => entry(tag, { tags: [tag] })));
        for (const [index, tag] of tags.entries()) {
          const page = await read({ tags: new Set([tag]), untagged: false });
          expect(page.entries.map((found) => [found.offset, found.tags])).toEqual([
            [index + 1, [tag]],
          ]);
        }
      });
    });

    describe("append", () => {
      it("gives increasing offsets and the time, and tells the same objects (I4)", async () => {
        const records = [entry("a"), session("joins"), entry("b")];
        const fates = await follower.append(stream, ...records);
        expect(summary(fates)).toEqual([
          ["committed", 1],
          ["committed", 2],
          ["committed", 3],
        ]);
        expect(fates.map(({ record }) => record)).toEqual(records);
        expect(records.map(({ offset }) => offset)).toEqual([1, 2, 3]);
        expect(records.map(({ timeMs }) => timeMs)).toEqual(
          records.map(() => place.clock.wallMs()),
        );
        expect(stream.head).toBe(3);
      });

      it("takes nothing for nothing", async () => {
        stream.append([]);
        await write("a");
        expect(summary(follower.fates)).toEqual([["committed", 1]]);
      });

      it("tells fates in the order of the calls, also to a follower that appends from within", async () => {
        const messageId = { producer: "p", id: "1", digest: "d" };
        let nested = false;
        follower.onFate = () => {
          if (nested) return;
          nested = true;
          stream.append([entry("nested")]);
        };
        stream.append([
          entry("a", { messageId }),
          entry("a", { messageId }),
          entry("b"),
          entry("b", { messageId: { ...messageId, digest: "other" } }),
        ]);
        await follower.told(5);
        expect(summary(follower.fates)).toEqual([
          ["committed", 1],
          ["duplicate", 1],
          ["committed", 2],
          ["refused", "HF_MESSAGE_ID_CONFLICT"],
          ["committed", 3],
        ]);
      });

      it("keeps bytes of its own: what an owner does to his changes nothing (I5)", async () => {
        const record = entry("before");
        stream.append([record]);
        record.body.fill(0x21);
        await follower.told(1);
        expect(bodies(await read())).toEqual(["before"]);
        expect(bodies(await read())).toEqual(["before"]);
      });

      it("gives everything back as it was", async () => {
        const content = {
          tags: ["a", "b", "a", ""],
          except: ["c", "a"],
          body: Uint8Array.from({ length: 256 }, (_, index) => index),
          format: 255,
          messageId: { producer: "user:1", id: "evt-9", digest: "0123" },
          expiresMs: 1_800_000_000_123,
        };
        await follower.append(stream, entry("", content), entry("", { expiresMs: 0 }));
        const [first, second] = (await read()).entries;
        expect(first).toMatchObject({ ...content, body: expect.anything(), kind: "entry" });
        expect([...(first?.body ?? [])]).toEqual([...content.body]);
        expect(second).toMatchObject({ tags: [], except: [], format: 0, expiresMs: 0 });
        expect(second?.messageId).toBeUndefined();
        expect(second?.body.length).toBe(0);
      });

      it("takes a large entry, and refuses one that is too large without an effect (I2)", async () => {
        await reopen({ entryMaxBytes: 3_000_000 });
        const large = new Uint8Array(2_900_000).fill(7);
        const fates = await follower.append(
          stream,
          entry("", { body: large }),
          entry("", { body: new Uint8Array(3_000_001) }),
          entry("small"),
        );
        expect(summary(fates)).toEqual([
          ["committed", 1],
          ["refused", "HF_ENTRY_TOO_LARGE"],
          ["committed", 2],
        ]);
        const page = await read({ maxBytes: 10_000_000 });
        expect(page.entries.map(({ body }) => body.length)).toEqual([2_900_000, 5]);
        expect(page.entries[0]?.body.every((byte) => byte === 7)).toBe(true);
      });

      it("has one bound for tags and message ids, whatever its limits are (I2)", async () => {
        const long = "x".repeat(16_383);
        const tags = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n}`);
        const longId = { producer: long, id: "1", digest: "d" };
        const fates = await follower.append(
          stream,
          entry("taken", { tags: [long], except: [`${long.slice(1)}y`], messageId: longId }),
          entry("", { tags: [`${long}x`] }),
          entry("", { except: [`${long}x`] }),
          entry("", { messageId: { ...longId, producer: `${long}x` } }),
          entry("taken", { tags: tags(65_535) }),
          entry("", { tags: tags(65_536) }),
          entry("", { except: tags(65_536) }),
        );
        const tooLarge = ["refused", "HF_ENTRY_TOO_LARGE"];
        expect(summary(fates)).toEqual([
          ["committed", 1],
          tooLarge,
          tooLarge,
          tooLarge,
          ["committed", 2],
          tooLarge,
          tooLarge,
        ]);
        expect(bodies(await read({ maxBytes: 10_000_000 }))).toEqual(["taken", "taken"]);
      });

      it("refuses a session record that is too large, without an effect", async () => {
        await reopen({ entryMaxBytes: 100 });
        const fates = await follower.append(stream, session("s".repeat(101)), session("fits"));
        expect(summary(fates)).toEqual([
          ["refused", "HF_ENTRY_TOO_LARGE"],
          ["committed", 1],
        ]);
      });

      it("refuses after close, in order and without an effect", async () => {
        await write("a");
        await journal.close();
        stream.append([entry("b"), session("c")]);
        await follower.told(3);
        expect(summary(follower.fates).slice(1)).toEqual([
          ["refused", "HF_STORE_CLOSED"],
          ["refused", "HF_STORE_CLOSED"],
        ]);
        expect(stream.head).toBe(1);
      });
    });

    describe("message ids", () => {
      const messageId = { producer: "p", id: "1", digest: "d" };

      it("have one effect: a repeat is told the first offset (I3)", async () => {
        await follower.append(stream, entry("a", { messageId }));
        await write("b");
        const fates = await follower.append(stream, entry("a", { messageId }));
        expect(summary(fates)).toEqual([["duplicate", 1]]);
        expect(bodies(await read())).toEqual(["a", "b"]);
      });

      it("are answered one after the other, however often an answer leads to a repeat", async () => {
        await follower.append(stream, entry("a", { messageId }));
        const repeats = 20_000;
        let appended = 1;
        follower.onFate = () => {
          if (appended++ <= repeats) stream.append([entry("a", { messageId })]);
        };
        stream.append([entry("a", { messageId })]);
        await follower.told(repeats + 2);
        expect(follower.fates.slice(1).every(({ kind }) => kind === "duplicate")).toBe(true);
      });

      it("make a repeat wait while the first is in flight", async () => {
        stream.append([entry("a", { messageId })]);
        stream.append([entry("a", { messageId })]);
        stream.append([entry("b")]);
        await follower.told(3);
        expect(summary(follower.fates)).toEqual([
          ["committed", 1],
          ["duplicate", 1],
          ["committed", 2],
        ]);
      });

      it("conflict under another digest, not under another producer", async () => {
        const fates = await follower.append(
          stream,
          entry("a", { messageId }),
          entry("b", { messageId: { ...messageId, digest: "e" } }),
          entry("c", { messageId: { ...messageId, producer: "q" } }),
          entry("d", { messageId: { producer: "p1", id: "", digest: "d" } }),
          entry("e", { messageId: { producer: "", id: "p1", digest: "d" } }),
        );
        expect(summary(fates)).toEqual([
          ["committed", 1],
          ["refused", "HF_MESSAGE_ID_CONFLICT"],
          ["committed", 2],
          ["committed", 3],
          ["committed", 4],
        ]);
      });

      it("are forgotten by age on the monotonic clock, never by the wall clock (I16)", async () => {
        await reopen({ deduplication: { ageMs: 1_000 } });
        await follower.append(stream, entry("a", { messageId }));
        place.clock.jumpWall(10 * 365 * 86_400_000);
        place.clock.advance(999);
        expect(summary(await follower.append(stream, entry("a", { messageId })))).toEqual([
          ["duplicate", 1],
        ]);
        place.clock.advance(1);
        expect(summary(await follower.append(stream, entry("a", { messageId })))).toEqual([
          ["committed", 2],
        ]);
      });

      it("are forgotten when there are too many, the oldest first", async () => {
        await reopen({ deduplication: { ids: 2 } });
        const one = (id: string) => entry(id, { messageId: { ...messageId, id } });
        const ids = ["1", "2", "3", "3", "2", "1"];
        const fates = await follower.append(stream, ...ids.map(one));
        expect(summary(fates)).toEqual([
          ["committed", 1],
          ["committed", 2],
          ["committed", 3],
          ["duplicate", 3],
          ["duplicate", 2],
          ["committed", 4],
        ]);
      });
    });

    describe("read", () => {
      it("ends a page with the entry that reaches the limit of bytes, and at that of entries", async () => {
        await write("aaaa", "bbbb", "cccc", "dddd");
        const byBytes = await read({ maxBytes: 5 });
        expect([bodies(byBytes), byBytes.next]).toEqual([["aaaa", "bbbb"], 2]);
        const byCount = await read({ from: 2, maxEntries: 1 });
        expect([bodies(byCount), byCount.next]).toEqual([["cccc"], 3]);
        const one = await read({ maxBytes: 0 });
        expect(bodies(one)).toEqual(["aaaa"]);
        const rest = await read({ from: 3 });
        expect([bodies(rest), rest.next, rest.gaps]).toEqual([["dddd"], 4, []]);
      });

      it("passes session records by", async () => {
        await follower.append(stream, session("s"), entry("a"), session("t"));
        const page = await read();
        expect([offsets(page), page.next]).toEqual([[2], 3]);
        expect(bodies(await read({ direction: "backward", from: 4 }))).toEqual(["a"]);
      });

      it("finds by tag, each entry once, and those without tags when they are wanted", async () => {
        const tagged = [["x"], [], ["y"], ["x", "y"], ["z"], ["x", "x"]];
        await follower.append(stream, ...tagged.map((tags, n) => entry(`${n + 1}`, { tags })));
        const find = async (tags: string[], untagged: boolean) =>
          offsets(await read({ tags: new Set(tags), untagged }));
        expect(await find(["x"], false)).toEqual([1, 4, 6]);
        expect(await find(["x", "y"], false)).toEqual([1, 3, 4, 6]);
        expect(await find(["x"], true)).toEqual([1, 2, 4, 6]);
        expect(await find([], true)).toEqual([2]);
        expect(await find(["nobody"], false)).toEqual([]);
        expect(offsets(await read({ untagged: false }))).toEqual([1, 2, 3, 4, 5, 6]);
      });

      it("moves on to the head when nothing is found", async () => {
        await write("a", "b");
        const page = await read({ tags: new Set(["nobody"]), untagged: false });
        expect(page).toEqual({ entries: [], next: 2, gaps: [] });
        expect((await read({ from: 2 })).next).toBe(2);
        expect((await read({ from: 7 })).next).toBe(7);
      });

      it("goes backward from the newest", async () => {
        const tags = (n: number) => (n % 2 === 0 ? ["even"] : []);
        await follower.append(
          stream,
          ...[1, 2, 3, 4, 5].map((n) => entry(`${n}`, { tags: tags(n) })),
        );
        const first = await read({ direction: "backward", from: 6, maxEntries: 2 });
        expect([offsets(first), first.next]).toEqual([[5, 4], 4]);
        const second = await read({ direction: "backward", from: 4 });
        expect([offsets(second), second.next, second.gaps]).toEqual([[3, 2, 1], 1, []]);
        const even = { direction: "backward", from: 100, tags: new Set(["even"]) } as const;
        expect(offsets(await read({ ...even, untagged: false }))).toEqual([4, 2]);
        expect((await read({ direction: "backward", from: 1 })).entries).toEqual([]);
      });

      it("gives the same pages whatever their size, in both directions", async () => {
        const tagOf = (n: number) => [[], ["a"], ["b"], ["a", "b"], ["c"]][n % 5] ?? [];
        const records = Array.from({ length: 400 }, (_, n) =>
          n % 7 === 0 ? session("s") : entry(`${n}`, { tags: tagOf(n) }),
        );
        for (let n = 0; n < records.length; n += 37) stream.append(records.slice(n, n + 37));
        await follower.told(records.length);
        for (const tags of [undefined, new Set(["a"]), new Set(["a", "b"])]) {
          const wanted = records.flatMap((record) =>
            record.kind === "entry" &&
            (tags === undefined || record.tags.length === 0 || record.tags.some((t) => tags.has(t)))
              ? [record.offset]
              : [],
          );
          for (const maxEntries of [1, 3, 1_000]) {
            expect(offsets(await readAll(stream, { tags, maxEntries }))).toEqual(wanted);
            const backward = { tags, maxEntries, direction: "backward", from: 401 } as const;
            expect(offsets(await readAll(stream, backward))).toEqual(wanted.toReversed());
          }
        }
      });

      it("rejects after close", async () => {
        await journal.close();
        await expect(read()).rejects.toMatchObject({ code: "HF_STORE_CLOSED" });
        await expect(journal.stream("/x")).rejects.toMatchObject({ code: "HF_STORE_CLOSED" });
        await expect(stream.beginEpoch(0)).rejects.toMatchObject({ code: "HF_STORE_CLOSED" });
      });
    });

    describe("epochs", () => {
      it("end and begin, offsets go on", async () => {
        await write("a", "b");
        const [first] = stream.epochs;
        await stream.beginEpoch(2);
        expect(stream.epochs).toEqual([
          { ...first, end: 2 },
          { id: expect.any(String), start: 2, end: undefined },
        ]);
        expect(stream.epochs[1]?.id).not.toBe(first?.id);
        expect(summary(await write("c"))).toEqual([["committed", 3]]);
        expect(bodies(await read())).toEqual(["a", "b", "c"]);
      });
    });

    describe("many epochs", () => {
      it("are remembered up to a number, the latest, and end where they did", async () => {
        for (let n = 1; n <= 1_030; n++) {
          await write(`${n}`);
          await stream.beginEpoch(n);
        }
        const { epochs } = stream;
        expect(epochs).toHaveLength(1_000);
        expect(epochs[0]).toMatchObject({ start: 31, end: 32 });
        expect(epochs.at(-1)).toMatchObject({ start: 1_030, end: undefined });
        await write("last");
        expect(stream.epochs).toEqual(epochs);
        if (!implementation.persistent) return;
        await reopen();
        expect(stream.epochs).toEqual(epochs);
      });
    });

    describe("retention", () => {
      const kilobyte = "k".repeat(1_000);

      /** After a trim every entry is either there or in the gap that is told (SEMANTICS 6, I10). */
      async function expectHonest(count: number): Promise<number> {
        const { tail } = stream;
        const forward = await readAll(stream, {});
        expect(offsets(forward)).toEqual(
          Array.from({ length: count - tail + 1 }, (_, index) => tail + index),
        );
        const gaps = tail > 1 ? [{ from: 0, to: tail - 1, reason: "retention" }] : [];
        expect(forward.gaps).toEqual(gaps);
        const backward = await readAll(stream, { direction: "backward", from: count + 1 });
        expect(offsets(backward)).toEqual(offsets(forward).toReversed());
        expect(backward.gaps).toEqual(gaps);
        expect((await read({ from: tail - 1 })).gaps).toEqual([]);
        return tail;
      }

      it.each([
        ["entries", { entries: 100 }, 100],
        ["bytes", { bytes: 200_000 }, 100],
      ])("drops the oldest by %s, and says so", async (_what, retention, least) => {
        await reopen({ retention });
        for (let n = 0; n < 40; n++) await write(...Array.from({ length: 25 }, () => kilobyte));
        await place.settle();
        const kept = 1_000 - (await expectHonest(1_000)) + 1;
        expect(kept).toBeGreaterThanOrEqual(least);
        expect(kept).toBeLessThanOrEqual(200 + implementation.slackEntries);
      });

      it("drops by age, with nothing appended; the entry with a tag is gone from its tag, too", async () => {
        await reopen({ retention: { ageMs: 60_000 } });
        await follower.append(stream, entry(kilobyte, { tags: ["old"] }));
        place.clock.advance(30_000);
        await write("young");
        await place.settle();
        expect(await expectHonest(2)).toBe(1);
        place.clock.advance(30_000 + 60_000);
        await place.settle();
        place.clock.advance(120_000);
        await place.settle();
        expect(stream.tail).toBe(3);
        expect(await read({ tags: new Set(["old"]) })).toEqual({
          entries: [],
          next: 2,
          gaps: [{ from: 0, to: 2, reason: "retention" }],
        });
      });

      it("takes nothing for lost where only session records were (I10)", async () => {
        await reopen({ retention: { ageMs: 60_000 } });
        const many = async (): Promise<void> => {
          for (let n = 0; n < 40; n++)
            await follower.append(stream, ...Array.from({ length: 25 }, () => session(kilobyte)));
        };
        await many();
        await follower.append(stream, entry("a"));
        await many();
        place.clock.advance(30_000);
        await follower.append(stream, entry("b"));
        await place.settle();
        expect([stream.tail, (await read()).gaps]).toEqual([1, []]);
        place.clock.advance(30_000);
        await place.settle();
        expect(stream.tail).toBe(1_002);
        const { entries, gaps } = await read();
        expect(entries.map(({ offset }) => offset)).toEqual([2_002]);
        expect(gaps).toEqual([{ from: 0, to: 1_001, reason: "retention" }]);
        expect((await read({ from: 1_001 })).gaps).toEqual([]);
      });

      it("never drops what is younger, whatever the wall clock does (I15)", async () => {
        await reopen({ retention: { ageMs: 60_000 } });
        for (const jump of [86_400_000, -2 * 86_400_000, 3_650 * 86_400_000]) {
          await write(kilobyte);
          place.clock.jumpWall(jump);
          place.clock.advance(1_000);
          await place.settle();
          expect(stream.tail).toBe(1);
        }
        await expectHonest(3);
      });
    });

    describe("status", () => {
      it("says what is kept, and when it closes", async () => {
        const states: string[] = [];
        journal.onStatus = ({ state }) => states.push(state);
        expect(journal.status).toMatchObject({ state: "open", error: undefined });
        const before = journal.status.bytes;
        await write("k".repeat(1_000));
        expect(journal.status.bytes).toBeGreaterThanOrEqual(before + 1_000);
        expect(journal.secret).toHaveLength(32);
        await journal.close();
        await journal.close();
        expect(states).toEqual(["closed"]);
        expect(journal.status.state).toBe("closed");
      });

      it("closes though the listener throws, and the error is seen", async () => {
        const uncaught = collectUncaught();
        const error = new Error("of the listener");
        journal.onStatus = () => {
          throw error;
        };
        await journal.close();
        await new Promise((resolve) => setImmediate(resolve));
        expect(uncaught).toEqual([error]);
        expect(journal.status.state).toBe("closed");
        await reopen();
        expect(journal.status.state).toBe("open");
      });
    });
  });
}
