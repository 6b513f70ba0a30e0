/** Bundles and starts program.ts, asks it to publish, hears what happens in it, and kills it. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Changes } from "../../conformance/support/changes.ts";
import { bundlePrograms } from "../../conformance/support/program.ts";
import type { Call, FromServer, Publish, RoomMessage, ServerSetup } from "./messages.ts";

const startLimitMs = 20_000;
const answerLimitMs = 20_000;

export interface Program {
  readonly file: string;
  remove(): void;
}

/** The program as Node can run it, made from the sources. Scripts and tests run in the root of the repository. */
export async function bundleProgram(): Promise<Program> {
  const folder = join(process.cwd(), "temp/prove", String(process.pid));
  await bundlePrograms([join(process.cwd(), "prove/harness/program.ts")], folder);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  return { file: join(folder, "program.mjs"), remove };
}

/** What a room has seen, as far as the server has told. */
class RoomNews {
  joined = 0;
  left = 0;
  recovered = 0;
  readonly published: number[] = [];
  /** In the order in which the handler ran. */
  readonly effects: number[] = [];
}

export class ServerProcess {
  readonly port: number;
  /** What went wrong in it. Whoever counts looks here too. */
  readonly failures: string[] = [];
  readonly #child: ChildProcess;
  readonly #rooms = new Map<string, RoomNews>();
  readonly #answers = new Map<number, number>();
  readonly #changes = new Changes();
  #calls = 0;
  #ended = false;
  #mayEnd = false;

  private constructor(child: ChildProcess, port: number, output: () => string) {
    this.#child = child;
    this.port = port;
    child.on("message", (message) => this.#hear(message as FromServer));
    child.once("exit", () => {
      this.#ended = true;
      if (!this.#mayEnd) this.failures.push(`the server ended: ${output()}`);
      this.#changes.changed();
    });
  }

  static async start(program: Program, setup: ServerSetup): Promise<ServerProcess> {
    const child = fork(program.file, [JSON.stringify(setup)], {
      stdio: ["ignore", "inherit", "pipe", "ipc"],
      execArgv: [],
    });
    let output = "";
    child.stderr?.on("data", (chunk) => {
      output = `${output}${String(chunk)}`.slice(-4_000);
    });
    const port = await new Promise<number>((resolve, reject) => {
      const fail = (why: string) => {
        clearTimeout(late);
        child.kill("SIGKILL");
        reject(new Error(`the server of ${setup.system} ${why}:\n${output}`));
      };
      const late = setTimeout(() => fail("did not start in time"), startLimitMs);
      const onExit = () => fail("ended");
      child.once("exit", onExit);
      child.once("message", (message) => {
        clearTimeout(late);
        child.off("exit", onExit);
        const first = message as FromServer;
        if (first.type === "listening") resolve(first.port);
        else fail(`said ${JSON.stringify(first)}`);
      });
    });
    return new ServerProcess(child, port, () => output);
  }

  room(name: string): RoomNews {
    const known = this.#rooms.get(name);
    if (known !== undefined) return known;
    const news = new RoomNews();
    this.#rooms.set(name, news);
    return news;
  }

  /** Resolves when what the server has told of the room makes the condition hold. */
  async until(
    name: string,
    holds: (news: RoomNews) => boolean,
    what: string,
    waitMs = answerLimitMs,
  ): Promise<void> {
    const news = this.room(name);
    await this.#changes.until(
      () => holds(news) || this.failures.length > 0,
      () => `${what}; the server has told ${JSON.stringify(news)}`,
      waitMs,
    );
    if (this.failures.length > 0) throw new Error(this.failures.join());
  }

  /** Resolves when all are published. */
  async publish(publish: Publish): Promise<void> {
    await this.#call({ name: "publish", publish });
  }

  /** Has them published and does not wait: the server may be killed meanwhile. */
  publishOn(publish: Publish): void {
    this.#send({ name: "publish", publish });
  }

  async volatile(room: string, text: string): Promise<void> {
    await this.#call({ name: "volatile", room, text });
  }

  connected(room: string): Promise<number> {
    return this.#call({ name: "connected", room });
  }

  async reachable(room: string): Promise<void> {
    await this.#call({ name: "reachable", room });
  }

  async confirmed(room: string): Promise<void> {
    await this.#call({ name: "confirmed", room });
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#mayEnd = true;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }

  /** Closes it in good order; killed when that takes too long. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#mayEnd = true;
    this.#send({ name: "end" });
    await this.#changes
      .until(
        () => this.#ended,
        () => "the end of the server",
      )
      .catch(() => this.kill());
  }

  #send(call: Call): number {
    const number = ++this.#calls;
    this.#child.send({ number, call }, () => undefined);
    return number;
  }

  async #call(call: Call): Promise<number> {
    const number = this.#send(call);
    await this.#changes.until(
      () => this.#answers.has(number) || this.#ended || this.failures.length > 0,
      () => `the answer to ${call.name}`,
      answerLimitMs,
    );
    const value = this.#answers.get(number);
    this.#answers.delete(number);
    if (value === undefined) {
      throw new Error(`no answer to ${call.name}: ${this.failures.join() || "the server ended"}`);
    }
    return value;
  }

  #hear(message: FromServer): void {
    if (message.type === "answer") this.#answers.set(message.number, message.value);
    else if (message.type === "failed") this.failures.push(message.message);
    else if (message.type !== "listening") this.#note(message);
    this.#changes.changed();
  }

  #note(message: RoomMessage): void {
    const news = this.room(message.room);
    if (message.type === "joined") {
      news.joined++;
      if (message.recovered) news.recovered++;
    } else if (message.type === "left") news.left++;
    else if (message.type === "published") news.published.push(message.n);
    else news.effects.push(message.n);
  }
}
