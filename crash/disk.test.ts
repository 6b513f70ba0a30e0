/**
 * Real disks that are full, read-only, or fail, under the real process: what was acknowledged is there, what was
 * refused is not, who reads goes on reading, and nothing is acknowledged after the first error of the store.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { leftOut } from "../conformance/support/needs.ts";
import { within } from "../conformance/support/within.ts";
import { StockSocket } from "./clients/stock-socket.ts";
import { Subscriber } from "./clients/subscriber.ts";
import { checkHistory } from "./history/checker.ts";
import { type Line, mergeLines, parseLines } from "./history/lines.ts";
import { hashOf, Recorder } from "./history/recorder.ts";
import { describeFirst } from "./history/verdict.ts";
import {
  auditRoom,
  type PublishAnswer,
  type PublishRequest,
  type ServerSetup,
} from "./programs/messages.ts";
import { bundlePrograms, type Programs, root } from "./support/bundle.ts";
import { ServerProcess } from "./support/server-process.ts";
import { SmallDisk } from "./support/small-disk.ts";

/** Answers that say nothing of what became of the event. */
const unknownCodes = new Set(["HF_STORE_FAILED", "no answer"]);

let programs: Programs;
beforeAll(async () => {
  programs = await bundlePrograms();
});
afterAll(() => programs.remove());

/** A server on a disk, a client that publishes to it, one that listens, and the history of both. */
class Stage {
  readonly #folder: string;
  readonly #setup: ServerSetup;
  readonly #recorder: Recorder;
  #server: ServerProcess | undefined;
  #publisher: StockSocket | undefined;
  #connections = 0;
  #operations = 0;
  #events = 0;

  constructor(store: string, setup: Partial<ServerSetup> = {}) {
    mkdirSync(join(root, "temp/crash"), { recursive: true });
    this.#folder = mkdtempSync(join(root, "temp/crash", "disk-"));
    onTestFinished(() => rmSync(this.#folder, { recursive: true, force: true }));
    this.#recorder = new Recorder(join(this.#folder, "history.jsonl"));
    this.#setup = {
      ...{ target: "holdfast", folder: store, namespaces: ["/"], offsets: "event" },
      ...{ durability: "disk", pingIntervalMs: 5_000, pingTimeoutMs: 5_000 },
      ...setup,
    };
    this.#recorder.write({ kind: "setup", offsets: "event", durability: "disk" });
    onTestFinished(async () => {
      this.#publisher?.close();
      this.#server?.signal("SIGKILL");
      await this.#server?.ended();
    });
  }

  async start(): Promise<ServerProcess> {
    this.#server = await ServerProcess.start(programs.server, this.#setup);
    return this.#server;
  }

  /** The same folder, and a new port: the publisher connects anew. */
  async restart(): Promise<ServerProcess> {
    this.#publisher?.close();
    this.#publisher = undefined;
    return this.start();
  }

  /** A client that is in the room. */
  async listen(name: string): Promise<Subscriber> {
    const spec = { kind: "subscriber", name, nsp: "/", transports: ["websocket"] } as const;
    const options = { ...spec, rooms: ["room"], reloads: false, seed: 1 };
    const subscriber = new Subscriber(options, this.#url, this.#recorder);
    onTestFinished(() => subscriber.close());
    await within(subscriber.joined, `${name} to join`, 20_000);
    return subscriber;
  }

  /** Publishes one event; resolves with the code of a refusal, or "ok". */
  async publish(bytes: number, mid = `m${++this.#events}`): Promise<PublishAnswer> {
    const content = "x".repeat(bytes);
    const rooms = ["room", auditRoom];
    const request: PublishRequest = {
      ...{ mid, rooms, hash: hashOf(content), content },
      ...{ binary: false, trailing: false, how: "publish" },
    };
    this.#publisher ??= this.#connectPublisher();
    await this.#publisher.connected();
    const op = `publisher:${++this.#operations}-${mid}`;
    const { hash } = request;
    this.#recorder.write({
      ...{ kind: "invoke", op, publisher: "publisher", stream: "/", rooms, mid, hash },
    });
    const answer = await this.#ask(request);
    if (answer.ok) {
      const { position, duplicate, durability } = answer;
      this.#recorder.write({ kind: "ok", op, position, duplicate, durability });
    } else if (unknownCodes.has(answer.code)) {
      this.#recorder.write({ kind: "info", op, why: answer.code });
    } else {
      this.#recorder.write({ kind: "fail", op, code: answer.code });
    }
    return answer;
  }

