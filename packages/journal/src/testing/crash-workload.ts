/**
 * What the crash tests of the journal in files do to it, and what they hold it to. A workload is several lives of a
 * process on one simulated disk, from a seed; an oracle writes down what was appended and what was acknowledged, and
 * compares that with what a recovered journal says.
 */
import { openFilesJournal } from "../files/open.ts";
import type { FilesJournalOptions } from "../files/options.ts";
import type {
  EntryRecord,
  Journal,
  ReadRequest,
  Restored,
  Stream,
  StreamRecord,
  UnreadableRange,
} from "../journal.ts";
import { ManualClock } from "./manual-clock.ts";
import { entry, type Fate, RecordingFollower, session } from "./recording-follower.ts";
import { SeededRandom } from "./seeded-random.ts";
import type { PowerCut, SimulatedDisk } from "./simulated-disk.ts";

const folder = "/store";
const streamNames = ["/", "/orders"] as const;
type StreamName = (typeof streamNames)[number];
const tagNames = ["a", "b", "c"] as const;

interface Appended {
  readonly text: string;
  readonly kind: "entry" | "session";
  readonly batch: number;
}

/** A record that was told to be committed, and the epoch in which a client may be told its position. */
interface Acknowledged {
  readonly offset: number;
  readonly text: string;
  readonly epoch: string | undefined;
}

/** What is known of one stream. Lists only grow, so a moment is a pair of lengths. */
class StreamOracle {
  readonly appended: Appended[] = [];
  /** What was acknowledged, in the order in which it was told. */
  readonly acknowledged: Acknowledged[] = [];
  /** Message ids with the offsets that were told for them. */
  readonly ids: { readonly id: string; readonly text: string; readonly offset: number }[] = [];
}

/** How much of the oracle's lists is true at a moment. */
export type Moment = Readonly<
  Record<
    StreamName,
    { readonly appended: number; readonly acknowledged: number; readonly ids: number }
  >
>;

export class WrongJournal extends Error {
  override readonly name = "WrongJournal";
}

function demand(claim: boolean, message: () => string): asserts claim {
  if (!claim) throw new WrongJournal(message());
}

export interface WorkloadOptions {
  readonly seed: number;
  readonly lives?: number;
  readonly steps?: number;
  readonly durability?: "disk" | "process";
  readonly options?: FilesJournalOptions;
}

export class CrashWorkload {
  readonly streams: Record<StreamName, StreamOracle> = {
    "/": new StreamOracle(),
    "/orders": new StreamOracle(),
  };
  readonly clock = new ManualClock();
  readonly #random: SeededRandom;
  readonly #settings: WorkloadOptions;
  #count = 0;
  #batches = 0;

  constructor(settings: WorkloadOptions) {
    this.#settings = settings;
    this.#random = new SeededRandom(settings.seed);
  }

  get options(): FilesJournalOptions {
    return {
      clock: this.clock,
      random: this.#random,
      segmentBytes: 64 * 1024,
      minimumFreeBytes: 0,
      cacheBytes: 0,
      readCacheBytes: 0,
      durability: this.#settings.durability ?? "disk",
      retention: { entries: 50 },
      ...this.#settings.options,
    };
  }

  moment(): Moment {
    const lengths = (oracle: StreamOracle) => ({
      appended: oracle.appended.length,
      acknowledged: oracle.acknowledged.length,
      ids: oracle.ids.length,
    });
    return { "/": lengths(this.streams["/"]), "/orders": lengths(this.streams["/orders"]) };
  }

  /** Runs all lives. A life ends with a close, or is killed; one that finds the store failed ends there. */
  async run(disk: SimulatedDisk): Promise<void> {
    const { lives = 3, steps = 25 } = this.#settings;
    for (let life = 0; life < lives; life++) {
      const journal = await this.#open(disk);
      if (journal === undefined) continue;
      try {
        await this.#live(journal, steps);
      } finally {
        if (life % 2 === 0) await journal.close();
      }
    }
  }

