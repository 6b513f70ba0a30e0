/**
 * Sockets that read into one buffer. Goal: what is left to the stream is its own, whatever others read after it, in order
 * and with its end; and a socket that is read in another way already stays as it is.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, Socket } from "node:net";
import { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { afterEach, expect, it } from "vitest";
import { readIntoShared } from "./shared-reads.ts";

const open: { destroy(): void }[] = [];

afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

/** @returns the two ends of a connection, once it stands. */
async function pair(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const far = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [near] = (await once(server, "connection")) as [Socket];
  server.close();
  open.push(near, far);
  return { near, far };
}

function pushCopy(this: Duplex, length: number, buffer: Buffer): boolean {
  return this.push(Buffer.from(buffer.subarray(0, length)));
}

it("gives what was read to the reader, and the same memory for each socket", async () => {
  const buffers = new Set<Buffer>();
  for (const text of ["first", "second"]) {
    const { near, far } = await pair();
    const read = new Promise<string>((resolve) => {
      const took = readIntoShared(near, (length, buffer) => {
        buffers.add(buffer);
        resolve(buffer.toString("latin1", 0, length));
        return true;
      });
      expect(took).toBe(true);
    });
    near.read(0);
    far.write(text);
    expect(await read).toBe(text);
  }
  expect(buffers.size).toBe(1);
});

it("brings what is pushed to the stream in order, though the buffer is read into again", async () => {
  const pairs = await Promise.all([pair(), pair(), pair()]);
  const intact = pairs.map(async ({ near, far }, index) => {
    const sent = Buffer.alloc(700_000, `${index}abcdefg`);
    expect(readIntoShared(near, pushCopy)).toBe(true);
    far.end(sent);
    const chunks: Buffer[] = [];
    for await (const chunk of near) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).equals(sent);
  });
  expect(await Promise.all(intact)).toEqual([true, true, true]);
});

it("reads no more while the stream is full, and goes on when it has been read", async () => {
  const { near, far } = await pair();
  let full = 0;
  readIntoShared(near, function (length, buffer) {
    const more = pushCopy.call(this, length, buffer);
    if (!more) full++;
    return more;
  });
  const sent = Buffer.alloc(4_000_000, "0123456789");
  far.end(sent);
  let bytes = 0;
  for await (const chunk of near) {
    bytes += (chunk as Buffer).length;
    // What one pause lets in: what the stream keeps at most, and one read more.
    expect(near.readableLength).toBeLessThanOrEqual(near.readableHighWaterMark + 65_536);
  }
  expect(bytes).toBe(sent.length);
  expect(full).toBeGreaterThan(0);
});

it("leaves what it does not know as it is", async () => {
  const never = () => expect.fail("nothing was to be read");
  expect(readIntoShared(new Duplex({ read() {}, write() {} }), never)).toBe(false);
  // It has no handle yet.
  expect(readIntoShared(new Socket(), never)).toBe(false);
  const { near, far } = await pair();
  const tls = new TLSSocket(near);
  open.push(tls);
  expect(readIntoShared(tls, never)).toBe(false);
  expect(readIntoShared(far, pushCopy)).toBe(true);
  // The first one has it.
  expect(readIntoShared(far, never)).toBe(false);
});
