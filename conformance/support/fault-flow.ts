/**
 * One direction of a connection through the fault proxy: bytes come from one TCP socket, wait in order, and go to the
 * other as the faults of the moment allow. Nothing is invented: what is held back arrives later, or is lost with its
 * connection, as with TCP.
 */
import type { Socket } from "node:net";
import type { Changes } from "./changes.ts";

/** What is wrong with a network. An empty object is a network that works. */
export interface Faults {
  /** Nothing arrives, not even the end. Once this is lifted, what was held back goes on, as TCP would send it again. */
  readonly blackhole?: boolean;
  readonly bytesPerSecond?: number;
  readonly delayMs?: number;
  /** At most this many bytes in one segment. */
  readonly segmentBytes?: number;
  /** After exactly so many bytes of this direction, counted from its start, both ends get an RST. */
  readonly resetAtByte?: number;
}

/** A network that works. */
export const healthy: Faults = {};

/** What comes through in order: bytes with the time at which they may leave, then how it ended. */
type Item =
  | { readonly kind: "bytes"; bytes: Buffer; readonly dueMs: number }
  | { readonly kind: "end" | "reset"; readonly dueMs: number };

/** What a flow keeps before it stops to read, as the buffers of a kernel would. */
const heldMaxBytes = 1024 * 1024;

/** A slow network gets its bytes in so many portions a second. */
const portionsPerSecond = 50;

/** Ends a socket by RST. One that is in the middle of its own end cannot be reset: libuv refuses, and it would never close. */
export function reset(socket: Socket): void {
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

export class FaultFlow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #onReset: () => void;
  readonly #changes: Changes;
  readonly #items: Item[] = [];
  #faults: Faults;
  #received = 0;
  #delivered = 0;
  #timer: NodeJS.Timeout | undefined;
  #blocked = false;
  #ended = false;
  #abandoned = false;

  /** `changes` is told whenever bytes came in or went out. */
  constructor(
    ends: { readonly from: Socket; readonly to: Socket },
    faults: Faults,
    changes: Changes,
    onReset: () => void,
  ) {
    this.#from = ends.from;
    this.#to = ends.to;
    this.#faults = faults;
    this.#changes = changes;
    this.#onReset = onReset;
    const { from, to } = ends;
    from.on("data", (bytes: Buffer) => this.#take(bytes));
    from.on("end", () => this.#push({ kind: "end", dueMs: this.#dueMs() }));
    from.on("error", () => this.#push({ kind: "reset", dueMs: this.#dueMs() }));
    to.on("drain", () => {
      this.#blocked = false;
      this.#pump();
    });
  }

  /** Bytes that the sender has got rid of. */
  get received(): number {
    return this.#received;
  }

  /** Bytes that were handed to the receiver. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Whether the sender has ended it, in whatever way. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves when the condition holds; it is looked at whenever bytes came in or went out anywhere in the proxy. */
  until(holds: (flow: FaultFlow) => boolean, what: string): Promise<void> {
    return this.#changes.until(
      () => holds(this),
      () => what,
    );
  }

  /** From now on the network has these faults, and no others. */
  shape(faults: Faults): void {
    this.#faults = faults;
    this.#rest(undefined);
    this.#pump();
  }

  /** From now on what comes in is thrown away, and the receiver hears nothing more of it. */
  abandon(): void {
    this.#abandoned = true;
    this.#items.length = 0;
    this.#rest(undefined);
    this.#from.resume();
  }

  #take(bytes: Buffer): void {
    this.#received += bytes.length;
    this.#push({ kind: "bytes", bytes, dueMs: this.#dueMs() });
    if (this.#received - this.#delivered > heldMaxBytes && !this.#abandoned) this.#from.pause();
  }

  #push(item: Item): void {
    if (!this.#abandoned) this.#items.push(item);
    this.#ended ||= item.kind !== "bytes";
    this.#changes.changed();
    this.#pump();
  }

  #dueMs(): number {
    return performance.now() + (this.#faults.delayMs ?? 0);
  }

  /** Sets the timer after which it goes on; undefined: there is none. */
  #rest(ms: number | undefined): void {
    clearTimeout(this.#timer);
    this.#timer =
      ms === undefined
        ? undefined
        : setTimeout(() => {
            this.#timer = undefined;
            this.#pump();
          }, ms);
  }

  #pump(): void {
    while (this.#timer === undefined && !this.#blocked && this.#faults.blackhole !== true) {
      const item = this.#items[0];
      if (item === undefined) return;
      const waitMs = item.dueMs - performance.now();
      if (waitMs > 0) this.#rest(Math.ceil(waitMs));
      else if (item.kind === "bytes") this.#deliver(item);
      else {
        this.#items.length = 0;
        if (item.kind === "end") this.#to.end();
        else reset(this.#to);
      }
    }
  }

  #deliver(item: Item & { kind: "bytes" }): void {
    const { bytesPerSecond, segmentBytes, resetAtByte } = this.#faults;
    const portion =
      bytesPerSecond === undefined
        ? item.bytes.length
        : Math.max(1, Math.floor(bytesPerSecond / portionsPerSecond));
    const left =
      resetAtByte === undefined ? item.bytes.length : Math.max(0, resetAtByte - this.#delivered);
    const size = Math.min(item.bytes.length, portion, segmentBytes ?? item.bytes.length, left);
    if (size > 0 && !this.#to.destroyed) {
      this.#blocked = !this.#to.write(item.bytes.subarray(0, size));
    }
    item.bytes = item.bytes.subarray(size);
    if (item.bytes.length === 0) this.#items.shift();
    this.#delivered += size;
    if (this.#from.isPaused() && this.#received - this.#delivered < heldMaxBytes) {
      this.#from.resume();
    }
    this.#changes.changed();

    if (resetAtByte !== undefined && this.#delivered >= resetAtByte) this.#onReset();
    else if (bytesPerSecond !== undefined) this.#rest((size / bytesPerSecond) * 1000);
    // Segments that are written in one turn may leave as one.
    else if (segmentBytes !== undefined) this.#rest(0);
  }
}