  async #open(disk: SimulatedDisk): Promise<Journal | undefined> {
    try {
      return await openFilesJournal(folder, { ...this.options, disk: disk.newProcess() });
    } catch (error) {
      if (disk.onCall === undefined) throw error;
      return undefined;
    }
  }

  async #live(journal: Journal, steps: number): Promise<void> {
    let failed = false;
    journal.onStatus = ({ state }) => {
      failed ||= state === "failed";
    };
    const followers = new Map<StreamName, { stream: Stream; follower: RecordingFollower }>();
    for (const name of streamNames) {
      const stream = await journal.stream(name).catch(() => undefined);
      if (stream === undefined) return;
      const follower = new RecordingFollower();
      follower.onFate = (fate) => {
        demand(!failed || fate.kind === "refused", () => `${fate.kind} after a failure`);
        this.#fate(name, stream, follower, fate);
      };
      const restored = stream.follow(follower);
      follower.state = stateOf(restored);
      follower.late = (this.#batches * 7) % 40;
      followers.set(name, { stream, follower });
    }
    for (let step = 0; step < steps; step++) {
      const name = this.#random.pick(streamNames);
      const followed = followers.get(name);
      if (followed === undefined) return;
      const records = this.#records(name);
      const told = followed.follower.append(followed.stream, ...records);
      if (this.#random.chance(0.6)) await told;
      if (this.#random.chance(0.1)) this.clock.advance(1_500);
    }
  }

  /** Starts on what a killed process has left, and is killed itself by the power, a few calls later. */
  async startThenCut(disk: SimulatedDisk, calls: number, cut: PowerCut): Promise<SimulatedDisk> {
    const { onCall } = disk;
    let image: SimulatedDisk | undefined;
    const first = disk.calls;
    disk.onCall = (call) => {
      if (call.number > first + calls) image ??= disk.afterPowerCut(cut);
      return onCall?.(call);
    };
    const options = { ...this.options, clock: new ManualClock(), random: new SeededRandom(8) };
    await openFilesJournal(folder, { ...options, disk: disk.newProcess() });
    return image ?? disk.afterPowerCut(cut);
  }

  #records(name: StreamName): StreamRecord[] {
    const random = this.#random;
    const batch = this.#batches++;
    const oracle = this.streams[name];
    const known = oracle.ids[random.below(oracle.ids.length + 1)];
    if (known !== undefined && random.chance(0.3)) return [this.#entry(known.text, known.id)];
    return Array.from({ length: 1 + random.below(4) }, () => {
      const number = this.#count++;
      const kind = random.chance(0.2) ? "session" : "entry";
      const text = `${kind} ${number} ${"x".repeat(random.below(random.chance(0.2) ? 9_000 : 900))}`;
      oracle.appended.push({ text, kind, batch });
      if (kind === "session") return session(text);
      return this.#entry(text, random.chance(0.3) ? `id-${number}` : undefined);
    });
  }

  #entry(text: string, id: string | undefined): EntryRecord {
    const tags = tagsOf(text);
    const messageId = id === undefined ? undefined : { producer: "p", id, digest: "d" };
    return entry(text, { tags, messageId });
  }

  #fate(name: StreamName, stream: Stream, follower: RecordingFollower, fate: Fate): void {
    const oracle = this.streams[name];
    const { record } = fate;
    const text = Buffer.from(record.body).toString("latin1");
    if (fate.kind === "refused") return;
    demand(fate.offset <= stream.head, () => `${fate.kind} at ${fate.offset}, past the head`);
    if (record.kind === "session") follower.state = stateAfter(follower.state, [record]);
    if (record.kind === "entry" && record.messageId !== undefined) {
      const { id } = record.messageId;
      const first = oracle.ids.find((known) => known.id === id);
      demand(
        (first?.offset ?? fate.offset) === fate.offset,
        () => `${id} stands at ${first?.offset}, and was told ${fate.kind} at ${fate.offset}`,
      );
      if (first === undefined) oracle.ids.push({ id, text, offset: fate.offset });
    }
    if (fate.kind === "committed") {
      const epoch = stream.epochs.at(-1)?.id;
      oracle.acknowledged.push({ offset: fate.offset, text, epoch });
    }
  }

  #openLeft(disk: SimulatedDisk): Promise<Journal> {
    const chance = { clock: new ManualClock(), random: new SeededRandom(7) };
    return openFilesJournal(folder, { ...this.options, ...chance, disk: disk.newProcess() });
  }

  /** Opens what a crash has left, and holds it to what was known at that moment. @returns records that were found */
  async check(disk: SimulatedDisk, moment: Moment): Promise<number> {
    const journal = await this.#openLeft(disk);
    let found = 0;
    for (const name of streamNames) {
      const stream = await journal.stream(name);
      found += await this.#checkStream(name, stream, moment[name]);
      await this.#checkIds(name, stream, moment[name].ids);
    }
    await journal.close();
    return found;
  }

  /**
   * Opens what damage has left. What is read must be what was appended there, and what was acknowledged and is not read
   * must be in a gap that is told, or come after an epoch's end. @returns how many offsets were told to be lost
   */
  async checkHonest(disk: SimulatedDisk): Promise<number> {
    const journal = await this.#openLeft(disk);
    let lost = 0;
    for (const name of streamNames) {
      const stream = await journal.stream(name);
      const gaps: UnreadableRange[] = [];
      const found = new Map<number, string>();
      for (const { offset, body } of await readAll(stream, {}, gaps)) {
        found.set(offset, Buffer.from(body).toString("latin1"));
      }
      const oldEpochEnd = stream.epochs.at(-2)?.end ?? Number.POSITIVE_INFINITY;
      for (const { offset, text } of this.streams[name].acknowledged) {
        const read = found.get(offset);
        found.delete(offset);
        demand(read === undefined || read === text, () => `${name} ${offset} has other bytes`);
        if (read !== undefined || offset < stream.tail || text.startsWith("session")) continue;
        const told =
          gaps.some(({ from, to }) => offset > from && offset <= to) || offset > oldEpochEnd;
        demand(told, () => `${name} ${offset} is lost in silence`);
        lost++;
      }
      const appended = new Set(this.streams[name].appended.map(({ text }) => text));
      for (const text of found.values()) demand(appended.has(text), () => `${name} has ${text}`);
    }
    await journal.close();
    return lost;
  }

  async #checkStream(name: StreamName, stream: Stream, at: Moment[StreamName]): Promise<number> {
    const { appended, acknowledged } = this.streams[name];
    const restored = stream.follow(new RecordingFollower());
    const sessions = sessionsIn(stateOf(restored));
    for (const [offset] of sessions) {
      demand(offset <= stream.head, () => `${name} has the state of ${offset}, past its head`);
    }
    const entries = await readAll(stream, {});
    const byOffset = new Map<number, string>();
    for (const { offset, body } of entries)
      byOffset.set(offset, Buffer.from(body).toString("latin1"));
    for (const [offset, text] of sessions) byOffset.set(offset, text);

    for (const { offset, text, epoch } of acknowledged.slice(0, at.acknowledged)) {
      const { end = stream.head } = stream.epochs.find(({ id }) => id === epoch) ?? { end: -1 };
      demand(offset <= end, () => `${name} ${offset} is past its epoch, and nothing was lost`);
      if (text.startsWith("entry") && offset < stream.tail) continue;
      demand(
        byOffset.get(offset) === text,
        () => `${name} ${offset} was acknowledged, and is lost`,
      );
    }
    // What is there is what was appended by then, in that order, without holes from the tail on.
    const texts = new Map(appended.slice(0, at.appended).map((one, index) => [one.text, index]));
    let before = -1;
    for (let offset = stream.tail; offset <= stream.head; offset++) {
      const text = byOffset.get(offset);
      const index = texts.get(text ?? "") ?? -1;
      demand(index > before, () => `${name} ${offset} is ${text?.slice(0, 20)}, out of order`);
      before = index;
    }
    this.#checkBatches(name, byOffset, stream.tail);
    await checkTags(stream, entries);
    return byOffset.size;
  }

  /** All of a batch is there, or nothing of it; retention may have taken the first ones. */
  #checkBatches(name: StreamName, byOffset: ReadonlyMap<number, string>, tail: number): void {
    const present = new Set(byOffset.values());
    const oldest = byOffset.get(tail);
    const { appended } = this.streams[name];
    const from = appended.findIndex(({ text }) => text === oldest);
    const firstWhole = (appended[from]?.batch ?? -1) + 1;
    const missing = new Map<number, string>();
    for (const { batch, text } of appended) if (!present.has(text)) missing.set(batch, text);
    for (const { batch, text } of appended) {
      if (batch < firstWhole || !present.has(text)) continue;
      const lost = missing.get(batch);
      demand(
        lost === undefined,
        () => `${name}: ${text.slice(0, 20)} without ${lost?.slice(0, 20)}`,
      );
    }
  }

  async #checkIds(name: StreamName, stream: Stream, count: number): Promise<void> {
    const follower = new RecordingFollower();
    // The first follower was for its state; this one is told what becomes of repeats.
    stream.follow(follower);
    const known = this.streams[name].ids.slice(0, count);
    const repeats = known.map(({ text, id }) => this.#entry(text, id));
    await follower.append(stream, ...repeats);
    for (const [index, fate] of follower.fates.entries()) {
      const { id, offset } = known[index] ?? { id: "", offset: 0 };
      demand(
        fate.kind === "duplicate" && fate.offset === offset,
        () => `${name}: ${id} stands at ${offset}, and its repeat was ${fate.kind}`,
      );
    }
  }
}

