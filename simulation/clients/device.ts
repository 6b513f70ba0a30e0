/**
 * One device with a stock client on it, unmodified: only its transports, its timers and its chance are simulated.
 * Variants: a client that knows nothing of pids, as those in other languages; a page that is loaded anew and has
 * kept its pid and position.
 */
import { Manager, type Socket, type SocketOptions } from "socket.io-client";
import type { Scheduler } from "../kernel/scheduler.ts";
import { ClientPolling } from "../network/http.ts";
import type { Network } from "../network/network.ts";
import type { Path } from "../network/path.ts";
import { ClientWebSocket, type SimulatedOptions } from "../network/web-socket.ts";
import type { Oracle } from "../oracle/oracle.ts";
import type { Arrival } from "../oracle/oracle-types.ts";

export type TransportChoice = "websocket" | "polling" | "upgrade";

export interface DeviceOptions {
  readonly name: string;
  /** Whose it is: several tabs of one device have one owner. */
  readonly owner: string;
  readonly namespaces: readonly string[];
  readonly rooms: readonly string[];
  readonly transports: TransportChoice;
  /** Whether it hands its pid back, as the stock JavaScript client does. */
  readonly keepsPid: boolean;
  /** After how long the stock client sends again what was not answered. Undefined: never. */
  readonly ackTimeoutMs?: number | undefined;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly path: Path;
  readonly oracle: Oracle;
}

/** What the stock client remembers, and hands back: members that its types keep to itself. */
interface Memory {
  _pid?: string | undefined;
  _lastOffset?: string | undefined;
}

/** Clients that try again never give up. */
const retriesMax = 10_000;

/** The packet type CONNECT. */
const connectType = 0;

interface Decoder {
  on(event: "decoded", listener: (packet: Packet) => void): unknown;
}

interface Packet {
  readonly type: number;
  readonly nsp: string;
  readonly data?: unknown;
}

/** The number of an event, and where it came. */
class Arrived {
  readonly n: number;
  readonly arrival: Arrival;

  constructor(n: number, arrival: Arrival) {
    this.n = n;
    this.arrival = arrival;
  }
}

const transportClasses = {
  websocket: [ClientWebSocket],
  polling: [ClientPolling],
  upgrade: [ClientPolling, ClientWebSocket],
} as const;

