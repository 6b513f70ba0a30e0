/** The streams of a journal, by name and by the number that stands for it in frames. */
import { DeduplicationTable } from "../deduplication.ts";
import { epochsMax } from "../epochs.ts";
import type { JournalError } from "../errors.ts";
import type { DeduplicationWindow } from "../journal.ts";
import { refusalOf } from "../new-streams.ts";
import type { UnsettledStream } from "./checkpoint.ts";
import type { StreamFacts } from "./control.ts";
import { FilesStream, type StreamHost } from "./files-stream.ts";
import type { Recovered, RecoveredStream } from "./recovered.ts";

export class StreamTable {
  readonly #host: StreamHost;
  readonly #window: DeduplicationWindow;
  readonly #streamsMax: number;
  /** Names of streams that are to be made, and have no place in the record yet. */
  readonly #reserved = new Set<string>();
  readonly #streams = new Map<string, FilesStream>();
  readonly #numbered = new Map<number, FilesStream>();
  /** The highest number that a stream ever had. */
  #last = 0;

  constructor(
    host: StreamHost,
    {
      deduplication,
      streamsMax,
    }: { readonly deduplication: DeduplicationWindow; readonly streamsMax: number },
    recovered: Iterable<RecoveredStream>,
  ) {
    this.#host = host;
    this.#window = deduplication;
    this.#streamsMax = streamsMax;
    for (const facts of recovered) {
      const stream = this.#make(facts);
      stream.exists = true;
      this.add(stream);
    }
  }

  #make(facts: RecoveredStream): FilesStream {
    const ids = new DeduplicationTable(this.#window);
    return new FilesStream(this.#host, facts, ids, () => epochsMax(this.#streams.size));
  }

  /** Has room for one more kept. @returns why there is to be none of this name; undefined when it is to be made */
  reserve(name: string): JournalError | undefined {
    const refusal = refusalOf(name, this.#streams.size + this.#reserved.size, this.#streamsMax);
    if (refusal === undefined) this.#reserved.add(name);
    return refusal;
  }

  /** @returns a stream with the next number, which is not in the table yet */
  next(name: string, epoch: string): FilesStream {
    const number = this.#last + 1;
    const epochs = [{ id: epoch, start: 0, end: undefined }];
    const rest = { state: undefined, sessions: [] };
    const stream = this.#make({ number, name, head: 0, tail: 1, epochs, ...rest });
    stream.isBegun = true;
    return stream;
  }

  add(stream: FilesStream): void {
    this.#reserved.delete(stream.name);
    this.#streams.set(stream.name, stream);
    this.#numbered.set(stream.number, stream);
    this.#last = Math.max(this.#last, stream.number);
  }

  /** A stream could not be made: takes it out again, if it is in. */
  giveUp(name: string, stream: FilesStream | undefined): void {
    this.#reserved.delete(name);
    if (stream === undefined) return;
    if (this.#streams.get(stream.name) === stream) this.#streams.delete(stream.name);
    if (this.#numbered.get(stream.number) === stream) this.#numbered.delete(stream.number);
  }

  named(name: string): FilesStream | undefined {
    return this.#streams.get(name);
  }

  numbered(number: number): FilesStream | undefined {
    return this.#numbered.get(number);
  }

  [Symbol.iterator](): IterableIterator<FilesStream> {
    return this.#streams.values();
  }

  restoreIds({ olderIds, segments }: Recovered): void {
    for (const ids of [olderIds, ...segments.map(({ ids }) => ids)]) {
      for (const id of ids) this.numbered(id.stream)?.ids.remember(id, id.offset, id.ageMs);
    }
  }

  /** As a segment that begins here knows them. */
  facts(): StreamFacts[] {
    return [...this].map((stream) => stream.appendedFacts());
  }

  checkpoints(): UnsettledStream[] {
    return [...this].filter(({ exists }) => exists).map((stream) => stream.checkpoint());
  }
}
