/**
 * Shows the bytes that a network socket has read to somebody who may deal with them, before they go into the stream.
 *
 * `push` is the documented way for what was read to get into a Readable, and Node's sockets call it for each
 * read. What is taken here needs no stream, and with host/shared-reads.ts no buffer of its own. Where a runtime
 * calls neither, everything goes the usual way.
 */
import type { Duplex } from "node:stream";
import { isNetworkSocket } from "../host/http.ts";
import { readIntoShared } from "../host/shared-reads.ts";

export interface EarlyReader {
  /**
   * @param chunk what was read, and only there during the call
   * @param end where in `chunk` that ends
   * @returns how many bytes at the beginning are dealt with; the stream gets the others
   */
  socketRead(chunk: Buffer, end: number): number;
  /** The peer has ended its side. The stream is told after this. */
  socketEnds(): void;
  /** The socket is gone. Told only as long as nobody else listens to it. */
  socketClosed(): void;
}

const reader = Symbol("holdfast early reader");

type ShownSocket = Duplex & { [reader]?: EarlyReader };

/** Whether {@link readAhead} works with this socket. */
export function canReadAhead(socket: Duplex): boolean {
  // Somebody else who has put a function in this place is to see all.
  return isNetworkSocket(socket) && !Object.hasOwn(socket, "push");
}

/** Shows what `socket` reads to `earlyReader` from now on. */
export function readAhead(socket: Duplex, earlyReader: EarlyReader): void {
  const shown: ShownSocket = socket;
  shown[reader] = earlyReader;
  shown.push = pushWhatIsLeft;
  readIntoShared(socket, pushCopyOfWhatIsLeft);
}

/** Whom {@link readAhead} shows what `socket` reads. */
export function earlyReaderOf(socket: Duplex): EarlyReader | undefined {
  const shown: ShownSocket = socket;
  return shown[reader];
}

/** Makes a socket read although nobody listens to it yet. */
export function startReading(socket: Duplex): void {
  socket.on("data", loneSocketOnData);
  socket.on("close", loneSocketOnClose);
}

/** Undoes {@link startReading}, when others have begun to listen. */
export function stopReading(socket: Duplex): void {
  socket.removeListener("data", loneSocketOnData);
  socket.removeListener("close", loneSocketOnClose);
}

// These are shared by all sockets: no closure per connection.

function pushWhatIsLeft(this: ShownSocket, chunk: unknown, encoding?: BufferEncoding): boolean {
  const earlyReader = this[reader];
  if (!(chunk instanceof Buffer) || earlyReader === undefined) {
    if (chunk === null) earlyReader?.socketEnds();
    return pushOf(this)(chunk, encoding);
  }
  const taken = earlyReader.socketRead(chunk, chunk.length);
  if (taken === chunk.length && taken > 0) return true;
  return pushOf(this)(taken === 0 ? chunk : chunk.subarray(taken), encoding);
}

/** The stream keeps what it gets, and the shared buffer is read into again. */
function pushCopyOfWhatIsLeft(this: ShownSocket, length: number, shared: Buffer): boolean {
  const taken = this[reader]?.socketRead(shared, length) ?? 0;
  if (taken === length) return true;
  return pushOf(this)(Buffer.from(shared.subarray(taken, length)));
}

/** The socket's own `push`. */
function pushOf(socket: ShownSocket): Duplex["push"] {
  const { push }: Duplex = Object.getPrototypeOf(socket);
  return push.bind(socket);
}

/** What has come here was not shown, or not dealt with: the reader has others listen. */
function loneSocketOnData(this: ShownSocket, chunk: Buffer): void {
  if (this[reader]?.socketRead(chunk, chunk.length) !== chunk.length) this.emit("data", chunk);
}

function loneSocketOnClose(this: ShownSocket): void {
  this[reader]?.socketClosed();
}
