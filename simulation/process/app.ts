/**
 * The application on the server: rooms that clients ask for, answers to their messages, and whatever the plan has
 * it emit. Tells the oracle each call before it makes it.
 */
import type { EmitRecord, Recipients } from "../oracle/emit-record.ts";
import type { Oracle } from "../oracle/oracle.ts";
import type { SessionModel } from "../oracle/session-model.ts";
import { offsetOf } from "../oracle/wire.ts";
import type { OrdersPlan } from "../plan.ts";
import type { AppServer, AppSocket } from "./server-process.ts";

/** What clients bring with their CONNECT, besides what the stock client adds. */
interface Auth {
  readonly device?: unknown;
  readonly tab?: unknown;
  readonly rooms?: unknown;
  readonly pid?: unknown;
  readonly offset?: unknown;
  readonly hf?: { readonly pid?: unknown; readonly position?: unknown };
}

export interface AppOptions {
  readonly namespaces: readonly string[];
  /** Whether rooms are joined at each connection, or only by sessions that are new. */
  readonly joinAlways: boolean;
  /** Whether sessions are found by the name of the device. */
  readonly identify: boolean;
  /** Whether there is a journal. */
  readonly journal: boolean;
  /** Whether clients order. */
  readonly orders?: OrdersPlan | undefined;
  /** Resolves after a while, if the process lives then. */
  readonly pause: (lowMs: number, highMs: number) => Promise<void>;
  readonly now: () => number;
  /** The server has refused something because it takes nothing any more. */
  readonly refusesAll: () => void;
  /** Whether a handler throws: so many times of a hundred. */
  readonly throws: (percent: number) => boolean;
}

const draining = "HF_DRAINING";

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

/** What an emit looks like. Some end in a string, which a stock client takes for its position. */
export interface Shape {
  readonly trailing: boolean;
  readonly bytes: number;
  readonly binary: boolean;
}

interface Publish {
  readonly namespace: string;
  readonly rooms: readonly string[];
  readonly n: number;
  readonly name: string | undefined;
  readonly ttlMs: number | undefined;
}

/** Which older events are wanted. */
export interface Since {
  readonly kind: "start" | "since" | "last" | "ago";
  /** How many; which of the positions that were told, from the last one on; seconds. */
  readonly amount: number;
}

export class App {
  readonly #oracle: Oracle;
  readonly #options: AppOptions;
  #lastPublish: Publish | undefined;
  /** Positions that publishes have told, by namespace. */
  readonly #positions = new Map<string, string[]>();
  readonly models = new WeakMap<AppSocket, SessionModel>();
  /** By namespace, in the order in which they came. */
  readonly sockets = new Map<string, AppSocket[]>();

  constructor(oracle: Oracle, options: AppOptions) {
    this.#oracle = oracle;
    this.#options = options;
  }

