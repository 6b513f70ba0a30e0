/** What a journal keeps to when it is opened again: part of the suite for those that outlive their process. */
import { describe, expect, it } from "vitest";
import type { Journal, Stream } from "../journal.ts";
import { entry, type RecordingFollower, session } from "./recording-follower.ts";
import {
  bodies,
  type JournalPlace,
  type JournalUnderTest,
  offsets,
  readAll,
  summary,
  text,
  useJournal,
} from "./suite-tools.ts";

export function persistenceSuite(implementation: JournalUnderTest): void {
  describe(`a journal, opened again: ${implementation.name}`, () => {
    let place: JournalPlace;
    let journal: Journal;
    let stream: Stream;
    let follower: RecordingFollower;
    const { openAlone, reopen, write, read } = useJournal(implementation, (opened) => {
      ({ place, journal, stream, follower } = opened);
    });

    const messageId = { producer: "p", id: "1", digest: "d" };

    it("has every entry as it was, and goes on behind it (I1, I5)", async () => {
      const record = entry("a", { tags: ["räum", "b"], except: ["c"], format: 7, messageId });
      await follower.append(stream, record, entry("b"));
      const { entries } = await read();
      const { epochs } = stream;
      const { secret } = journal;
      await reopen();
      expect((await read()).entries).toEqual(entries);
      expect([stream.head, stream.tail, stream.epochs]).toEqual([2, 1, epochs]);
      expect(journal.secret).toEqual(secret);
      expect(bodies(await read({ tags: new Set(["b"]), untagged: false }))).toEqual(["a"]);
      expect(summary(await write("c"))).toEqual([["committed", 3]]);
    });

    it("remembers message ids (I3)", async () => {
      await follower.append(stream, entry("a", { messageId }));
      for (let round = 0; round < 3; round++) {
        await reopen();
        expect(summary(await follower.append(stream, entry("a", { messageId })))).toEqual([
          ["duplicate", 1],
        ]);
      }
      await reopen({ deduplication: { ageMs: 1_000 } });
      place.clock.advance(1_000);
      expect(summary(await follower.append(stream, entry("a", { messageId })))).toEqual([
        ["committed", 2],
      ]);
    });

    it("gives a follower its checkpoint, and the session records after it", async () => {
      await follower.append(stream, session("one"), entry("x"), session("two"));
      follower.state = new TextEncoder().encode("state after two");
      await journal.close();

      await openAlone();
      const restored = stream.follow(follower);
      expect(text(restored.checkpoint?.state ?? new Uint8Array())).toBe("state after two");
      expect(restored.checkpoint?.offset).toBe(3);
      expect(restored.records).toEqual([]);
    });

    it("keeps the session records of a stream that nobody has followed meanwhile", async () => {
      await follower.append(stream, session("one"));
      follower.state = new TextEncoder().encode("state");
      await journal.close();
      await openAlone();
      stream.append([session("two")]);
      await journal.close();
      await openAlone();
      await journal.close();
      await openAlone();
      const restored = stream.follow(follower);
      expect(restored.checkpoint?.offset).toBe(1);
      expect(restored.records.map(({ offset, body }) => [offset, text(body)])).toEqual([
        [2, "two"],
      ]);
    });

    it("has its epochs", async () => {
      await write("a");
      await stream.beginEpoch(1);
      const { epochs } = stream;
      await reopen();
      expect(stream.epochs).toEqual(epochs);
    });

    it("has what retention has kept, through many files", async () => {
      await reopen({ retention: { entries: 1_500 } });
      const kilobyte = "k".repeat(1_000);
      for (let n = 0; n < 80; n++) {
        await follower.append(
          stream,
          ...Array.from({ length: 25 }, (_, m) => entry(kilobyte, { tags: [`${m % 5}`] })),
        );
      }
      await place.settle();
      const pages = async (): Promise<string> => {
        const before = await readAll(stream, { maxEntries: 100 });
        const tagged = await readAll(stream, { tags: new Set(["3"]), untagged: false });
        const backward = { direction: "backward", from: stream.head + 1 } as const;
        expect(offsets(await readAll(stream, backward))).toEqual(offsets(before).toReversed());
        const lines = before.entries.map(
          ({ body, ...rest }) => `${JSON.stringify(rest)} ${text(body)}`,
        );
        return [...lines, JSON.stringify(offsets(tagged)), JSON.stringify(before.gaps)].join("\n");
      };
      const before = await pages();
      const count = stream.head - stream.tail + 1;
      expect(count).toBeLessThanOrEqual(1_500 + implementation.slackEntries);
      expect(count).toBeGreaterThanOrEqual(1_500);
      await reopen({ retention: { entries: 1_500 } });
      expect((await pages()) === before).toBe(true);
      const { gaps } = await readAll(stream, { maxEntries: 100 });
      expect(gaps).toEqual([{ from: 0, to: stream.tail - 1, reason: "retention" }]);
    });
  });
}
