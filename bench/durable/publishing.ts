/**
 * Section "publish": messages of 200 bytes that are acknowledged, from 1, 64 and 1,000 in flight. Ours in the journal
 * alone, in the server and over the wire; Redis Streams and NATS JetStream over the wire.
 */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { type LoadResult, type LoadTarget, runLoad } from "../harness/load-generator.ts";
import { bareFlush } from "./bare-flush.ts";
import { Broker, type BrokerName, brokerNames } from "./brokers.ts";
import { NodePeer } from "./node-peer.ts";
import { attempt, type DurableRun, rotated } from "./sample.ts";
import { countStored } from "./verify.ts";

export const section = "publish";
export const inFlights = [1, 64, 1000] as const;

export const rows = {
  bare: "one fdatasync, bare",
  journal: "ours (a): journal, in process",
  inProcess: "ours (b): room.publish, in process",
  wire: "ours (c): over the wire, 1 connection",
  wireMany: "ours (c): over the wire, 1,000 connections",
  "redis-always": "Redis Streams, appendfsync always",
  "redis-everysec": "Redis Streams, appendfsync everysec",
  nats: "NATS JetStream, default sync",
} as const;

const manyConnections = 1000;
const sink = "sink";
const bareMs = 400;

export async function measurePublishing(run: DurableRun): Promise<void> {
  const measures = [
    () => measureBare(run),
    () => measureOurs(run, "journal"),
    () => measureOurs(run, "inProcess"),
    () => measureOurs(run, "wire"),
    ...brokerNames.map((name) => () => measureBroker(run, name)),
  ];
  for (const measure of rotated(measures, run.repetition)) await measure();
}

async function measureBare(run: DurableRun): Promise<void> {
  const name = { section, row: rows.bare, setting: "1" };
  await attempt(run, name, async () => bareFlush(run.folder, run.measureMs));
}

async function measureOurs(run: DurableRun, how: "journal" | "inProcess" | "wire"): Promise<void> {
  const row = rows[how];
  const store = await mkdtemp(join(run.folder, "journal-"));
  let peer: NodePeer | undefined;
  let acknowledged = 0;
  try {
    peer = await NodePeer.start({
      ...run,
      script: how === "journal" ? "journal" : "server",
      serverOptions: { store },
    });
    const measured = peer;
    const { warmupMs, measureMs } = run;
    for (const inFlight of inFlights) {
      const name = { section, row, setting: String(inFlight) };
      const measure = async () => {
        if (how === "wire") {
          const load = await publishOverWire(run, measured, 1, inFlight);
          acknowledged += load.checked ?? 0;
          return load;
        }
        const request = { type: "loop", inFlight, warmupMs, measureMs } as const;
        const { type: _type, ...result } = await measured.ask(request, "looped");
        acknowledged += result.acknowledged;
        return result;
      };
      await attempt(run, name, () => (inFlight === 1 ? besideBare(run, measure) : measure()));
    }
    if (how === "wire") {
      const name = { section, row: rows.wireMany, setting: String(manyConnections) };
      await attempt(run, name, async () => {
        const load = await publishOverWire(run, measured, manyConnections, 1);
        acknowledged += load.checked ?? 0;
        return load;
      });
    }
  } finally {
    // Killed, not closed: what was acknowledged is there nevertheless.
    await peer?.end();
  }
  await attempt(run, { section: "verified", row, setting: "" }, async () => {
    const stored = await countStored(run.modules.journal, store, sink);
    if (stored < acknowledged) throw new Error(`${acknowledged} acknowledged, ${stored} stored`);
    return { acknowledged, stored };
  });
}

/** With how many bare flushes it takes, measured just before and just after: what a flush takes changes by the second. */
async function besideBare(
  run: DurableRun,
  measure: () => Promise<Readonly<Record<string, number>>>,
): Promise<Readonly<Record<string, number>>> {
  const before = bareFlush(run.folder, bareMs);
  const figures = await measure();
  const after = bareFlush(run.folder, bareMs);
  const bareP50Us = (before.p50Us + after.p50Us) / 2;
  return { ...figures, bareP50Us, overBare: (figures["p50Us"] ?? Number.NaN) / bareP50Us };
}

async function publishOverWire(
  run: DurableRun,
  peer: NodePeer,
  clients: number,
  window: number,
): Promise<Readonly<Record<string, number>>> {
  const before = await peer.flushes();
  const load = await publishLoad(run, peer, clients, window);
  const flushes = (await peer.flushes()) - before;
  return { ...figuresOf(load), flushesPerMessage: flushes / load.checked };
}

async function measureBroker(run: DurableRun, name: BrokerName): Promise<void> {
  let broker: Broker | undefined;
  try {
    for (const inFlight of inFlights) {
      await attempt(run, { section, row: rows[name], setting: String(inFlight) }, async () => {
        broker ??= await Broker.start(name, run.folder);
        return figuresOf(await publishLoad(run, broker, 1, inFlight));
      });
    }
  } finally {
    await broker?.end();
  }
}

export function publishLoad(
  { loadgen, warmupMs, measureMs }: DurableRun,
  peer: LoadTarget,
  clients: number,
  window: number,
): Promise<LoadResult> {
  return runLoad({
    binary: loadgen,
    peer,
    workload: "publish",
    settings: { clients, window, "warmup-ms": warmupMs, "measure-ms": measureMs },
  });
}

function figuresOf(load: LoadResult): Readonly<Record<string, number>> {
  return {
    perSecond: load.delivered / load.seconds,
    cpuUs: (load.serverCpuSeconds * 1e6) / load.delivered,
    p50Us: load.p50Us,
    p99Us: load.p99Us,
    loadgenShare: load.loadgenCpuSeconds / load.seconds,
    checked: load.checked,
  };
}
