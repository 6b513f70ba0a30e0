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
   * Deals with what was read, as far as it can.
   *
   * @param chunk only there during the call
   * @param from where in `chunk` begins what nobody has dealt with
   * @param end where in `chunk` ends what was read
   * @returns where in `chunk` begins what the stream is to get
   */
  socketRead(chunk: Buffer, from: number, end: number): number;
  /**
   * The stream is about to get what follows.
   *
   * @returns up to where: then `socketRead` is asked again
   */
  streamReads(chunk: Buffer, from: number, end: number): number;
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
  const from = earlyReader.socketRead(chunk, 0, chunk.length);
  if (from === chunk.length) return true;
  return passOn(earlyReader, chunk, from, chunk.length, (part) => pushOf(this)(part));
}

/** The stream keeps what it gets, and the shared buffer is read into again. */
function pushCopyOfWhatIsLeft(this: ShownSocket, length: number, shared: Buffer): boolean {
  const earlyReader = this[reader];
  const from = earlyReader?.socketRead(shared, 0, length) ?? 0;
  if (from === length) return true;
  const push = (part: Buffer) => pushOf(this)(Buffer.from(part));
  if (earlyReader === undefined) return push(shared.subarray(0, length));
  return passOn(earlyReader, shared, from, length, push);
}

/** @returns what `push` returned last: whether the stream wants more. */
function passOn(
  earlyReader: EarlyReader,
  chunk: Buffer,
  from: number,
  end: number,
  push: (part: Buffer) => boolean,
): boolean {
  let more = true;
  for (let at = from; at < end; at = earlyReader.socketRead(chunk, at, end)) {
    const until = earlyReader.streamReads(chunk, at, end);
    more = push(chunk.subarray(at, until));
    at = until;
  }
  return more;
}

/** The socket's own `push`. */
function pushOf(socket: ShownSocket): Duplex["push"] {
  const { push }: Duplex = Object.getPrototypeOf(socket);
  return push.bind(socket);
}

/** What has come here was not shown before: the reader has others listen to what it does not take. */
function loneSocketOnData(this: ShownSocket, chunk: Buffer): void {
  const earlyReader = this[reader];
  if (earlyReader === undefined) return;
  const from = earlyReader.socketRead(chunk, 0, chunk.length);
  passOn(earlyReader, chunk, from, chunk.length, (part) => this.emit("data", part));
}

function loneSocketOnClose(this: ShownSocket): void {
  this[reader]?.socketClosed();
}
