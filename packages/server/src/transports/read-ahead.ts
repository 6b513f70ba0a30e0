/**
 * Shows the bytes that a network socket has read to somebody who may deal with them, before they go into the stream.
 *
 * `push` is the documented way for what was read to get into a Readable, and Node's sockets call it for each
 * read. What is taken here needs no stream. Where a runtime does not call it, nothing is shown, and
 * everything goes the usual way.
 */
import type { Duplex } from "node:stream";
import { isNetworkSocket } from "../host/http.ts";

export interface EarlyReader {
  /** @returns how many bytes at the beginning of the chunk are dealt with; the stream gets the others. */
  socketRead(chunk: Buffer): number;
}

const reader = Symbol("holdfast early reader");

type ShownSocket = Duplex & { [reader]?: EarlyReader };

/** Shows what `socket` reads to `earlyReader` from now on. Does nothing if it is not a socket of Node's own. */
export function readAhead(socket: Duplex, earlyReader: EarlyReader): void {
  // Somebody else who has put a function in this place is to see all.
  if (!isNetworkSocket(socket) || Object.hasOwn(socket, "push")) return;
  const shown: ShownSocket = socket;
  shown[reader] = earlyReader;
  shown.push = pushWhatIsLeft;
}

// One function for all sockets: no closure per connection.
function pushWhatIsLeft(this: ShownSocket, chunk: unknown, encoding?: BufferEncoding): boolean {
  if (!(chunk instanceof Buffer)) return pushOf(this)(chunk, encoding);
  const taken = this[reader]?.socketRead(chunk) ?? 0;
  if (taken === chunk.length && taken > 0) return true;
  return pushOf(this)(chunk.subarray(taken), encoding);
}

/** The socket's own `push`. */
function pushOf(socket: ShownSocket): Duplex["push"] {
  const { push }: Duplex = Object.getPrototypeOf(socket);
  return push.bind(socket);
}