  install(io: AppServer, isAlive: () => boolean): void {
    this.sockets.clear();
    io.on("emit_refused", ({ args, code }: { args: readonly unknown[]; code: string }) => {
      if (!isAlive()) return;
      if (code === draining) this.#options.refusesAll();
      this.#oracle.fates.toldRefused(Number(args[0]), code === draining);
    });
    for (const name of this.#options.namespaces) {
      this.sockets.set(name, []);
      io.of(name).on("connection", (socket) => this.#onConnection(name, socket));
    }
  }

  #onConnection(namespace: string, socket: AppSocket): void {
    const auth: Auth = socket.handshake.auth;
    const owner = textOf(auth.device) ?? "?";
    const { pid } = socket;
    const presented = textOf(auth.pid) ?? textOf(auth.hf?.pid);
    const position = textOf(auth.pid === undefined ? auth.hf?.position : auth.offset);
    const { kind, gaps } = socket.resume;
    const [gap] = gaps;
    const goesOn = kind === "gap" && gap?.reason !== "session";
    const remembers = auth.pid !== undefined;
    const tab = textOf(auth.tab) ?? "?";
    // What the server calls a session is public in lists of sessions only.
    const { _session: named }: { readonly _session?: { readonly key?: string } | undefined } =
      socket;
    const found = { pid, presented, position, remembers, goesOn, tab, key: named?.key };
    const session = this.#oracle.connected(namespace, socket.conn.id, owner, found);
    this.models.set(socket, session);
    this.sockets.get(namespace)?.push(socket);
    const isNew = socket.rooms.size <= 1;
    if (this.#options.joinAlways || isNew) {
      for (const room of Array.isArray(auth.rooms) ? auth.rooms : []) this.join(socket, `${room}`);
    }
    socket.on("say", (m: number, answer?: (n: number, m: number) => void) => {
      this.#oracle.heard(socket.conn.id, namespace, m);
      if (answer === undefined) return;
      answer(this.#oracle.emit(namespace, "reply", only(session)), m);
    });
    if (this.#options.orders !== undefined) this.#takeOrders(socket, session, this.#options.orders);
    socket.on("disconnect", (reason: string) => {
      this.models.delete(socket);
      const sockets = this.sockets.get(namespace) ?? [];
      this.sockets.set(
        namespace,
        sockets.filter((other) => other !== socket),
      );
      this.#oracle.disconnected(session, socket.conn.id);
      if (reason === "server namespace disconnect") this.#oracle.ended(session);
      if (reason === "client namespace disconnect" && !this.#options.identify) {
        this.#oracle.ended(session);
      }
    });
  }

  /** Each order has an effect, in the middle of a handler that takes its time and may throw before it. */
  #takeOrders(socket: AppSocket, session: SessionModel, plan: OrdersPlan): void {
    const { identify, pause, throws } = this.#options;
    const { lowMs, highMs, throwsPercent } = plan;
    const { orders } = this.#oracle;
    const whom = identify ? session.owner + session.namespace : session;
    socket.on("order", { once: ({ id }: { id: string }) => id }, async ({ id }) => {
      const run = orders.begins(whom, id, socket.onceAttempt);
      await pause(lowMs, highMs);
      if (throws(throwsPercent)) {
        run.throws();
        throw new Error(`${id} is not done`);
      }
      await pause(lowMs, highMs);
      return run.returns();
    });
    // An error that the application knows of.
    socket.on("error", () => {});
  }

  // --- what the plan has it do ---

  join(socket: AppSocket, room: string): void {
    const session = this.models.get(socket);
    session?.join(room, this.#oracle.call());
    void socket.join(room);
  }

  leave(socket: AppSocket, room: string): void {
    const session = this.models.get(socket);
    session?.leave(room, this.#oracle.call());
    if (session !== undefined && !socket.rooms.has(room)) {
      this.#oracle.older.leavesEarly(session, room);
    }
    void socket.leave(room);
  }

  /** The rest of an event's arguments after its number. */
  content(shape: Shape): unknown[] {
    const content: unknown[] = [];
    if (shape.bytes > 0) content.push({ text: "x".repeat(shape.bytes) });
    if (shape.binary) content.push({ bytes: Buffer.from([1, 2, 3]) });
    if (shape.trailing) content.push("a note");
    return content;
  }

  toRooms(io: AppServer, namespace: string, to: Recipients, shape: Shape): void {
    const n = this.#oracle.emit(namespace, "stored", to);
    const nsp = io.of(namespace);
    const target =
      to.except.length === 0 ? nsp.to([...to.rooms]) : nsp.to([...to.rooms]).except([...to.except]);
    target.emit("e", n, ...this.content(shape));
  }

  fromSocket(namespace: string, socket: AppSocket, rooms: readonly string[], shape: Shape): void {
    const notTo = this.models.get(socket);
    const n = this.#oracle.emit(namespace, "stored", { rooms, except: [], notTo });
    const target = rooms.length === 0 ? socket.broadcast : socket.to([...rooms]);
    target.emit("e", n, ...this.content(shape));
  }

  toSocket(namespace: string, socket: AppSocket, shape: Shape): void {
    const n = this.#oracle.emit(namespace, "stored", only(this.models.get(socket)));
    socket.emit("e", n, ...this.content(shape));
  }

  volatile(io: AppServer, namespace: string, rooms: readonly string[], shape: Shape): void {
    const n = this.#oracle.emit(namespace, "volatile", { rooms, except: [] });
    io.of(namespace)
      .to([...rooms])
      .volatile.emit("e", n, ...this.content(shape));
  }

  transient(io: AppServer, namespace: string, rooms: readonly string[], shape: Shape): void {
    if (!this.#options.journal) return;
    const n = this.#oracle.emit(namespace, "transient", { rooms, except: [] });
    io.of(namespace)
      .to([...rooms])
      .transient.emit("e", n, ...this.content(shape));
  }

  publish(
    io: AppServer,
    namespace: string,
    rooms: readonly string[],
    { id, ttlMs }: { readonly id?: string | undefined; readonly ttlMs?: number },
  ): void {
    if (!this.#options.journal) return;
    const n = this.#oracle.emit(namespace, "stored", { rooms, except: [] }, ttlMs);
    const name = id === undefined ? undefined : `${id}-${n}`;
    this.#publishNow(io, { namespace, rooms, n, name, ttlMs });
  }

  /** Joins with older events of the room: from the start, from a position, the newest ones, those of a time. */
  joinSince(socket: AppSocket, room: string, { kind, amount }: Since): void {
    const session = this.models.get(socket);
    if (session === undefined || !this.#options.journal) return;
    const position = this.#positions.get(session.namespace)?.at(-1 - amount);
    const since = { start: "start", last: { last: amount }, ago: { ago: amount * 1000 } } as const;
    if (kind === "since" && position === undefined) return;
    const asked = kind === "since" ? { since: position ?? "" } : since[kind];
    const join = this.#oracle.older.joins(session, room, (stored) =>
      this.#wanted(stored, { kind, amount }, position),
    );
    socket.join(room, asked).then(
      () => {
        join.over();
        if (socket.connected) join.joined();
      },
      () => join.over(),
    );
  }

  /** Those of the entries that must come; all of them may. */
  #wanted(
    stored: readonly EmitRecord[],
    { kind, amount }: Since,
    position: string | undefined,
  ): ReadonlySet<EmitRecord> {
    if (kind === "since") {
      const offset = offsetOf(position) ?? 0;
      return new Set(stored.filter((emit) => emit.fate === "pending" || emit.offset > offset));
    }
    if (kind === "last") {
      const pending = stored.filter(({ fate }) => fate === "pending").length;
      return new Set(amount + pending === 0 ? [] : stored.slice(-amount - pending));
    }
    if (kind === "start") return new Set(stored);
    if (this.#oracle.expiry.clockSets > 0) return new Set();
    const sinceTick = this.#options.now() - amount * 1000;
    return new Set(stored.filter(({ tick }) => tick >= sinceTick));
  }

  /** Publishes the last one with an id once more, as an application does that got no answer. */
  publishAgain(io: AppServer): void {
    const publish = this.#lastPublish;
    // One that had no effect would be a new one now.
    if (publish !== undefined && this.#oracle.emits.get(publish.n)?.fate === "committed") {
      this.#publishNow(io, publish);
    }
  }

  #publishNow(io: AppServer, publish: Publish): void {
    const { namespace, rooms, n, name, ttlMs } = publish;
    if (name !== undefined) this.#lastPublish = publish;
    const options = {
      ...(name !== undefined && { id: name }),
      ...(ttlMs !== undefined && { ttl: ttlMs }),
    };
    const pending = this.#oracle.fates.publishes(n);
    io.of(namespace)
      .to([...rooms])
      .publish("e", n, "published", options)
      .then(
        ({ position, duplicate }) => {
          this.#positions.set(namespace, [...(this.#positions.get(namespace) ?? []), position]);
          pending.resolved(position, duplicate);
        },
        (error: { code?: unknown }) => {
          if (error.code === draining) this.#options.refusesAll();
          pending.rejected(`${error.code}`);
        },
      );
  }

  /** An event with a callback: once, to the connection of the moment. */
  direct(namespace: string, socket: AppSocket, timeoutMs: number): void {
    const n = this.#oracle.emit(namespace, "direct", only(this.models.get(socket)));
    socket.timeout(timeoutMs).emit("direct", n, () => {});
  }

  /** A broadcast whose recipients answer. */
  ask(io: AppServer, namespace: string, rooms: readonly string[], timeoutMs: number): void {
    const n = this.#oracle.emit(namespace, "stored", { rooms, except: [] });
    const asked = this.#oracle.asked(n);
    io.of(namespace)
      .to([...rooms])
      .timeout(timeoutMs)
      .emit("ask", n, (_error: Error | null, answers: unknown[]) => asked.answered(answers));
  }

  socketsJoin(io: AppServer, namespace: string, from: string, room: string): void {
    const n = this.#oracle.call();
    for (const session of this.#oracle.members(namespace, from)) {
      if (session.isIn(from) === "in" && !session.ended) session.join(room, n);
      else if (session.isIn(room) === "out") session.rooms.set(room, "maybe");
    }
    io.of(namespace).in(from).socketsJoin(room);
  }

  socketsLeave(io: AppServer, namespace: string, from: string, room: string): void {
    const n = this.#oracle.call();
    for (const session of this.#oracle.members(namespace, from)) {
      if (session.isIn(from) === "in" && !session.ended) session.leave(room, n);
      else session.mayLeave(room, n);
    }
    io.of(namespace).in(from).socketsLeave(room);
  }
}

function only(session: SessionModel | undefined): Recipients {
  return { rooms: [], except: [], only: session };
}
