/** What the programs of the crash tests and whoever starts them say to each other. */

/** How a server is started. The same folder again: it goes on where it was killed. */
export interface ServerSetup {
  /** Ours, or the npm original with its recovery switched on, which is what ours is compared with. */
  readonly target: "holdfast" | "socket.io";
  /** A folder, or "memory". */
  readonly folder: string;
  readonly namespaces: readonly string[];
  readonly offsets: "event" | "argument";
  readonly durability: "memory" | "process" | "disk";
  /** Whether the process ends when its store has failed. */
  readonly failFast?: boolean;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  /** Has sockets take payments with `once`; each effect is a line of this file. */
  readonly effectsFile?: string;
}

export type ToServer =
  /** Writes what the journal holds, as lines of a history, to a file. */
  | { readonly type: "dump"; readonly file: string }
  | { readonly type: "memory" }
  /** Publishes `count` events of `bytes` to a room, named "0", "1", …, and says when all are committed. */
  | {
      readonly type: "flood";
      readonly room: string;
      readonly count: number;
      readonly bytes: number;
    };

export type FromServer =
  | { readonly type: "ready"; readonly port: number }
  | { readonly type: "dumped" }
  | { readonly type: "memory"; readonly rss: number; readonly held: number }
  | { readonly type: "flooded" };

/** What is asked of the handler of `publish`. */
export interface PublishRequest {
  readonly mid: string;
  readonly rooms: readonly string[];
  readonly hash: string;
  /** Tells a retry nothing: the event's content. */
  readonly content: string;
  /** The content goes as an attachment. */
  readonly binary: boolean;
  /** The event ends in a string. */
  readonly trailing: boolean;
  /** `io.to(…).publish`, `socket.to(…).publish` (everyone but the publisher), or a plain `io.to(…).emit`. */
  readonly how: "publish" | "publish-others" | "emit";
}

export type PublishAnswer =
  | {
      readonly ok: true;
      readonly position: string;
      readonly duplicate: boolean;
      readonly durability: string;
    }
  | { readonly ok: false; readonly code: string; readonly retryAfterMs?: number };

export interface SubscriberSpec {
  readonly kind: "subscriber";
  readonly name: string;
  readonly nsp: string;
  readonly transports: readonly string[];
  readonly rooms: readonly string[];
  /** It leaves and joins this one again and again. */
  readonly togglesRoom?: string;
  /** It is a page: now and then it is loaded anew, and gives the position that it has saved. */
  readonly reloads: boolean;
  readonly seed: number;
}

export interface PublisherSpec {
  readonly kind: "publisher";
  readonly name: string;
  readonly nsp: string;
  readonly rooms: readonly string[];
  /** Publishes under way at once. */
  readonly window: number;
  /** At most so many begin in a second. */
  readonly perSecond: number;
  /** It is a member of its rooms itself, and publishes to the others in them. */
  readonly talks: boolean;
  readonly seed: number;
}

export type ClientSpec = SubscriberSpec | PublisherSpec;

export interface ClientsSetup {
  readonly url: string;
  readonly history: string;
  readonly clients: readonly ClientSpec[];
}

export type ToClients =
  | { readonly type: "publish" }
  /** Ends the publishing; what has begun comes to its end. */
  | { readonly type: "finish" }
  /** Publishes the last event of a namespace. */
  | { readonly type: "last"; readonly nsp: string }
  | { readonly type: "close" };

export type FromClients =
  /** All subscribers of the program are in their rooms. */
  | { readonly type: "joined" }
  | { readonly type: "finished" }
  /** A subscriber has the last event. */
  | { readonly type: "caught-up"; readonly client: string }
  | { readonly type: "closed" };

/** The room that everything is published to as well: its history is the order of all. */
export const auditRoom = "all";
/** Every subscriber is in it, and waits for the last event there. */
export const lastRoom = "last";
export const lastPrefix = "last-";
