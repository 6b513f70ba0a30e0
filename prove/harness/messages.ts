/** What the server's process and the one that judges it say to each other over the channel of `fork`. */

export type SystemName = "socket.io" | "holdfast";

/** How a server is set up. */
export interface ServerSetup {
  readonly system: SystemName;
  /** Holdfast's journal: a folder, or memory. */
  readonly store?: string;
  /** Sessions are known by the device that the client names. */
  readonly identify?: boolean;
  /** How Holdfast's clients learn where they are; with connection state recovery, unless told otherwise, "argument". */
  readonly offsets?: "event" | "argument";
  /** Where the Redis of @socket.io/redis-streams-adapter listens. */
  readonly redis?: string;
}

/** How numbered events are published to a room. */
export interface Publish {
  readonly room: string;
  readonly from: number;
  /** The last number. */
  readonly to: number;
  /** Between one event and the next. 0: all in one turn. */
  readonly everyMs: number;
  /**
   * `emit` counts as published when the call has returned, `publish` when it is committed. npm socket.io has no
   * publish: there the two are the same.
   */
  readonly how: "emit" | "publish";
  /** Each is reported as soon as it is published. */
  readonly report?: boolean;
}

export type Call =
  | { readonly name: "publish"; readonly publish: Publish }
  | { readonly name: "volatile"; readonly room: string; readonly text: string }
  /** How many sockets of the room the server believes to be connected. */
  | { readonly name: "connected"; readonly room: string }
  /** Answered as soon as the clients of the room can be written to: one that polls has a poll pending. */
  | { readonly name: "reachable"; readonly room: string }
  /** Answered as soon as every session has confirmed the last `publish` to the room. npm socket.io has no such thing: at once. */
  | { readonly name: "confirmed"; readonly room: string }
  /** An orderly end: the server is closed, then the process ends. */
  | { readonly name: "end" };

export interface NumberedCall {
  readonly number: number;
  readonly call: Call;
}

export type FromServer =
  | RoomMessage
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "answer"; readonly number: number; readonly value: number };

/** What has happened in a room. */
export type RoomMessage =
  | { readonly type: "joined"; readonly room: string; readonly recovered: boolean }
  | { readonly type: "left"; readonly room: string; readonly reason: string }
  | { readonly type: "published"; readonly room: string; readonly n: number }
  /** A handler had its effect. */
  | { readonly type: "effect"; readonly room: string; readonly n: number };

/** What clients send for its effect. */
export interface Order {
  readonly id: string;
  readonly n: number;
}
