/**
 * A stock socket.io-client in a history: it writes down when it connects and is told its position, and does not give up
 * on a request until it is answered.
 */
import { io, type Socket } from "socket.io-client";
import { offsetOf } from "../history/lines.ts";
import type { Recorder } from "../history/recorder.ts";

/** Until then a request has no answer: the client asks again. */
const answerMs = 4_000;

export interface StockOptions {
  readonly url: string;
  readonly nsp: string;
  readonly name: string;
  readonly transports: readonly string[];
  readonly auth: object;
  /** Counts the connections of all the sockets that this client had. */
  nextConnection(): number;
}

export class StockSocket {
  readonly socket: Socket;
  /** The number of its connection; that of its newest one. */
  connection = 0;
  #closed = false;

  constructor(options: StockOptions, recorder: Recorder) {
    const { url, nsp, name, transports, auth, nextConnection } = options;
    this.socket = io(`${url}${nsp === "/" ? "" : nsp}`, {
      transports: [...transports],
      auth: { ...auth },
      forceNew: true,
      reconnectionDelay: 20,
      reconnectionDelayMax: 150,
      timeout: 3_000,
    });
    // Before anything arrives on it: the events that precede CONNECT are shown before "connect" is.
    this.socket.io.on("open", () => {
      this.connection = nextConnection();
      const line = { client: name, connection: this.connection, stream: nsp, reports: true };
      recorder.write({ kind: "connect", ...line });
    });
    this.socket.onAny((event: string, position: unknown) => {
      if (event !== "hf:position") return;
      const line = { client: name, connection: this.connection, offset: offsetOf(position) };
      recorder.write({ kind: "marker", ...line });
    });
    // After these the client does not come back by itself.
    this.socket.on("connect_error", () => {
      if (!this.socket.active && !this.#closed) this.socket.connect();
    });
    this.socket.on("disconnect", () => {
      if (!this.socket.active && !this.#closed) this.socket.connect();
    });
  }

  /** Resolves when it is connected. */
  async connected(): Promise<void> {
    if (!this.socket.connected) {
      await new Promise<void>((resolve) => this.socket.once("connect", resolve));
    }
  }

  /** One attempt: rejects when the connection ends or no answer comes. */
  async ask(event: string, ...args: unknown[]): Promise<unknown> {
    return this.socket.timeout(answerMs).emitWithAck(event, ...args);
  }

  close(): void {
    this.#closed = true;
    this.socket.close();
  }

  /** Ends the connection as a page does that is loaded anew: without a word to the server. */
  vanish(): void {
    this.#closed = true;
    this.socket.io.reconnection(false);
    this.socket.io.engine.close();
    this.socket.off();
    this.socket.offAny();
  }
}
