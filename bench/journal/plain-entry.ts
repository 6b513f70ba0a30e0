/** An entry with nothing but a tag and a body, as the benches of the journal append it. */
import type { EntryRecord } from "@holdfast/journal";

const nobody: readonly string[] = [];

/** A class, as the server's entries are: V8 gives literals that are spread no shape that it can rely on. */
export class PlainEntry implements EntryRecord {
  readonly kind = "entry";
  readonly tags: readonly string[];
  readonly except = nobody;
  readonly body: Uint8Array;
  readonly format = 0;
  readonly messageId = undefined;
  readonly expiresMs = undefined;
  offset = 0;
  timeMs = 0;
  /** Called when it is committed. */
  readonly done: () => void;

  constructor(tag: string, body: Uint8Array, done: () => void = ignore) {
    this.tags = [tag];
    this.body = body;
    this.done = done;
  }
}

function ignore(): void {}
