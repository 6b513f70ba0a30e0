/** `socket.data` of sockets with a session: stored soon after it may have changed, if it did, as what JSON can say. */
import createDebug from "debug";
import type { Delivery } from "./delivery/delivery.ts";
import type { Session } from "./delivery/session.ts";

const debug = createDebug("holdfast:sessions");

/** How soon it is stored after an event of the client, in milliseconds. */
const delayMs = 1000;

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
    const data = dataOf(socket);
    const text = JSON.stringify(data) ?? "";
    session.data = data;
    if (text === this.#stored.get(socket) || session.end !== undefined) return;
    this.#stored.set(socket, text);
    void this.#delivery.change({ type: "data", session: session.key, data });
  }
}

/** What of the data can be kept. */
export function dataOf(socket: Pick<SocketWithData, "id" | "data">): unknown {
  try {
    const text = JSON.stringify(socket.data);
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch (error) {
    debug("%s: socket.data cannot be stored: %s", socket.id, error);
    return undefined;
  }
}
