/** What the suites of the seam share: what they are given, and how they look at a journal. */
import { afterEach, beforeEach, expect } from "vitest";
import type {
  DeduplicationWindow,
  Journal,
  Page,
  ReadRequest,
  Retention,
  Stream,
} from "../journal.ts";
import type { ManualClock } from "./manual-clock.ts";
import { entry, type Fate, RecordingFollower } from "./recording-follower.ts";

export interface PlaceOptions {
  readonly retention?: Partial<Retention>;
  readonly deduplication?: Partial<DeduplicationWindow>;
  readonly entryMaxBytes?: number;
  readonly streamsMax?: number;
}

/** Where one test keeps its journal. */
export interface JournalPlace {
  readonly clock: ManualClock;
  /** Opens the journal of this place: again, after it was closed, if the implementation keeps anything. */
  open(options?: PlaceOptions): Promise<Journal>;
  /** Waits until trims and whatever else goes on by itself is done. */
  settle(): Promise<void>;
  remove(): Promise<void>;
}

export interface JournalUnderTest {
  readonly name: string;
  /** Whether a journal that is opened again has what the closed one had. */
  readonly persistent: boolean;
  /** Retention may keep more than asked for, up to this many entries of a kilobyte each. */
  readonly slackEntries: number;
  newPlace(): Promise<JournalPlace>;
}

export const all: ReadRequest = {
  from: 0,
  direction: "forward",
  tags: undefined,
  untagged: true,
  maxBytes: 1_000_000,
  maxEntries: 1_000,
};

/** All that a stream has, in one page. */
export const everything: ReadRequest = { ...all, maxBytes: 1e9, maxEntries: 1e6 };

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bodies = (page: Page): string[] => page.entries.map(({ body }) => text(body));
export const offsets = (page: Page): number[] => page.entries.map(({ offset }) => offset);
export const summary = (fates: readonly Fate[]): (string | number)[][] =>
  fates.map((fate) => [fate.kind, fate.kind === "refused" ? fate.error.code : fate.offset]);

/** Reads page by page to the end, as a client does that catches up. */
export async function readAll(stream: Stream, request: Partial<ReadRequest>): Promise<Page> {
  const entries: Page["entries"][number][] = [];
  const gaps: Page["gaps"][number][] = [];
  let next = request.from ?? 0;
  for (;;) {
    const page = await stream.read({ ...all, ...request, from: next });
    entries.push(...page.entries);
    gaps.push(...page.gaps);
    const done = request.direction === "backward" ? page.next <= 1 : page.next >= stream.head;
    if (done) return { entries, gaps, next: page.next };
    expect(page.next).not.toBe(next);
    next = page.next;
  }
}

/** What a test of a suite has open. */
export interface OpenedJournal {
  place: JournalPlace;
  journal: Journal;
  /** The stream "/". */
  stream: Stream;
  follower: RecordingFollower;
}

/**
 * Opens a journal before each test of a suite, and closes it after.
 *
 * @param assign is given what is open, each time that this changes
 */
export function useJournal(
  implementation: JournalUnderTest,
  assign: (opened: OpenedJournal) => void,
) {
  let opened: OpenedJournal;

  /** Opens it, with the follower of before, who does not follow yet. */
  async function openAlone(options?: PlaceOptions): Promise<void> {
    const journal = await opened.place.open(options);
    opened = { ...opened, journal, stream: await journal.stream("/") };
    assign(opened);
  }

  async function open(place: JournalPlace, options?: PlaceOptions): Promise<void> {
    const journal = await place.open(options);
    const stream = await journal.stream("/");
    const follower = new RecordingFollower();
    stream.follow(follower);
    opened = { place, journal, stream, follower };
    assign(opened);
  }

  beforeEach(async () => open(await implementation.newPlace()));

  afterEach(async () => {
    await opened.journal.close();
    await opened.place.remove();
  });

  return {
    openAlone,
    async reopen(options?: PlaceOptions): Promise<void> {
      await opened.journal.close();
      await open(opened.place, options);
    },
    write: (...texts: string[]): Promise<Fate[]> =>
      opened.follower.append(opened.stream, ...texts.map((one) => entry(one))),
    read: async (request: Partial<ReadRequest> = {}): Promise<Page> =>
      opened.stream.read({ ...all, ...request }),
  };
}
