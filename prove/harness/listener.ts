/** The stock client, unmodified, that notes every event it gets by its number. */
import {
  io as connectStock,
  type ManagerOptions,
  type SocketOptions,
  type Socket as StockSocket,
} from "socket.io-client";
import { Changes } from "../../conformance/support/changes.ts";

export type ClientOptions = Partial<ManagerOptions & SocketOptions>;

/** What a page keeps over a reload. */
export interface Saved {
  readonly pid: unknown;
  readonly position: unknown;
}

const waitMs = 15_000;

export class Listener {
  readonly socket: StockSocket;
  /** In the order in which they came. */
  readonly received: number[] = [];
  connects = 0;
  /** Of the connects after the first, those of which the client says `recovered`. */
  recovered = 0;
  upgraded = false;
  /** What the lines of docs/guide/page-reload.md have stored. */
  saved: Saved | undefined;
  readonly #changes = new Changes();

  constructor(url: string, options: ClientOptions) {
    // Reconnects come soon, so that a run of many trials ends; nothing else differs from the defaults.
    this.socket = connectStock(url, {
      forceNew: true,
      reconnectionDelay: 20,
      reconnectionDelayMax: 100,
      ...options,
    });
    this.socket.on("event", ({ n }: { readonly n: number }) => {
      this.received.push(n);
      this.#changes.changed();
    });
    this.socket.on("connect", () => {
      this.connects++;
      if (this.connects > 1 && this.socket.recovered) this.recovered++;
      this.#changes.changed();
    });
    this.socket.io.on("open", () => {
      this.socket.io.engine.once("upgrade", () => {
        this.upgraded = true;
        this.#changes.changed();
      });
    });
    this.socket.onAny((event: string, position: unknown) => {
      if (event !== "hf:position") return;
      const { _pid: pid } = this.socket as unknown as { readonly _pid?: string };
      this.saved = { pid, position };
    });
    this.socket.on("presence", () => this.#changes.changed());
    this.socket.on("disconnect", () => this.#changes.changed());
  }

  until(holds: (listener: Listener) => boolean, what: string): Promise<void> {
    return this.#changes.until(
      () => holds(this),
      () => `${what}; it has ${this.connects} connects and ${this.received.join()}`,
      waitMs,
    );
  }

  /** Resolves when the event of this number has come. */
  has(n: number): Promise<void> {
    return this.until(({ received }) => received.includes(n), `event ${n}`);
  }

  /** Goes as a page goes that is reloaded: it never connects again. */
  abandon(): void {
    this.socket.io.reconnection(false);
  }

  close(): void {
    this.abandon();
    this.socket.disconnect();
  }
}
