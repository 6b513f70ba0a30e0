/**
 * A store that fails. Goal: who published is told, the process ends with one line that says why, and only what was
 * asked for goes on (SEMANTICS 8). Method: the journal in files on a simulated disk whose calls fail, and a host whose
 * `exit` is seen.
 */
import { type Journal, JournalError, openFilesJournal } from "@holdfast/journal";
import { collectUncaught, ManualClock, SimulatedDisk } from "@holdfast/journal/testing";
import { expect, it, onTestFinished, vi } from "vitest";
import { type Host, nodeHost, simulation } from "./host/host.ts";
import type { ServerOptions } from "./options.ts";
import { Server } from "./server.ts";

/** How long answers have before the process ends. */
const lastWordsMs = 250;

interface Failing {
  readonly io: Server;
  readonly disk: { failing: boolean };
  /** Resolves with the code that the process ends with. */
  readonly exited: Promise<number>;
  readonly exits: number[];
  /** Timers that will end it. */
  readonly ending: number[];
  readonly lines: string[];
}

function serverOn(
  journal: Promise<Journal>,
  options: Partial<ServerOptions>,
): Omit<Failing, "disk"> {
  const lines: string[] = [];
  const log = vi.spyOn(console, "error").mockImplementation((line: unknown) => {
    lines.push(String(line));
  });
  onTestFinished(() => log.mockRestore());
  const exits: number[] = [];
  const ending: number[] = [];
  let exit: (code: number) => void = () => {};
  const exited = new Promise<number>((resolve) => {
    exit = (code) => {
      exits.push(code);
      resolve(code);
    };
  });
  const host: Host = {
    ...nodeHost,
    exit: (code) => exit(code),
    startTimer(delayMs, run) {
      if (delayMs === lastWordsMs) ending.push(delayMs);
      return nodeHost.startTimer(delayMs, run);
    },
  };
  const given = { ...options, store: "./data", [simulation]: { host, journal } };
  const io = new Server(given);
  onTestFinished(async () => {
    await io.close();
  });
  return { io, exited, exits, ending, lines };
}

function startFailing(options: Partial<ServerOptions> = {}): Failing {
  const disk = { failing: false };
  const simulated = new SimulatedDisk();
  // Not the segment that is made ahead: it would fail before anybody publishes.
  simulated.onCall = ({ name, path }) =>
    disk.failing && !path.endsWith(".temp") && (name === "write" || name === "flush")
      ? { error: "EIO" }
      : undefined;
  const journal = openFilesJournal("/data", { disk: simulated.newProcess() });
  return { ...serverOn(journal, options), disk };
}

it("ends the process with one line, when who published has been told (I13)", async () => {
  const { io, disk, exited, exits, lines } = startFailing();
  await io.ready;
  expect(await io.publish("n", 1)).toMatchObject({ duplicate: false, durability: "disk" });
  expect(io.store).toMatchObject({ state: "open", durability: "disk", error: undefined });
  expect(io.store?.flushes).toBeGreaterThan(0);
  disk.failing = true;
  const order: string[] = [];
  const publish = io.publish("n", 2).catch((error: JournalError) => order.push(error.code));
  await Promise.all([publish, exited.then((code) => order.push(`exit ${code}`))]);
  expect(order).toEqual(["HF_STORE_FAILED", "exit 74"]);
  expect(io.store).toMatchObject({ state: "failed", error: { code: "HF_STORE_FAILED" } });
  expect(lines.filter((line) => line.includes("the store"))).toEqual([
    expect.stringMatching(
      /^holdfast: the store "\.\/data" has failed: .*EIO.*\(HF_STORE_FAILED\); the process ends\. .*errors\.md/,
    ),
  ]);
  expect(exits).toEqual([74]);
});

it("refuses what comes later, and goes on, where failFast is false", async () => {
  const { io, disk, exits, ending, lines } = startFailing({ failFast: false });
  await io.publish("n", 0);
  disk.failing = true;
  await expect(io.publish("n", 1)).rejects.toMatchObject({ code: "HF_STORE_FAILED" });
  await expect(io.publish("n", 2)).rejects.toMatchObject({ code: "HF_STORE_READ_ONLY" });
  const refused = new Promise((resolve) => io.on("emit_refused", resolve));
  io.to("room").emit("n", 3);
  expect(await refused).toMatchObject({ code: "HF_STORE_READ_ONLY", rooms: ["room"], users: [] });
  await new Promise((resolve) => nodeHost.afterTurn(() => resolve(undefined)));
  expect([exits, ending]).toEqual([[], []]);
  expect(lines).toEqual([expect.stringContaining("nothing is acknowledged until it restarts")]);
});

it("that fails before a namespace is open refuses what was for it: no effect", async () => {
  const { io, disk } = startFailing({ failFast: false });
  await io.ready;
  disk.failing = true;
  await expect(io.publish("n", 1)).rejects.toMatchObject({ code: "HF_STORE_READ_ONLY" });
});

