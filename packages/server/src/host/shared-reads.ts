/**
 * Has sockets read into one buffer, which all of them share, instead of one of 64 KiB made for each read.
 *
 * It is what the option `onread` of `net.Socket` does, for a socket that the HTTP server has made without it. The
 * option is public; the handle's method and the two fields where Node keeps it are not. They are looked for, not assumed:
 * where one of them is missing, a socket reads as ever. See docs/decisions/shared-reads.md.
 */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

/**
 * Takes what was read.
 *
 * @param length how many bytes of `buffer` were read; they are there during the call only
 * @returns false to have the socket read no more until its stream asks for it
 */
export type SharedReader = (this: Duplex, length: number, buffer: Buffer) => boolean;

/** What Node reads with. */
interface Handle {
  useUserBuffer(buffer: Uint8Array): void;
}

type PlainSocket = Socket & { readonly _handle?: unknown; [place: symbol]: unknown };

interface Places {
  readonly buffer: symbol;
  readonly callback: symbol;
}

/** As large as what Node would make for a read. */
const sharedBytes = 64 * 1024;

let shared: Buffer | undefined;
let places: Places | undefined;

/** @returns whether `socket` gives what it reads to `reader` from now on, instead of pushing it into its stream. */
export function readIntoShared(socket: Duplex, reader: SharedReader): boolean {
  if (!isPlainSocket(socket)) return false;
  places ??= placesOf(socket);
  const handle = socket._handle;
  if (places === undefined || !isHandle(handle)) return false;
  // Somebody has given the option.
  if (socket[places.buffer] !== null) return false;
  shared ??= Buffer.allocUnsafeSlow(sharedBytes);
  handle.useUserBuffer(shared);
  socket[places.buffer] = shared;
  socket[places.callback] = reader;
  return true;
}

function isPlainSocket(socket: Duplex): socket is PlainSocket {
  return socket instanceof Socket && !(socket instanceof TLSSocket);
}

function isHandle(value: unknown): value is Handle {
  return (
    typeof value === "object" &&
    value !== null &&
    "useUserBuffer" in value &&
    typeof value.useUserBuffer === "function"
  );
}

function placesOf(socket: Socket): Places | undefined {
  const symbols = Object.getOwnPropertySymbols(socket);
  const named = (name: string) => symbols.find(({ description }) => description === name);
  const buffer = named("kBuffer");
  const callback = named("kBufferCb");
  return buffer && callback && { buffer, callback };
}
