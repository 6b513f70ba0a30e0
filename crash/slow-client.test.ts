/**
 * V36, F16: a client that stops reading costs the server next to nothing, and loses nothing.
 *
 * Goal: 100,000 events of 1 KiB to a reader that is stalled cost at most what may be unsent of one connection. Method:
 * two servers get the same two floods, the second one to a client that reads, or to one whose TCP connection is paused:
 * what the journal keeps in memory is the same in both. When it reads on, it gets all, in order. The original
 * holds the whole flood in memory.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { io, type Socket } from "socket.io-client";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { within } from "../conformance/support/within.ts";
import type { ServerSetup } from "./programs/messages.ts";
import { bundlePrograms, type Programs, root } from "./support/bundle.ts";
import { ServerProcess } from "./support/server-process.ts";

const count = 100_000;
const bytes = 1_024;
const mib = 1024 * 1024;
/** What may be unsent of one connection is half of that; the rest is for the objects around it, and for other garbage. */
const costMax = mib;
const readLimitMs = 120_000;

let programs: Programs;
beforeAll(async () => {
  programs = await bundlePrograms();
});
afterAll(() => programs.remove());

async function startServer(target: ServerSetup["target"]): Promise<ServerProcess> {
  mkdirSync(join(root, "temp/crash"), { recursive: true });
  const folder = mkdtempSync(join(root, "temp/crash", "slow-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const server = await ServerProcess.start(programs.server, {
    ...{ target, folder, namespaces: ["/"], offsets: "event", durability: "process" },
    // The reader is stalled for longer than a client usually may be silent.
    ...{ pingIntervalMs: 120_000, pingTimeoutMs: 120_000 },
  });
  onTestFinished(() => server.signal("SIGKILL"));
  return server;
}

/** A stock client that counts what comes, and can stop reading from the network. */
class Reader {
  received = 0;
  inOrder = true;
  readonly #socket: Socket;
  #whenAll: () => void = () => undefined;

  constructor(server: ServerProcess) {
    this.#socket = io(`http://127.0.0.1:${server.port}`, {
      transports: ["websocket"],
      forceNew: true,
    });
    onTestFinished(() => void this.#socket.close());
    this.#socket.on("event", ({ mid }: { mid: string }) => {
      if (mid !== `${this.received % count}`) this.inOrder = false;
      this.received++;
      if (this.received % count === 0) this.#whenAll();
    });
  }

  async join(room: string): Promise<void> {
    await this.#socket.timeout(10_000).emitWithAck("join", room);
  }

  /** Resolves when a whole flood has come. */
  all(): Promise<void> {
    const all = new Promise<void>((resolve) => {
      this.#whenAll = resolve;
    });
    return within(all, "the reader to get all", readLimitMs);
  }

  get tcp(): { pause(): void; resume(): void } {
    const { transport } = this.#socket.io.engine as unknown as {
      transport: { ws: { _socket: { pause(): void; resume(): void } } };
    };
    return transport.ws._socket;
  }
}

interface Cost {
  readonly held: number;
  readonly rss: number;
}

/**
 * What a server holds more with a reader that is stalled than after that has read all: nothing else changes in between.
 * It happens three times: the first fills what is always kept, and of the others the one with less garbage counts.
 */
async function costOfStalledReader(target: ServerSetup["target"]): Promise<Cost> {
  const server = await startServer(target);
  const reader = new Reader(server);
  await reader.join("room");
  let least: Cost = { held: Number.POSITIVE_INFINITY, rss: 0 };
  for (let round = 1; round <= 3; round++) {
    reader.tcp.pause();
    const read = reader.all();
    await server.ask({ type: "flood", room: "room", count, bytes }, "flooded");
    const stalled = await server.ask({ type: "memory" }, "memory");
    expect(reader.received).toBeLessThan(round * count);
    reader.tcp.resume();
    await read;
    expect(reader.received).toBe(round * count);
    expect(reader.inOrder).toBe(true);
    const usual = await server.ask({ type: "memory" }, "memory");
    const held = stalled.held - usual.held;
    if (round > 1 && held < least.held) least = { held, rss: stalled.rss - usual.rss };
  }
  await server.kill();
  return least;
}

function print(name: string, { held, rss }: Cost): void {
  const shown = (n: number) => `${(n / mib).toFixed(1)} MiB`;
  console.log(`a stalled reader costs ${name} ${shown(held)} (${shown(rss)} resident)`);
}

it("costs the original the whole flood", async () => {
  const cost = await costOfStalledReader("socket.io");
  print("socket.io", cost);
  expect(cost.held).toBeGreaterThan(50 * mib);
});

it("costs ours what may be unsent of one connection", async () => {
  const cost = await costOfStalledReader("holdfast");
  print("ours", cost);
  expect(cost.held).toBeLessThan(costMax);
});
