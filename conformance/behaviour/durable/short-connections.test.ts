/**
 * Connections that break long before a client has all that it missed. Goal: each brings it further, however little it
 * reads at a time, and nothing is left out. Method: raw clients that keep a position as the stock one does, and take no
 * more than so much of what each connection would give them.
 */
import { expect, it } from "vitest";
import {
  jsonOf,
  nextSocket,
  RawPolling,
  RawWebSocket,
  type Running,
  start,
} from "../../support/clients.ts";

type Kind = "a stock client" | "one without a position";
const kinds: Kind[] = ["a stock client", "one without a position"];

/** What a page or a program has: how it is found again, how far it was told that it is, what it got. */
class Reader {
  readonly kind: Kind;
  readonly got: number[] = [];
  #pid: string | undefined;
  #offset: string | undefined;

  constructor(kind: Kind) {
    this.kind = kind;
  }

  get auth(): unknown {
    if (this.kind === "one without a position") return { device: "device" };
    return this.#pid === undefined ? undefined : { pid: this.#pid, offset: this.#offset };
  }

  take(frame: unknown): void {
    const text = String(frame);
    if (text.startsWith("40")) this.#pid = (jsonOf(text.slice(2)) as { pid: string }).pid;
    if (!text.startsWith("42")) return;
    const [event, ...args] = jsonOf(text.slice(2)) as [string, ...unknown[]];
    if (event === "n") this.got.push(args[0] as number);
    const last = args.at(-1);
    if (typeof last === "string") this.#offset = last;
  }

  /** Whether it has the first so many, in order, though some may have come again. */
  hasAll(count: number): boolean {
    const distinct = new Set(this.got);
    expect([...distinct]).toEqual(Array.from(distinct, (_, n) => n));
    return distinct.size === count;
  }
}

/** A session in a room; events are emitted while it is away. */
async function startAway(reader: Reader, count: number, ...rest: unknown[]): Promise<Running> {
  const identify = ({ handshake }: { handshake: { auth: { [name: string]: unknown } } }) =>
    handshake.auth["device"] === undefined ? undefined : { user: "user", device: "device" };
  const server = await start({ store: "memory", identify }, "holdfast");
  const serverSide = nextSocket(server.io);
  const raw = await RawWebSocket.open(server);
  await raw.join("/", reader.auth);
  const socket = await serverSide;
  await socket.join("room");
  // A position from which it goes on: without one, the receipts would say how far it is.
  await server.io.to("room").publish("first");
  await raw.until('42["hf:position"');
  raw.close();
  await raw.finished();
  for (const frame of raw.received) reader.take(frame);
  for (let n = 0; n < count - 1; n++) server.io.to("room").emit("n", n, ...rest);
  await server.io.to("room").publish("n", count - 1, ...rest);
  return server;
}

/** Reads on, answering pings in their place, until it has seen so many events, or the last one. */
async function read(raw: RawPolling | RawWebSocket, reader: Reader, events: number, last: number) {
  for (let left = events; left > 0 && reader.got.at(-1) !== last; ) {
    const frame = await raw.next();
    reader.take(frame);
    if (frame === "2") await raw.send("3");
    if (String(frame).startsWith('42["n"')) left--;
  }
}

it.each(kinds)(
  "%s on long-polling that gets few packets at a time comes to the end",
  async (kind) => {
    const reader = new Reader(kind);
    const count = 600;
    const server = await startAway(reader, count);
    let connections = 0;
    while (!reader.hasAll(count)) {
      expect(++connections).toBeLessThan(20);
      const raw = await RawPolling.open(server);
      raw.answersPings = false;
      reader.take(await raw.join("/", reader.auth));
      await read(raw, reader, 90, count - 1);
      // So many events come in six payloads of fifteen packets or more, never in one.
      expect(raw.received.length).toBeLessThan(8 * 15);
      await raw.send("1");
    }
  },
);

it.each(kinds)(
  "%s whose link breaks after twenty events of a kilobyte comes to the end",
  async (kind) => {
    const reader = new Reader(kind);
    const count = 100;
    const server = await startAway(reader, count, "k".repeat(1_000), 0);
    let connections = 0;
    while (!reader.hasAll(count)) {
      expect(++connections).toBeLessThan(20);
      const raw = await RawWebSocket.open(server);
      raw.answersPings = false;
      reader.take(await raw.join("/", reader.auth));
      await read(raw, reader, 20, count - 1);
      raw.close();
      await raw.finished();
    }
  },
);

it("a client of long-polling that is known to take any number gets all of them at once", async () => {
  const reader = new Reader("a stock client");
  const count = 600;
  const server = await startAway(reader, count);
  const headers = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101" };
  const raw = await RawPolling.open(server, { headers });
  reader.take(await raw.join("/", reader.auth));
  if (!raw.received.some((frame) => String(frame).startsWith('42["n"'))) await raw.get();
  for (const frame of raw.received) reader.take(frame);
  expect(reader.got).toHaveLength(count);
  expect(reader.hasAll(count)).toBe(true);
});
