/**
 * The two ends of permessage-deflate (RFC 7692) on plain zlib: each call makes or reads one message, with the window
 * of the messages before it unless there is no context takeover.
 */
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";

export interface DeflateContext {
  /** 9 … 15: zlib knows no window of 8 bits. Default 15. */
  readonly windowBits?: number;
  /** Default true. */
  readonly takeover?: boolean;
  /** The compression level; 0 stores. */
  readonly level?: number;
}

const emptyBlock = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** The last bytes of what went through, as much as the window holds. */
class History {
  readonly #size: number;
  readonly #takeover: boolean;
  #bytes: Buffer = Buffer.alloc(0);

  constructor({ windowBits = 15, takeover = true }: DeflateContext) {
    this.#size = 2 ** windowBits;
    this.#takeover = takeover;
  }

  get dictionary(): { dictionary?: Buffer } {
    return this.#bytes.length === 0 ? {} : { dictionary: this.#bytes };
  }

  add(data: Uint8Array): void {
    if (!this.#takeover) return;
    this.#bytes = Buffer.concat([this.#bytes, data]).subarray(-this.#size);
  }
}

export class Deflater {
  readonly #context: DeflateContext;
  readonly #history: History;

  constructor(context: DeflateContext = {}) {
    this.#context = context;
    this.#history = new History(context);
  }

  /** The payload of a compressed message. */
  compress(data: string | Uint8Array): Buffer {
    const bytes = Buffer.from(data);
    const compressed = deflateRawSync(bytes, {
      windowBits: this.#context.windowBits ?? 15,
      level: this.#context.level ?? constants.Z_DEFAULT_COMPRESSION,
      finishFlush: constants.Z_SYNC_FLUSH,
      ...this.#history.dictionary,
    });
    this.#history.add(bytes);
    // The message ends with an empty stored block, which is not sent.
    if (compressed.subarray(-4).equals(emptyBlock)) return compressed.subarray(0, -4);
    // Nothing was given to zlib, so it gave nothing: RFC 7692 §7.2.3.6.
    if (compressed.length === 0) return Buffer.from([0x00]);
    throw new Error("a flushed message without an empty block at its end");
  }
}

export class Inflater {
  readonly #context: DeflateContext;
  readonly #history: History;

  constructor(context: DeflateContext = {}) {
    this.#context = context;
    this.#history = new History(context);
  }

  /** What a compressed message contains. Fails when it needs a larger window than was agreed. */
  decompress(payload: Uint8Array): Buffer {
    const bytes = inflateRawSync(Buffer.concat([payload, emptyBlock]), {
      windowBits: this.#context.windowBits ?? 15,
      finishFlush: constants.Z_SYNC_FLUSH,
      ...this.#history.dictionary,
    });
    this.#history.add(bytes);
    return bytes;
  }
}