  /** How often clients were given an event. */
  deliveries(mid: string): number {
    const lines = parseLines(readFileSync(this.#historyFile, "utf8"));
    return lines.filter((line) => line.kind === "deliver" && line.mid === mid).length;
  }

  /** Publishes until an event is refused. */
  async publishUntilRefused(bytes: number): Promise<PublishAnswer & { ok: false }> {
    for (let i = 0; i < 5_000; i++) {
      const answer = await this.publish(bytes);
      if (!answer.ok) return answer;
    }
    throw new Error("nothing was refused");
  }

  /** Publishes the last event and waits until `subscribers` have it; then the history must be without a flaw. */
  async settle(server: ServerProcess, ...subscribers: readonly Subscriber[]): Promise<void> {
    expect(await this.publish(10, "last-event")).toMatchObject({ ok: true });
    for (const { name, caughtUp } of subscribers) {
      await within(caughtUp, `${name} to catch up`, 30_000);
    }
    const log = join(this.#folder, "log.jsonl");
    await server.ask({ type: "dump", file: log }, "dumped");
    const lines = mergeLines([parseLines(readFileSync(this.#historyFile, "utf8"))]);
    const at = lines.at(-1)?.at ?? 0;
    const entries = parseLines(readFileSync(log, "utf8")).map((entry) => ({ ...entry, at }));
    const all: Line[] = [...lines, ...entries];
    const verdict = checkHistory(all);
    expect(describeFirst(verdict, all)).toBe("");
    expect(verdict.figures.acked).toBeGreaterThan(1);
    expect(verdict.figures.delivered).toBeGreaterThanOrEqual(subscribers.length);
  }

  get #historyFile(): string {
    return join(this.#folder, "history.jsonl");
  }

  get #url(): string {
    return `http://127.0.0.1:${this.#server?.port}`;
  }

  #connectPublisher(): StockSocket {
    const who = { url: this.#url, nsp: "/", name: "publisher", transports: ["websocket"] };
    return new StockSocket(
      { ...who, auth: {}, nextConnection: () => ++this.#connections },
      this.#recorder,
    );
  }

  async #ask(request: PublishRequest): Promise<PublishAnswer> {
    try {
      return (await this.#publisher?.ask("publish", request)) as PublishAnswer;
    } catch {
      return { ok: false, code: "no answer" };
    }
  }
}

describe.skipIf(leftOut("mount"))("a full disk", () => {
  it("F23: refuses events until there is room again, and goes on reading", async () => {
    const disk = SmallDisk.inMemory(160);
    const stage = new Stage(join(disk.path, "store"));
    const server = await stage.start();
    const first = await stage.listen("first");
    expect(await stage.publish(1_000)).toMatchObject({ ok: true });

    disk.fill(20);
    const refusal = await stage.publishUntilRefused(100_000);
    expect(refusal.code).toBe("HF_STORE_FULL");
    expect(refusal.retryAfterMs).toBeGreaterThan(0);
    expect(await stage.publish(10)).toMatchObject({ ok: false, code: "HF_STORE_FULL" });
    // There is room kept for sessions: who comes now gets what there is.
    const second = await stage.listen("second");

    disk.free();
    await within(
      until(() => stage.publish(10)),
      "an event to be taken again",
      20_000,
    );
    expect(server.running).toBe(true);
    await stage.settle(server, first, second);
  });
});

/** Again and again until it is acknowledged: what to wait for is in the refusal. */
async function until(publish: () => Promise<PublishAnswer>): Promise<void> {
  for (;;) {
    const answer = await publish();
    if (answer.ok) return;
    await new Promise((resolve) => setTimeout(resolve, Math.min(answer.retryAfterMs ?? 100, 500)));
  }
}

describe.skipIf(leftOut("mount"))("a disk that turns read-only", () => {
  it("ends the process; what was acknowledged is there afterwards", async () => {
    const disk = SmallDisk.ext4(256);
    const store = join(disk.path, "store");
    const stage = new Stage(store);
    const server = await stage.start();
    await stage.listen("first");
    for (let i = 0; i < 20; i++) expect(await stage.publish(500)).toMatchObject({ ok: true });

    disk.breakDown();
    expect(await stage.publish(500)).toMatchObject({ ok: false });
    expect(await within(server.ended(), "the process to end", 10_000)).not.toBe(0);
    expect(server.errors).toMatch(/HF_STORE_FAILED/);
  });

  it("goes on reading when it is told not to end", async () => {
    const disk = SmallDisk.ext4(256);
    const stage = new Stage(join(disk.path, "store"), { failFast: false });
    const server = await stage.start();
    await stage.listen("first");
    for (let i = 0; i < 20; i++) expect(await stage.publish(500)).toMatchObject({ ok: true });
    disk.breakDown();
    expect(await stage.publish(500)).toMatchObject({ ok: false });
    expect(await stage.publish(500)).toMatchObject({ ok: false, code: "HF_STORE_READ_ONLY" });
    expect(server.running).toBe(true);
  });

  it("is refused when it is so from the start", async () => {
    const disk = SmallDisk.inMemory(8);
    disk.remountReadOnly();
    const stage = new Stage(join(disk.path, "store"));
    await expect(stage.start()).rejects.toThrow(/HF_STORE_INVALID/);
  });
});

describe.skipIf(leftOut("strace"))("a disk that fails to flush", () => {
  it("F24: acknowledges nothing any more; after a restart all that was acknowledged is there", async () => {
    mkdirSync(join(root, "temp/crash"), { recursive: true });
    const store = mkdtempSync(join(root, "temp/crash", "store-"));
    onTestFinished(() => rmSync(store, { recursive: true, force: true }));
    const stage = new Stage(store);
    const server = await stage.start();
    for (let i = 0; i < 20; i++) expect(await stage.publish(500)).toMatchObject({ ok: true });
    await failEveryFlush(server.pid);
    expect(await stage.publish(500)).toMatchObject({ ok: false });
    expect(await within(server.ended(), "the process to end", 10_000)).not.toBe(0);

    const again = await stage.restart();
    const late = await stage.listen("late");
    await stage.settle(again, late);
  });
});

describe.skipIf(leftOut("strace"))("a live client", () => {
  it("F13: is given nothing that the disk did not take", async () => {
    mkdirSync(join(root, "temp/crash"), { recursive: true });
    const store = mkdtempSync(join(root, "temp/crash", "store-"));
    onTestFinished(() => rmSync(store, { recursive: true, force: true }));
    const stage = new Stage(store, { failFast: false });
    const server = await stage.start();
    const { stock } = await stage.listen("first");
    expect(await stage.publish(10, "taken")).toMatchObject({ ok: true });
    await failEveryFlush(server.pid);
    expect(await stage.publish(10, "not taken")).toMatchObject({ code: "HF_STORE_FAILED" });
    expect(await stage.publish(10, "nor this")).toMatchObject({ code: "HF_STORE_READ_ONLY" });
    // Whatever is on its way to the client comes before an answer that it asks for now.
    await stock.ask("leave", "a room that it is not in");
    expect(stage.deliveries("not taken") + stage.deliveries("nor this")).toBe(0);
    expect(stage.deliveries("taken")).toBe(1);
  });
});

/** From now on the kernel says EIO to each fdatasync of a process. */
async function failEveryFlush(pid: number): Promise<void> {
  const inject = ["-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO"];
  const strace = spawn("strace", ["-f", "-p", `${pid}`, ...inject, "-o", "/dev/null"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  onTestFinished(() => void strace.kill("SIGKILL"));
  const attached = new Promise<void>((resolve) => {
    strace.stderr.on("data", (chunk) => String(chunk).includes("attached") && resolve());
  });
  await within(attached, "strace to attach", 10_000);
}
