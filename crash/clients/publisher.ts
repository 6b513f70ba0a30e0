/**
 * A client that publishes, several events at a time, and writes down what it asks for and what it is told. Some it asks
 * for until there is an answer, under the same message id; of some it never learns what became.
 */
import { type Chance, seeded } from "../../conformance/behaviour/upgrade/seeded.ts";
import { hashOf, type Recorder } from "../history/recorder.ts";
import {
  auditRoom,
  lastPrefix,
  lastRoom,
  type PublishAnswer,
  type PublisherSpec,
  type PublishRequest,
} from "../programs/messages.ts";
import type { StockSocket } from "./stock-socket.ts";

export class Publisher {
  readonly name: string;
  readonly nsp: string;
  readonly #spec: PublisherSpec;
  readonly #recorder: Recorder;
  readonly #chance: Chance;
  readonly #stock: StockSocket;
  #operations = 0;
  #events = 0;
  #finishing = false;
  #publishing: Promise<unknown> = Promise.resolve();

  constructor(spec: PublisherSpec, stock: StockSocket, recorder: Recorder) {
    this.name = spec.name;
    this.nsp = spec.nsp;
    this.#spec = spec;
    this.#recorder = recorder;
    this.#chance = seeded(spec.seed);
    this.#stock = stock;
  }

  start(): void {
    const slots = Array.from({ length: this.#spec.window }, () => this.#publishOnAndOn());
    this.#publishing = Promise.all(slots);
  }

  /** Begins no more; resolves when all that began has ended. */
  async finish(): Promise<void> {
    this.#finishing = true;
    await this.#publishing;
  }

  /** Publishes what everybody waits for. */
  async publishLast(): Promise<void> {
    const mid = `${lastPrefix}${this.name}-${++this.#events}`;
    const rooms = [lastRoom, auditRoom];
    await this.#publish(this.#request({ mid, rooms, trailing: false, how: "publish" }), true);
  }

  close(): void {
    this.#stock.close();
  }

  async #publishOnAndOn(): Promise<void> {
    const pauseMs = (1000 * this.#spec.window) / this.#spec.perSecond;
    while (!this.#finishing) {
      const started = performance.now();
      const { below } = this.#chance;
      const mid = `${this.name}-${++this.#events}`;
      const how = this.#how();
      const request = this.#request({ mid, rooms: this.#rooms(), trailing: below(6) === 0, how });
      await this.#publish(request, below(4) !== 0);
      const restMs = pauseMs - (performance.now() - started);
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
    }
  }

  #how(): PublishRequest["how"] {
    if (this.#spec.talks) return "publish-others";
    return this.#chance.below(8) === 0 ? "emit" : "publish";
  }

  /** One or two of its rooms: a member of both gets the event once. */
  #rooms(): string[] {
    const { rooms } = this.#spec;
    const first = this.#chance.below(rooms.length);
    const second = this.#chance.below(rooms.length * 2);
    const chosen = [rooms[first] ?? auditRoom, rooms[second] ?? auditRoom, auditRoom];
    return [...new Set(chosen)];
  }

  #request(fixed: Pick<PublishRequest, "mid" | "rooms" | "trailing" | "how">): PublishRequest {
    const content = `${fixed.mid} ${"x".repeat(this.#chance.below(300))}`;
    const binary = this.#chance.below(10) === 0;
    return { ...fixed, content, hash: hashOf(content), binary };
  }

  async #publish(request: PublishRequest, insists: boolean): Promise<void> {
    while ((await this.#attempt(request)) === "unknown" && insists) {
      // A plain emit has no id: asking again would be another event.
      if (request.how === "emit") return;
    }
  }

  async #attempt(request: PublishRequest): Promise<"ended" | "unknown"> {
    await this.#stock.connected();
    const op = `${this.name}:${++this.#operations}`;
    const { mid, rooms, hash } = request;
    const line = { op, publisher: this.name, stream: this.nsp, rooms, mid, hash };
    const except = request.how === "publish-others" ? { except: this.name } : {};
    this.#recorder.write({ kind: "invoke", ...line, ...except });
    let answer: PublishAnswer;
    try {
      answer = (await this.#stock.ask("publish", request)) as PublishAnswer;
    } catch (error) {
      this.#recorder.write({ kind: "info", op, why: String(error) });
      return "unknown";
    }
    if (answer.ok) {
      const { position, duplicate, durability } = answer;
      this.#recorder.write({ kind: "ok", op, position, duplicate, durability });
    } else if (answer.code === "emitted" || answer.code === "HF_STORE_FAILED") {
      this.#recorder.write({ kind: "info", op, why: answer.code });
    } else {
      this.#recorder.write({ kind: "fail", op, code: answer.code });
    }
    return "ended";
  }
}
