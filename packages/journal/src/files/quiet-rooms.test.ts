/**
 * Reads by tag over many segments, with less memory for indexes than they take. Goals: a segment without the wanted tags
 * is passed over, and no page is another than it would be with all indexes in memory.
 */
import { expect, it } from "vitest";
import type { EntryRecord, Journal, Page, ReadRequest, Stream } from "../journal.ts";
import {
  entry,
  everything,
  ManualClock,
  RecordingFollower,
  SeededRandom,
  SimulatedDisk,
} from "../testing/index.ts";
import { text } from "../testing/suite-tools.ts";
import { openFilesJournal } from "./open.ts";

const kilobyte = "k".repeat(1_000);
const unlimited = 64 * 1024 * 1024;

interface Place {
  readonly disk: SimulatedDisk;
  readonly indexBytes: number;
}

function open({ disk, indexBytes }: Place, entries = 1e6): Promise<Journal> {
  return openFilesJournal("/store", {
    segmentBytes: 64 * 1024,
    minimumFreeBytes: 0,
    cacheBytes: 0,
    retention: { entries },
    indexBytes,
    clock: new ManualClock(),
    disk: disk.newProcess(),
  });
}

/** Counts how often the index of a sealed segment is read. */
function countLoads(disk: SimulatedDisk): () => number {
  let loads = 0;
  disk.onCall = ({ name, path }) => {
    if (name === "open" && path.endsWith(".index")) loads++;
    return undefined;
  };
  return () => loads;
}

async function appendAll(stream: Stream, entries: readonly EntryRecord[]): Promise<void> {
  const follower = new RecordingFollower();
  stream.follow(follower);
  for (let n = 0; n < entries.length; n += 10) {
    await follower.append(stream, ...entries.slice(n, n + 10));
  }
}

const inRoom = (room: string): ReadRequest => ({
  ...everything,
  direction: "backward",
  from: 1e9,
  tags: new Set([room]),
  untagged: false,
});

const segments = 40;

/** Forty segments of a noisy stream; the first one has the only entries of the quiet room. */
async function noisy(place: Place) {
  const journal = await open(place);
  const stream = await journal.stream("/");
  const tagsOf = (n: number): string[] => [n < 3 ? "quiet" : `room-${n % 7}`];
  const all = Array.from({ length: segments * 60 }, (_, n) => entry(kilobyte, { tags: tagsOf(n) }));
  await appendAll(stream, all);
  return { journal, stream };
}

it("reads the index of no segment that has nothing of a quiet room", async () => {
  const disk = new SimulatedDisk();
  const { journal, stream } = await noisy({ disk, indexBytes: 48 * 1024 });
  const loads = countLoads(disk);
  for (let time = 0; time < 5; time++) {
    expect((await stream.read(inRoom("quiet"))).entries).toHaveLength(3);
    expect((await stream.read(inRoom("nobody"))).entries).toHaveLength(0);
  }
  expect(loads()).toBeLessThanOrEqual(2);
  // Nothing is waited for where nothing is.
  expect(stream.read(inRoom("nobody"))).not.toBeInstanceOf(Promise);
  const missed = { ...everything, tags: new Set(["nobody"]), untagged: true };
  expect(stream.read(missed)).not.toBeInstanceOf(Promise);
  await journal.close();
});

it("reads each index once after a start, and none for a quiet room from then on", async () => {
  const place = { disk: new SimulatedDisk(), indexBytes: 48 * 1024 };
  await (await noisy(place)).journal.close();
  const journal = await open(place);
  const stream = await journal.stream("/");
  const loads = countLoads(place.disk);
  await stream.read(inRoom("nobody"));
  expect(loads()).toBeGreaterThanOrEqual(segments - 2);
  const before = loads();
  for (let time = 0; time < 5; time++) await stream.read(inRoom("nobody"));
  expect(loads()).toBe(before);
  await journal.close();
});

const rooms = ["a", "b", "c", "\ud800", "\udc00", ""] as const;
const names = ["/", "/admin"] as const;

function anyEntries(random: SeededRandom): { name: (typeof names)[number]; entry: EntryRecord }[] {
  return Array.from({ length: 700 }, (_, n) => {
    // Rooms are noisy for a while, and quiet for many segments.
    const noisyRoom = rooms[Math.floor(n / 120) % rooms.length] ?? "a";
    const tags = random.chance(0.9) ? [noisyRoom] : [random.pick(rooms), `own-${n}`];
    return {
      name: n > 250 && n < 450 ? "/" : random.pick(names),
      entry: entry(`${n} ${kilobyte.repeat(random.below(3))}`, {
        tags: random.chance(0.02) ? [] : tags,
        except: random.chance(0.1) ? [random.pick(rooms)] : [],
      }),
    };
  });
}

function anyRequest(random: SeededRandom, head: number): ReadRequest {
  const some = Array.from({ length: random.below(4) }, () => random.pick(rooms));
  const wanted = random.chance(0.3) ? [...some, `own-${random.below(700)}`, "nobody"] : some;
  return {
    from: random.below(head + 3),
    direction: random.pick(["forward", "backward"]),
    tags: random.chance(0.1) ? undefined : new Set(wanted),
    untagged: random.chance(0.3),
    maxBytes: random.pick([1, 5_000, 1e9]),
    maxEntries: random.pick([1, 3, 50, 1e6]),
  };
}

/** Everything in it: to compare texts takes far less time than to compare bytes one by one. */
function shown(page: Page | undefined): string | undefined {
  const entries = page?.entries.map((one) => ({ ...one, body: text(one.body) }));
  return JSON.stringify({ ...page, entries });
}

it.each([1, 2, 3])(
  "gives the same pages with little memory for indexes as with enough of it: seed %i",
  async (seed) => {
    const budgets = [unlimited, 40 * 1024, 12 * 1024, 0];
    const places = budgets.map((indexBytes) => ({ disk: new SimulatedDisk(), indexBytes }));
    const random = new SeededRandom(seed);
    const appended = anyEntries(random);
    const asked = new SeededRandom(seed + 1_000);
    let passed = 0;

    const compare = async (journals: readonly Journal[]): Promise<void> => {
      for (const name of names) {
        const streams = await Promise.all(journals.map((journal) => journal.stream(name)));
        for (let count = 0; count < 100; count++) {
          const request = anyRequest(asked, streams[0]?.head ?? 0);
          const pages = await Promise.all(streams.map(async (stream) => stream.read(request)));
          for (const page of pages) expect(shown(page)).toBe(shown(pages[0]));
          passed += pages[0]?.entries.length ?? 0;
        }
      }
    };

    const first = await Promise.all(places.map((place) => open(place)));
    for (const journal of first) {
      const follower = new RecordingFollower();
      for (const name of names) (await journal.stream(name)).follow(follower);
      for (const one of appended) {
        await follower.append(await journal.stream(one.name), { ...one.entry });
      }
    }
    await compare(first);
    for (const journal of first) await journal.close();

    // Then behind a restart, with what retention has left.
    const second = await Promise.all(places.map((place) => open(place, 400)));
    await compare(second);
    for (const journal of second) await journal.close();
    expect(passed).toBeGreaterThan(1_000);
  },
);
