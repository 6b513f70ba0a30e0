/** Clients in processes of their own: stock JavaScript ones, several to a process, and one of python-socketio each. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { within } from "../../conformance/support/within.ts";
import type { ClientsSetup, FromClients, ToClients } from "../programs/messages.ts";
import { root } from "./bundle.ts";

/** What a run waits for, of each of its processes of clients. */
export interface ClientProcess {
  readonly name: string;
  /** All its subscribers are in their rooms. */
  readonly joined: Promise<unknown>;
  /** All its subscribers have the last event. */
  readonly caughtUp: Promise<unknown>;
  /** Its publishers begin. */
  publish(): void;
  /** Its publishers begin nothing more; resolves when all they began has ended. */
  finish(): Promise<unknown>;
  /** Publishes the last event of a namespace, if it has a publisher there. */
  publishLast(nsp: string): void;
  close(): Promise<void>;
  /** Ends it whatever it does. */
  kill(): void;
}

const closeLimitMs = 10_000;

export function startClients(program: string, setup: ClientsSetup): ClientProcess {
  const child = fork(program, [JSON.stringify(setup)], {
    execArgv: ["--enable-source-maps"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const heard = new Heard(child);
  child.on("message", (message) => heard.take(message as FromClients));
  const send = (message: ToClients) => void child.send(message);
  const listeners = setup.clients.filter(
    (client) => client.kind === "subscriber" || client.talks,
  ).length;
  return {
    name: setup.clients.map(({ name }) => name).join(),
    joined: heard.times("joined", 1),
    caughtUp: heard.times("caught-up", listeners),
    publish: () => send({ type: "publish" }),
    async finish() {
      const finished = heard.times("finished", 1);
      send({ type: "finish" });
      await finished;
    },
    publishLast: (nsp) => send({ type: "last", nsp }),
    async close() {
      heard.ending = true;
      send({ type: "close" });
      await within(once(child, "exit"), "the clients to close", closeLimitMs);
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

export interface PythonSetup {
  readonly url: string;
  readonly history: string;
  readonly name: string;
  readonly nsp: string;
  readonly transports: readonly string[];
  readonly rooms: readonly string[];
  readonly limitSeconds: number;
}

export function startPython(setup: PythonSetup): ClientProcess {
  const script = join(root, "crash/clients/python/subscriber.py");
  // Not what `python3` on the PATH may be, which need not see Debian's modules.
  const child = spawn("/usr/bin/python3", ["-B", script, JSON.stringify(setup)], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const heard = new Heard(child);
  // It tells at length of exceptions in its own tasks, which it gets over.
  child.stderr.on("data", (chunk) => heard.complain(String(chunk)));
  createInterface({ input: child.stdout }).on("line", (line) => {
    heard.take(JSON.parse(line) as FromClients);
  });
  return {
    name: setup.name,
    joined: heard.times("joined", 1),
    caughtUp: heard.times("caught-up", 1),
    publish: () => undefined,
    finish: () => Promise.resolve(),
    publishLast: () => undefined,
    async close() {
      heard.ending = true;
      child.stdin.end();
      await within(once(child, "exit"), "the Python client to close", closeLimitMs);
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

/** What a process has said, counted; whoever waits when it ends is told so. */
class Heard {
  /** It ends because it was asked to. */
  ending = false;
  readonly #counts = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  #ended: string | undefined;
  #complaints = "";

  constructor(child: ChildProcess) {
    child.once("exit", (code, signal) => {
      this.#ended = `a process of clients ended with ${code ?? signal}:\n${this.#complaints}`;
      this.#look();
    });
  }

  complain(text: string): void {
    this.#complaints = (this.#complaints + text).slice(-5_000);
  }

  take({ type }: { readonly type: string }): void {
    this.#counts.set(type, (this.#counts.get(type) ?? 0) + 1);
    this.#look();
  }

  times(type: string, count: number): Promise<void> {
    const heard = new Promise<void>((resolve, reject) => {
      const look = () => {
        if ((this.#counts.get(type) ?? 0) >= count) resolve();
        else if (this.#ended !== undefined && !this.ending) reject(new Error(this.#ended));
        else return;
        this.#waiting.delete(look);
      };
      this.#waiting.add(look);
      look();
    });
    // Who does not wait for it yet will see it when he does.
    heard.catch(() => undefined);
    return heard;
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }
}
