/** The Socket.IO-compatible server. `import { Server } from "holdfast"`. */

export { ProtocolError, type ProtocolErrorCode } from "@holdfast/protocol";
export {
  Adapter,
  type AdapterConstructor,
  type AdapterContract,
  type BroadcastOptions,
  type Session,
  type SessionToPersist,
} from "./adapter.ts";
export type { GivenIdentity } from "./admission.ts";
export type { AttachableServer } from "./attachable.ts";
export { BroadcastOperator, RemoteSocket } from "./broadcast.ts";
export type { ServerCounters } from "./counters.ts";
export type { OffsetMode } from "./delivery/delivery-options.ts";
export type { Gap, GapReason } from "./delivery/marker.ts";
export {
  type Durability,
  JournalError,
  type JournalErrorCode,
  type KeepOptions,
  type SessionOptions,
} from "./delivery/store.ts";
export type { DrainOptions } from "./drain.ts";
export type {
  AttachOptions,
  CorsDelegate,
  CorsOptions,
  EngineCookieOptions,
  EngineOptions,
  PerMessageDeflate,
} from "./engine/options.ts";
export { ServerError, type ServerErrorCode, serverErrors } from "./errors.ts";
export type { JoinSince } from "./join-since.ts";
export type { RefusedEmit } from "./kept-events.ts";
export type { HistoryEvent, HistoryOptions, KeptRoom } from "./kept-room.ts";
export { HistoryGapError } from "./kept-room.ts";
export type { LimitOptions } from "./limits.ts";
export { Namespace } from "./namespace.ts";
export type { NamespaceOptions } from "./namespace-options.ts";
export type { ConnectionStateRecoveryOptions, ServerOptions } from "./options.ts";
export type { PublishOptions, PublishResult, SessionDetails } from "./publish.ts";
export { SessionAwareAdapter } from "./recovery.ts";
export type { Resume } from "./resume.ts";
export { Server } from "./server.ts";
export { Socket } from "./socket.ts";
export type {
  BroadcastFlags,
  DisconnectReason,
  Event,
  ExtendedError,
  Handshake,
  Room,
  SocketId,
} from "./socket-types.ts";
export type { StoreStatus } from "./store-watch.ts";
export type { DefaultEventsMap, EventsMap } from "./typed-events.ts";
