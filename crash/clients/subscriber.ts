/**
 * A client that listens: it writes down what it gets, leaves and joins a room while it does, and as a page is loaded
 * anew now and then.
 */
import { type Chance, seeded } from "../../conformance/behaviour/upgrade/seeded.ts";
import { offsetOf } from "../history/lines.ts";
import { hashOf, type Recorder } from "../history/recorder.ts";
import { lastPrefix, lastRoom, type SubscriberSpec } from "../programs/messages.ts";
import { StockSocket } from "./stock-socket.ts";

/** Every so many events it moves, every so many a page is loaded anew. */
const moveEvery = 40;
const reloadEvery = 150;

interface Saved {
  readonly pid: string;
  readonly position: string;
}

export class Subscriber {
  readonly name: string;
  /** Resolves when it is in all its rooms. */
  readonly joined: Promise<void>;
  /** Resolves when the last event of its namespace has come. */
  readonly caughtUp: Promise<void>;
  readonly #spec: SubscriberSpec;
  readonly #url: string;
  readonly #recorder: Recorder;
  readonly #chance: Chance;
  #stock: StockSocket;
  #connections = 0;
  #saved: Saved | undefined;
  #position: string | undefined;
  #moving: Promise<void> = Promise.resolve();
  /** Requests that have no answer yet: a page that waits for one is not loaded anew. */
  #asking = 0;
  #isIn = false;
  #ended = false;
  #onLast: () => void = () => undefined;

  constructor(spec: SubscriberSpec, url: string, recorder: Recorder) {
    this.name = spec.name;
    this.#spec = spec;
    this.#url = url;
    this.#recorder = recorder;
    this.#chance = seeded(spec.seed);
    this.caughtUp = new Promise((resolve) => {
      this.#onLast = resolve;
    });
    this.#stock = this.#open();
    this.joined = this.#joinAll();
  }

  /** What it listens on, for a publisher that is a member too. */
  get stock(): StockSocket {
    return this.#stock;
  }

  /** It moves no longer. */
  async settle(): Promise<void> {
    this.#ended = true;
    await this.#moving;
  }

  close(): void {
    this.#stock.close();
  }

  #open(): StockSocket {
    const { name, nsp, transports, rooms } = this.#spec;
    const options = {
      ...{ url: this.#url, nsp, name, transports },
      auth: { rooms: [...rooms, lastRoom], ...(this.#saved ? { hf: this.#saved } : {}) },
      nextConnection: () => ++this.#connections,
    };
    const stock = new StockSocket(options, this.#recorder);
    const { socket } = stock;
    // The position that a connection begins with comes before the pid it belongs to.
    socket.on("connect", () => this.#save(stock));
    socket.onAny((event: string, detail: unknown) => {
      if (event === "hf:gap") this.#gap(stock, detail as GapNotice);
      if (event !== "hf:position") return;
      this.#position = `${detail}`;
      if (socket.connected) this.#save(stock);
    });
    socket.on("event", (event: DeliveredEvent, ...rest: unknown[]) => {
      this.#deliver(stock, event, rest.at(-1));
    });
    return stock;
  }

  /** What a page keeps for when it is loaded anew. */
  #save({ socket }: StockSocket): void {
    const { _pid: pid } = socket as unknown as { _pid?: string };
    const position = this.#position;
    if (pid !== undefined && position !== undefined) this.#saved = { pid, position };
  }

  #deliver(stock: StockSocket, { mid, content }: DeliveredEvent, last: unknown): void {
    const text = typeof content === "string" ? content : Buffer.from(content).toString();
    const hash = hashOf(text);
    const { connection } = stock;
    const line = { client: this.name, connection };
    const isPosition = typeof last === "string" && last.startsWith("hf.");
    const trailing = typeof last === "string" && !isPosition ? { trailing: true } : {};
    this.#recorder.write({ kind: "deliver", ...line, mid, hash, ...trailing });
    // With `offsets: "argument"` each event brings its own.
    if (isPosition) {
      this.#recorder.write({ kind: "marker", ...line, offset: offsetOf(last) });
      this.#position = last;
      this.#save(stock);
    }
    if (mid.startsWith(lastPrefix)) this.#onLast();
    else if (!this.#ended) this.#maybeMove(stock);
  }

  #gap({ connection }: StockSocket, { from, to, reason }: GapNotice): void {
    const range = { from: from === null ? -1 : offsetOf(from), to: offsetOf(to) };
    this.#recorder.write({ kind: "gap", client: this.name, connection, ...range, reason });
  }

  #maybeMove(stock: StockSocket): void {
    const { togglesRoom, reloads } = this.#spec;
    const mayReload = reloads && this.#asking === 0 && this.#saved !== undefined;
    if (mayReload && this.#chance.below(reloadEvery) === 0) {
      stock.vanish();
      this.#stock = this.#open();
    } else if (togglesRoom !== undefined && this.#chance.below(moveEvery) === 0) {
      this.#isIn = !this.#isIn;
      const isIn = this.#isIn;
      this.#moving = this.#moving.then(() => this.#move(togglesRoom, isIn));
    }
  }

  async #joinAll(): Promise<void> {
    for (const room of [...this.#spec.rooms, lastRoom]) await this.#move(room, true);
  }

  async #move(room: string, joins: boolean): Promise<void> {
    const line = { client: this.name, room };
    this.#recorder.write({ kind: joins ? "joining" : "leaving", ...line });
    await this.#insist(joins ? "join" : "leave", room);
    this.#recorder.write({ kind: joins ? "joined" : "left", ...line });
  }

  /** Asks until there is an answer, over however many connections. */
  async #insist(event: string, room: string): Promise<void> {
    this.#asking++;
    for (;;) {
      await this.#stock.connected();
      try {
        await this.#stock.ask(event, room);
        this.#asking--;
        return;
      } catch {
        // The connection ended, or the server was killed: what was asked may have been done, and is done again.
      }
    }
  }
}

interface DeliveredEvent {
  readonly mid: string;
  readonly content: string | Uint8Array;
}

interface GapNotice {
  readonly from: string | null;
  readonly to: string;
  readonly reason: string;
}