export class Device {
  readonly name: string;
  readonly path: Path;
  readonly sockets = new Map<string, Socket>();
  readonly #options: DeviceOptions;
  /** What the page has stored, by namespace. */
  readonly #stored = new Map<string, { pid: string; position: string | undefined }>();
  #manager: Manager;
  #simulated: SimulatedOptions;
  #messages = 0;
  /** So long after it asks for a namespace next it leaves that, and comes back. */
  #leavesAfterMs: number | undefined;
  /** How often a namespace was asked for on a connection. */
  readonly #asked = new Map<string, number>();
  /** How often a connection has joined a namespace. */
  readonly #joined = new Map<string, number>();

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.name = options.name;
    this.path = options.path;
    this.#simulated = this.#page();
    this.#manager = this.#open();
  }

  #page(): SimulatedOptions {
    const { network, path } = this.#options;
    return { network, path, gone: false };
  }

  #open(): Manager {
    const { transports, namespaces } = this.#options;
    const options = {
      transports: [...transportClasses[transports]],
      autoConnect: false,
      simulated: this.#simulated,
    };
    // The stock client's types want names of transports or its own classes.
    const manager = new Manager("http://server.test", options);
    const send = manager._packet.bind(manager);
    manager._packet = (packet) => {
      if (packet.type === connectType) this.#countAsked(packet.nsp ?? "/");
      send(packet);
    };
    decoderOf(manager).on("decoded", (packet) => this.#decoded(packet));
    for (const namespace of namespaces) {
      const stored = this.#stored.get(namespace);
      const auth = {
        device: this.#options.owner,
        tab: this.name,
        rooms: this.#options.rooms,
        ...(stored !== undefined && { hf: stored }),
      };
      const socket = manager.socket(namespace, { auth, ...this.#retrying() });
      this.sockets.set(namespace, socket);
      this.#listen(namespace, socket);
      socket.connect();
    }
    return manager;
  }

  #retrying(): Partial<SocketOptions> {
    const { ackTimeoutMs } = this.#options;
    return ackTimeoutMs === undefined ? {} : { retries: retriesMax, ackTimeout: ackTimeoutMs };
  }

  #listen(namespace: string, socket: Socket): void {
    const { oracle } = this.#options;
    const got = (arrived: Arrived) => this.#got(namespace, arrived);
    socket.on("e", got);
    socket.on("direct", (arrived: Arrived, answer: (name: string) => void) => {
      got(arrived);
      answer(this.#fullName);
    });
    // A replay may come without the wish for an answer.
    socket.on("ask", (arrived: Arrived, answer?: unknown) => {
      got(arrived);
      if (typeof answer === "function") answer(this.#fullName);
    });
    socket.on("hf:gap", (gap) => oracle.gaps.received(this.#connectionId(), namespace, gap));
    // Its library drops all that comes after that, also the answer to a CONNECT that is on its way.
    socket.on("disconnect", (reason) => {
      if (reason === "io server disconnect") this.#tellLeft(namespace);
    });
    socket.on("connect", () => {
      if (!this.#options.keepsPid) delete memoryOf(socket)._pid;
    });
  }

  /** With its owner first: `ownerOf`. */
  get #fullName(): string {
    return `${this.#options.owner}.${this.name}`;
  }

  #got(namespace: string, { n, arrival }: Arrived): void {
    this.#options.oracle.received(arrival, namespace, n, this.#options.owner);
  }

  /**
   * A packet has been decoded, and its handlers will be called: soon, or on the next connection, for the library may
   * hold it back. So its number takes along where it came.
   */
  #decoded({ type, nsp, data }: Packet): void {
    const connectionId = this.#connectionId();
    const key = connectionId + nsp;
    if (type === connectType) this.#joined.set(key, (this.#joined.get(key) ?? 0) + 1);
    if (!Array.isArray(data)) return;
    const at = data[0] === "e" || data[0] === "ask" || data[0] === "direct" ? 1 : 0;
    const values: unknown[] = data;
    const n = values[at];
    const stayNumber = this.#joined.get(key) ?? 0;
    if (typeof n === "number") values[at] = new Arrived(n, { connectionId, stayNumber });
  }

  #countAsked(namespace: string): void {
    const key = this.#connectionId() + namespace;
    this.#asked.set(key, (this.#asked.get(key) ?? 0) + 1);
    const leavesAfterMs = this.#leavesAfterMs;
    this.#leavesAfterMs = undefined;
    if (leavesAfterMs === undefined) return;
    this.#options.scheduler.after(leavesAfterMs, () => {
      this.leaveNamespace(namespace);
      this.connectAll();
    });
  }

  #connectionId(): string {
    // The engine's id: gone when the connection is, and then nothing arrives any more.
    const { engine }: { engine?: { id?: string } } = this.#manager;
    return engine?.id ?? "";
  }

  get connected(): boolean {
    for (const socket of this.sockets.values()) if (!socket.connected) return false;
    return true;
  }

  // --- what the plan has it do ---

  say(namespace: string, wantsAnswer: boolean): void {
    const socket = this.sockets.get(namespace);
    // A client with retries wants an answer to everything.
    if (this.#options.ackTimeoutMs !== undefined) {
      this.order(namespace);
      return;
    }
    this.#messages++;
    const m = this.#messages;
    if (!wantsAnswer) {
      socket?.emit("say", m);
      return;
    }
    socket?.emit("say", m, (arrived: Arrived) => this.#got(namespace, arrived));
  }

  /** Something that is to be done once, however often it is sent. */
  order(namespace: string): void {
    const { oracle, ackTimeoutMs } = this.#options;
    if (ackTimeoutMs === undefined) return;
    this.#messages++;
    const id = `${this.name}-${this.#messages}`;
    oracle.orders.awaits(id, this.#manager);
    this.sockets.get(namespace)?.emit("order", { id }, (error: Error | null, answer: unknown) => {
      if (error === null) oracle.orders.answered(id, answer);
    });
  }

  /** The page keeps its place, as an application may do at any time. */
  store(): void {
    for (const [namespace, socket] of this.sockets) {
      const { _pid: pid, _lastOffset: position } = memoryOf(socket);
      if (pid !== undefined) this.#stored.set(namespace, { pid, position });
    }
  }

  isTabOf(other: Device): boolean {
    return this !== other && this.#options.owner === other.#options.owner;
  }

  /** Becomes a copy of another tab, with what that has stored; the other one goes on. */
  duplicate(other: Device): void {
    this.#stored.clear();
    for (const [namespace, place] of other.#stored) this.#stored.set(namespace, place);
    this.reload();
  }

  /** Whether it would answer at once on this connection. */
  isOn(connectionId: string): boolean {
    return this.#connectionId() === connectionId && this.path.isCalm;
  }

  /** The page is loaded anew: everything in memory is gone. */
  reload(): void {
    for (const socket of this.sockets.values()) socket.removeAllListeners();
    this.#options.oracle.orders.pageGone(this.#manager);
    this.#simulated.gone = true;
    // Its connections end as those of a closed page do: by their transport, if the network lets the server know.
    const tellServer = !this.path.isBlocked("up");
    this.path.cut({ tellClient: false, tellServer, reset: true });
    this.#manager._close();
    this.#simulated = this.#page();
    this.#manager = this.#open();
  }

  /** Its connection breaks, and it will hardly have asked to be let in again before it leaves and comes back. */
  leaveEarly(afterMs: number): void {
    this.#leavesAfterMs = afterMs;
    this.path.cut({ tellClient: true, tellServer: true, reset: true });
  }

  leaveNamespace(namespace: string): void {
    this.#tellLeft(namespace);
    this.sockets.get(namespace)?.disconnect();
  }

  #tellLeft(namespace: string): void {
    const connectionId = this.#connectionId();
    const stayNumber = this.#asked.get(connectionId + namespace) ?? 0;
    this.#options.oracle.left({ connectionId, stayNumber }, namespace);
  }

  /** Comes back wherever it was told to go, or went. */
  connectAll(): void {
    for (const socket of this.sockets.values()) if (!socket.active) socket.connect();
  }
}

/** The decoder is there, though the types hide it. */
function decoderOf(manager: Manager): Decoder {
  const { decoder } = manager as unknown as { decoder: Decoder };
  return decoder;
}

function memoryOf(socket: Socket): Memory {
  return socket as unknown as Memory;
}
