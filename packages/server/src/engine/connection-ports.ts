/** What a connection needs of the engine that holds it, and whom it tells of what happens. */
import type { EventEmitter } from "node:events";
import type { Turn } from "../delivery/outbox.ts";
import type { ServerError } from "../errors.ts";
import type { TimerWheel } from "../host/timer-wheel.ts";
import type { Limits } from "../limits.ts";
import type { EngineRequest } from "../transports/request.ts";
import type { Connection } from "./connection.ts";
import type { ResolvedEngineOptions } from "./options.ts";

/** Who takes what a connection brings: given by reference, so that nothing is ever missed. */
export interface ConnectionReceiver {
  received(data: string | Uint8Array): void;
  closed(reason: string, description?: unknown): void;
  /** What waited has been handed over, and more would be. Only after it was asked for: see `tellDrained`. */
  drained?(): void;
}

/** Who keeps what the answers to pings prove, besides that the client is there. */
export interface PingLedger {
  /** A ping of the heartbeat goes out now. */
  heartbeatGoesOut(): void;
  /** An answer to the oldest ping that had none. */
  answered(): void;
}

/** What a connection needs of the engine that holds it. */
export interface ConnectionServer extends EventEmitter {
  readonly opts: ResolvedEngineOptions;
  readonly limits: Limits;
  readonly wheel: TimerWheel;
  readonly turn: Turn;
  readonly clientsCount: number;
  /** Whether anybody listens to "flush" or "drain" of the engine. */
  readonly flushesObserved: boolean;
  /** The transports that one may move to. */
  upgrades(transport: string): string[];
  /** Counts and logs why a connection is refused something. */
  refuse(error: ServerError, connection: Connection): void;
  /** Takes a connection that has closed out of the list. */
  forget(connection: Connection): void;
  addPollingHeaders(
    headers: Record<string, string | string[]>,
    request: EngineRequest,
    id: string,
  ): void;
}
