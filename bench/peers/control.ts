/**
 * What the bench asks of a peer while it runs, over the IPC channel: collect garbage, profile, show
 * the heap.
 *
 * None of it is used inside a measured window, except the sampling profiler, and then no figure is
 * taken.
 */
import { writeFile } from "node:fs/promises";
import { Session } from "node:inspector/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { writeHeapSnapshot } from "node:v8";

export type ControlRequest =
  | { readonly type: "collect" }
  | { readonly type: "profile-start"; readonly samplingUs: number }
  | { readonly type: "profile-stop"; readonly file: string }
  | { readonly type: "heap-snapshot"; readonly file: string };

export type ControlReply =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "collected"; readonly heapBytes: number }
  | { readonly type: "profile-started" }
  | { readonly type: "profile-stopped" }
  | { readonly type: "heap-written" };

const inspector = new Session();

/** V8 gives pages back from another thread, some time after the collection that freed them. */
async function collect(): Promise<ControlReply> {
  for (let round = 0; round < 4; round += 1) {
    globalThis.gc?.();
    await sleep(100);
  }
  return { type: "collected", heapBytes: process.memoryUsage().heapUsed };
}

async function startProfile(samplingUs: number): Promise<ControlReply> {
  inspector.connect();
  await inspector.post("Profiler.enable");
  await inspector.post("Profiler.setSamplingInterval", { interval: samplingUs });
  await inspector.post("Profiler.start");
  return { type: "profile-started" };
}

async function stopProfile(file: string): Promise<ControlReply> {
  const { profile } = await inspector.post("Profiler.stop");
  inspector.disconnect();
  await writeFile(file, JSON.stringify(profile));
  return { type: "profile-stopped" };
}

async function answer(request: ControlRequest): Promise<ControlReply> {
  switch (request.type) {
    case "collect":
      return collect();
    case "profile-start":
      return startProfile(request.samplingUs);
    case "profile-stop":
      return stopProfile(request.file);
    case "heap-snapshot":
      writeHeapSnapshot(request.file);
      return { type: "heap-written" };
  }
}

/** Tells the bench the port and serves its requests from then on. */
export function listening(port: number): void {
  const reply = (message: ControlReply) => process.send?.(message);
  process.on("message", async (request: ControlRequest) => reply(await answer(request)));
  process.on("disconnect", () => process.exit());
  reply({ type: "listening", port });
}
