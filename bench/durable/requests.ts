/** What the bench asks of a process of ours that keeps events, over the IPC channel. */
import type { LoopRequest, LoopResult } from "./closed-loop.ts";

export type DurableRequest =
  /** N publishes in flight, within the process. */
  | ({ readonly type: "loop" } & LoopRequest)
  /** How often it has flushed so far. */
  | { readonly type: "flushes" }
  /** Wait until nobody is connected, then publish so much to each of the rooms. */
  | { readonly type: "miss"; readonly rooms: number; readonly entries: number }
  /** Append entries until so much is kept. */
  | { readonly type: "fill"; readonly bytes: number }
  /** Let go of the store. */
  | { readonly type: "close" };

export type DurableReply =
  | {
      readonly type: "ready";
      readonly port: number;
      readonly openMs: number;
      readonly openCpuMs: number;
    }
  | ({ readonly type: "looped" } & LoopResult)
  | { readonly type: "flushed"; readonly count: number }
  | { readonly type: "missed" }
  | {
      readonly type: "filled";
      readonly entries: number;
      readonly bytes: number;
      readonly seconds: number;
    }
  | { readonly type: "closed" }
  | { readonly type: "failed"; readonly reason: string };

/** Serves requests until the bench is gone. */
export function serveRequests(
  ready: Extract<DurableReply, { type: "ready" }>,
  answer: (request: DurableRequest) => Promise<DurableReply>,
): void {
  const reply = (message: DurableReply) => process.send?.(message);
  process.on("message", (request: DurableRequest) => {
    answer(request).then(reply, (error: unknown) => {
      reply({
        type: "failed",
        reason: error instanceof Error ? (error.stack ?? "") : String(error),
      });
    });
  });
  process.on("disconnect", () => process.exit());
  reply(ready);
}

export function optionsOfBench(): { readonly store: string; readonly durability?: string } {
  return JSON.parse(process.env["HOLDFAST_BENCH_OPTIONS"] ?? "{}") as { store: string };
}