const tagsOf = (text: string): string[] =>
  tagNames.filter((_, index) => (text.length >> index) % 2 === 0);

/** A follower's state: all session records so far, with their offsets. */
function stateAfter(
  state: Uint8Array | undefined,
  records: readonly StreamRecord[],
): Uint8Array<ArrayBuffer> {
  const lines = records.map(
    ({ offset, body }) => `${offset}\t${Buffer.from(body).toString("latin1")}\n`,
  );
  return new Uint8Array(Buffer.concat([Buffer.from(state ?? []), Buffer.from(lines.join(""))]));
}

/** A state that came late has records in it that come after it, too. */
function stateOf({ checkpoint, records }: Restored): Uint8Array<ArrayBuffer> {
  const last = sessionsIn(checkpoint?.state ?? new Uint8Array()).at(-1)?.[0] ?? 0;
  return stateAfter(
    checkpoint?.state,
    records.filter(({ offset }) => offset > last),
  );
}

function sessionsIn(state: Uint8Array): [number, string][] {
  const lines = Buffer.from(state).toString("latin1").split("\n").slice(0, -1);
  return lines.map((line) => {
    const [offset = "", text = ""] = line.split("\t");
    return [Number(offset), text];
  });
}

/** @param gaps takes the gaps that are told; without it there must be none */
async function readAll(
  stream: Stream,
  request: Partial<ReadRequest>,
  gaps?: UnreadableRange[],
): Promise<EntryRecord[]> {
  const entries: EntryRecord[] = [];
  for (let from = stream.tail - 1; from < stream.head; ) {
    const direction = "forward" as const;
    const rest = { tags: undefined, untagged: true, maxBytes: 40_000, maxEntries: 1_000 };
    const page = await stream.read({ from, direction, ...rest, ...request });
    demand(
      gaps !== undefined || page.gaps.length === 0,
      () => `gaps: ${JSON.stringify(page.gaps)}`,
    );
    gaps?.push(...page.gaps);
    entries.push(...page.entries);
    demand(page.next > from, () => `a page ends at ${page.next}, where it began`);
    from = page.next;
  }
  return entries;
}

async function checkTags(stream: Stream, entries: readonly EntryRecord[]): Promise<void> {
  const tags = new Set(["a"]);
  const wanted = entries.filter((one) => one.tags.includes("a")).map(({ offset }) => offset);
  const found = await readAll(stream, { tags, untagged: false });
  demand(
    JSON.stringify(found.map(({ offset }) => offset)) === JSON.stringify(wanted),
    () => "the index finds other entries than there are",
  );
}
