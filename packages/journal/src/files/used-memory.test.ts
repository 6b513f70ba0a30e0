/**
 * The memory of blocks is used again. Goal: never while a group of them is on its way to the disk, or is told; and of
 * groups that have many blocks and streams each record is told with what its own frame has.
 */
import { expect, it } from "vitest";
import type { Journal, Stream } from "../journal.ts";
import {
  entry,
  everything,
  ManualClock,
  RecordingFollower,
  SimulatedDisk,
} from "../testing/index.ts";
import { text } from "../testing/suite-tools.ts";
import { openFilesJournal } from "./open.ts";

const mebibyte = 1024 ** 2;
const durabilities = ["disk", "process"] as const;

/** No entry is like another, and three of them are more than a block has. */
const bodyOf = (n: number, length = 400_000): string =>
  `${n} `.padEnd(length, String.fromCharCode(97 + (n % 26)));

/** A disk whose calls end one step at a time while it is held. */
class HeldDisk extends SimulatedDisk {
  readonly #calls: (() => void)[];
  readonly #gate: { held: boolean };

  constructor() {
    const calls: (() => void)[] = [];
    const gate = { held: false };
    super({
      schedule: (run) => {
        if (gate.held) calls.push(run);
        else setImmediate(run);
      },
    });
    this.#calls = calls;
    this.#gate = gate;
  }

  hold(): void {
    this.#gate.held = true;
  }

  /** Ends all calls that wait. Those that they lead to wait. */
  step(): void {
    for (const run of this.#calls.splice(0)) run();
  }

  release(): void {
    this.#gate.held = false;
    this.step();
  }
}

class Place {
  readonly disk = new HeldDisk();
  readonly #durability: (typeof durabilities)[number];
  readonly #written: { readonly name: string; readonly follower: RecordingFollower }[] = [];

  constructor(durability: (typeof durabilities)[number]) {
    this.#durability = durability;
  }

  /** Each block goes as soon as there are three. */
  open() {
    return openFilesJournal("/store", {
      minimumFreeBytes: 0,
      clock: new ManualClock(),
      disk: this.disk.newProcess(),
      durability: this.#durability,
      cacheBytes: 0,
      segmentBytes: 64 * mebibyte,
    });
  }

  follow(stream: Stream): RecordingFollower {
    const follower = new RecordingFollower();
    stream.follow(follower);
    this.#written.push({ name: stream.name, follower });
    return follower;
  }

  /** The journal has each entry as it was told, and so has one that is opened after it. */
  async closesWhole(journal: Journal): Promise<void> {
    await this.#expectAll(journal);
    await journal.close();
    const again = await this.open();
    await this.#expectAll(again);
    await again.close();
  }

  async #expectAll(journal: Journal): Promise<void> {
    for (const { name, follower } of this.#written) {
      const { entries, gaps } = await (await journal.stream(name)).read(everything);
      expect(gaps).toEqual([]);
      expect(entries.map(({ offset }) => offset)).toEqual(
        follower.fates.map(({ record }) => record.offset),
      );
      const told = follower.fates.map(({ record }) => text(record.body));
      // Not toEqual: what it shows of such texts takes minutes.
      expect(entries.findIndex(({ body }, n) => text(body) !== told[n])).toBe(-1);
    }
  }
}

it.each(durabilities)("has each entry as it was written (%s)", async (durability) => {
  const place = new Place(durability);
  const journal = await place.open();
  const stream = await journal.stream("/");
  const follower = place.follow(stream);
  let count = 0;
  // Some wait for others, some come while others are told, and many fill blocks while one group is on its way.
  follower.onFate = () => {
    if (count < 45 && count % 3 === 0) stream.append([entry(bodyOf(count++))]);
  };
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 10; n++) stream.append([entry(bodyOf(count++))]);
    await follower.told(count);
  }
  await place.closesWhole(journal);
});

/** Two streams, and a segment that has room for what a test appends. */
async function openTwo(place: Place) {
  const journal = await place.open();
  const streams = [await journal.stream("/a"), await journal.stream("/b")] as const;
  const followers = [place.follow(streams[0]), place.follow(streams[1])] as const;
  for (let n = 0; n < 32; n++) await followers[0].append(streams[0], entry(bodyOf(n)));
  await followers[1].append(streams[1], entry("first"));
  return { journal, streams, followers };
}

it.each(durabilities)("leaves alone what is still to be told (%s)", async (durability) => {
  const place = new Place(durability);
  const { journal, streams, followers } = await openTwo(place);
  const [a, b] = streams;
  let isFirst = true;
  followers[0].onFate = () => {
    // While the first is told, so much is appended that the blocks of the others of its group go.
    if (isFirst) for (let n = 0; n < 8; n++) a.append([entry(bodyOf(100 + n))]);
    isFirst = false;
  };
  a.append([entry("small")]);
  // Of other lengths, so that another frame in their place is seen.
  for (let n = 0; n < 3; n++) b.append([entry(bodyOf(n, 333_000 + 8 * n))]);
  await followers[0].told(32 + 9);
  await followers[1].told(1 + 3);
  await place.closesWhole(journal);
});

it.each(durabilities)("leaves alone what is on its way to the disk (%s)", async (durability) => {
  const place = new Place(durability);
  const { journal, streams, followers } = await openTwo(place);
  const [a, b] = streams;
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  place.disk.hold();
  a.append([entry("small".repeat(2_000))]);
  await turn();
  for (let n = 0; n < 3; n++) b.append([entry(bodyOf(n))]);
  await turn();
  // Until the first group is told: the second is being written.
  for (let steps = 0; steps < 4 && followers[0].fates.length === 32; steps++) place.disk.step();
  expect([followers[0].fates.length, followers[1].fates.length]).toEqual([33, 1]);
  for (let n = 0; n < 8; n++) a.append([entry(bodyOf(100 + n))]);
  place.disk.release();
  await followers[0].told(32 + 9);
  await followers[1].told(1 + 3);
  await place.closesWhole(journal);
});

it.each(durabilities)(
  "finds the frames of each run, whichever block they are in (%s)",
  async (durability) => {
    const place = new Place(durability);
    const { journal, streams, followers } = await openTwo(place);
    place.disk.hold();
    // One group of many blocks, in which the streams take turns.
    for (let n = 0; n < 24; n++) streams[n % 2]?.append([entry(bodyOf(n, 300_000 + 8 * n))]);
    place.disk.release();
    await followers[0].told(32 + 12);
    await followers[1].told(1 + 12);
    await place.closesWhole(journal);
  },
);
