/**
 * Shows the bytes that a network socket has read to somebody who may deal with them, before they go into the stream.
 *
 * `push` is the documented way for what was read to get into a Readable, and Node's sockets call it for each
 * read. What is taken here needs no stream. Where a runtime does not call it, everything goes the usual way.
 */
import type { Duplex } from "node:stream";
import { isNetworkSocket } from "../host/http.ts";

export interface EarlyReader {
  /** @returns how many bytes at the beginning of the chunk are dealt with; the stream gets the others. */
  socketRead(chunk: Buffer): number;
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
  const taken = earlyReader.socketRead(chunk);
  if (taken === chunk.length && taken > 0) return true;
  return pushOf(this)(taken === 0 ? chunk : chunk.subarray(taken), encoding);
}

/** The socket's own `push`. */
function pushOf(socket: ShownSocket): Duplex["push"] {
  const { push }: Duplex = Object.getPrototypeOf(socket);
  return push.bind(socket);
}

/** What has come here was not shown, or not dealt with: the reader has others listen. */
function loneSocketOnData(this: ShownSocket, chunk: Buffer): void {
  if (this[reader]?.socketRead(chunk) !== chunk.length) this.emit("data", chunk);
}

function loneSocketOnClose(this: ShownSocket): void {
  this[reader]?.socketClosed();
}
