/** `socket.data` of sockets with a session: stored soon after it may have changed, if it did, as what JSON can say. */
import type { Delivery } from "./delivery/delivery.ts";
import type { Session } from "./delivery/session.ts";
import { ServerError } from "./errors.ts";
import { show } from "./units.ts";

/** How soon it is stored after an event of the client, in milliseconds. */
const delayMs = 1000;
/** Of so many properties it is told that they cannot be stored: clients may choose their names. */
const maxNamesTold = 100;

/** All that is kept of a session is one line of a checkpoint. */
const charactersMax = 16 * 1024 * 1024;

/** What of a socket is needed. */
interface SocketWithData {
  readonly id: string;
  readonly data: unknown;
  readonly connected: boolean;
  readonly _link: { readonly session: Session } | undefined;
  _dataDue: boolean;
}

export class SessionData {
  readonly #delivery: Delivery;
  /** What was stored last of each socket's data, as JSON. */
  readonly #stored = new WeakMap<SocketWithData, string>();
  readonly #told = new Set<string>();
  #due: SocketWithData[] = [];

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
  }

  /** A socket has taken the session up: what it holds is compared with what is stored. */
  begin(socket: SocketWithData, session: Session): void {
    this.#stored.set(socket, JSON.stringify(session.data) ?? "{}");
  }

  /** Something ran that may have changed `socket.data`: it is stored soon, if it did. */
  mayHaveChanged(socket: SocketWithData): void {
    if (socket._dataDue) return;
    socket._dataDue = true;
    this.#due.push(socket);
    if (this.#due.length === 1) this.#delivery.options.later(delayMs, () => this.#storeDue());
  }

  #storeDue(): void {
    const due = this.#due;
    this.#due = [];
    for (const socket of due) {
      socket._dataDue = false;
      const session = socket._link?.session;
      if (session !== undefined && socket.connected) this.store(socket, session);
    }
  }

  /** Stores it now, if it has changed. */
  store(socket: SocketWithData, session: Session): void {
    const data = this.of(socket);
    const text = JSON.stringify(data) ?? "";
    session.data = data;
    if (text === this.#stored.get(socket) || session.end !== undefined) return;
    this.#stored.set(socket, text);
    const kept = this.#delivery.change({ type: "data", session: session.key, data });
    // Tried again when it may have changed next.
    kept.catch(() => this.#stored.delete(socket));
  }

  /** What of the data can be kept: all that JSON can say, and of the rest those properties that it can. */
  of({ data }: Pick<SocketWithData, "data">): unknown {
    try {
      const text = JSON.stringify(data) ?? "";
      if (text.length <= charactersMax) return text === "" ? undefined : JSON.parse(text);
      const why = `${text.length} characters, at most ${charactersMax}`;
      this.#tell("socket.data", new RangeError(why));
      return undefined;
    } catch (error) {
      if (isKeyed(data)) return this.#partOf(data);
      this.#tell("socket.data", error);
      return undefined;
    }
  }

  #partOf(data: Readonly<Record<string, unknown>>): unknown {
    const parts: string[] = [];
    for (const name of Object.keys(data)) {
      try {
        const text = JSON.stringify({ [name]: data[name] });
        if (text !== "{}") parts.push(text.slice(1, -1));
      } catch (error) {
        this.#tell(`socket.data[${show(name)}]`, error);
      }
    }
    return JSON.parse(`{${parts.join(",")}}`) as unknown;
  }

  /** Once for each property: it is tried again after each event of a client. */
  #tell(what: string, cause: unknown): void {
    if (this.#told.size >= maxNamesTold || this.#told.has(what)) return;
    this.#told.add(what);
    const [why] = (cause instanceof Error ? cause.message : show(cause)).split("\n");
    const { message, code } = new ServerError("HF_DATA_INVALID", `${what}: ${why}`);
    process.emitWarning(message, { type: "HoldfastWarning", code });
  }
}

/** Not an array: its elements would be others. */
function isKeyed(data: unknown): data is Readonly<Record<string, unknown>> {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return false;
  return !("toJSON" in data);
}