it("that does not open ends the process, with its code", async () => {
  const opening = Promise.reject(new JournalError("HF_STORE_LOCKED", { detail: "process 7" }));
  const { io, exited, lines } = serverOn(opening, {});
  await expect(io.ready).rejects.toMatchObject({ code: "HF_STORE_LOCKED" });
  expect(io.store).toMatchObject({ state: "failed", error: { code: "HF_STORE_LOCKED" } });
  expect(await exited).toBe(74);
  expect(lines).toEqual([
    expect.stringMatching(
      /the store "\.\/data" could not be opened: .*process 7 \(HF_STORE_LOCKED\)/,
    ),
  ]);
});

it("that does not open refuses all that was emitted, where failFast is false", async () => {
  const opening = Promise.reject(new JournalError("HF_STORE_LOCKED"));
  const { io, exits, ending } = serverOn(opening, { failFast: false });
  const refused: unknown[] = [];
  io.on("emit_refused", ({ code, args }) => refused.push([code, ...args]));
  io.emit("n", "before");
  await expect(io.publish("n", 1)).rejects.toMatchObject({ code: "HF_STORE_LOCKED" });
  io.emit("n", "after");
  await new Promise((resolve) => nodeHost.afterTurn(() => resolve(undefined)));
  expect(refused).toEqual([
    ["HF_STORE_LOCKED", "before"],
    ["HF_STORE_LOCKED", "after"],
  ]);
  expect([exits, ending]).toEqual([[], []]);
});

it("tells in time that the disk gets full: by an event, or by one line (SEMANTICS 7)", async () => {
  const simulated = new SimulatedDisk({ capacity: 4_000_000 });
  const clock = new ManualClock();
  const journal = openFilesJournal("/data", {
    ...{ disk: simulated.newProcess(), clock },
    ...{ segmentBytes: 65_536, minimumFreeBytes: 0, lowFreeBytes: 1_000_000 },
  });
  const { io, lines } = serverOn(journal, {});
  await io.ready;
  const leaveFree = async (bytes: number) => {
    simulated.capacity = simulated.usedBytes + bytes;
    clock.advance(10_000);
    await vi.waitFor(() => expect(io.store?.freeBytes).toBe(bytes));
  };
  await leaveFree(900_000);
  expect(io.store).toMatchObject({ state: "open", low: true });
  await leaveFree(800_000);
  expect(lines).toEqual([expect.stringMatching(/^holdfast: .*"\.\/data" has 0 MiB of free space/)]);
  await leaveFree(2_000_000);
  const told: unknown[] = [];
  io.on("store_status", ({ state, low, freeBytes }) => told.push([state, low, freeBytes]));
  await leaveFree(700_000);
  expect(told).toEqual([["open", true, 700_000]]);
  expect(lines).toHaveLength(1);
});

/** Goal: what an application does when it is told breaks nothing: its error goes to the process, and all else goes on. */
it("tells who published, and ends the process, though a listener of its status throws", async () => {
  const uncaught = collectUncaught();
  const error = new Error("of the listener");
  const { io, disk, exited, exits } = startFailing();
  io.on("store_status", () => {
    throw error;
  });
  await io.ready;
  await io.publish("n", 1);
  await vi.waitFor(() => expect(uncaught).toEqual([error]));
  disk.failing = true;
  await expect(io.publish("n", 2)).rejects.toMatchObject({ code: "HF_STORE_FAILED" });
  await expect(io.publish("n", 3)).rejects.toMatchObject({ code: "HF_STORE_READ_ONLY" });
  expect(await exited).toBe(74);
  expect(exits).toEqual([74]);
  await vi.waitFor(() => expect(uncaught).toEqual([error, error]));
  io.removeAllListeners("store_status");
});

it("says why it does not open, though a listener of its status throws", async () => {
  const uncaught = collectUncaught();
  const { io, exited } = serverOn(Promise.reject(new JournalError("HF_STORE_LOCKED")), {});
  io.on("store_status", () => {
    throw new Error("of the listener");
  });
  await expect(io.ready).rejects.toMatchObject({ code: "HF_STORE_LOCKED" });
  expect(await exited).toBe(74);
  await vi.waitFor(() => expect(uncaught).toHaveLength(1));
  io.removeAllListeners("store_status");
});

it("is none without the option, and is opening before it is open", async () => {
  const plain = new Server();
  expect(plain.store).toBeUndefined();
  await plain.ready;
  const io = new Server({ store: "memory" });
  expect(io.store?.state).toBe("opening");
  await io.ready;
  expect(io.store).toMatchObject({ state: "open", durability: "memory" });
  await io.close();
  expect(io.store?.state).toBe("closed");
});
