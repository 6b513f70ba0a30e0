/**
 * Runs one scenario against npm socket.io and against the target, and compares what everybody saw.
 *
 * A transcript has one lane per actor: the frames that a raw client received and how its connection ended, the packets
 * and events of a stock client, the answers to plain requests, and the notes of the server (events with their arguments,
 * errors, reasons) in the order in which they came. Lanes are compared line by line; between lanes only the scenario's own
 * waiting makes an order. Ids are replaced by numbers in the order of their first appearance.
 *
 * With `HOLDFAST_TARGET=socket.io` both sides are npm's, which proves that the scenarios have one outcome.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { OutgoingHttpHeaders } from "node:http";
import type { Namespace, Server, ServerOptions, Socket } from "holdfast";
import type { Socket as StockSocket } from "socket.io-client";
import { describe, expect, it } from "vitest";
import {
  type ClientOptions,
  collect,
  type Frame,
  fetchRaw,
  inside,
  type RawOptions,
  RawPolling,
  RawWebSocket,
  type Running,
  start,
  stock,
} from "../../support/clients.ts";
import { type TargetName, targetName } from "../../support/target.ts";

export type Raw = RawWebSocket | RawPolling;

export interface Scenario {
  readonly name: string;
  readonly options?: Partial<ServerOptions>;
  /**
   * The name of a difference on purpose, as packages/protocol/STRICTER.md lists it: the target refuses what Socket.IO
   * takes, or refuses it for another reason. Others on the server notice nothing.
   */
  readonly stricter?: string;
  /** The lanes that are to be otherwise than Socket.IO's: a known difference of docs/guide/porting.md. */
  readonly differs?: Transcript;
  readonly play: (stage: Stage) => Promise<void>;
}

export type Transcript = Record<string, string[]>;

/** Compares every scenario of one theme. */
export function compare(theme: string, scenarios: readonly Scenario[]): void {
  describe(theme, () => {
    it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
      "%s",
      async (_name, scenario) => {
        const reference = await perform("socket.io", scenario);
        const subject = await perform(targetName, scenario);
        // A scenario in which nothing is heard compares nothing.
        expect(Object.values(reference).flat().length).toBeGreaterThan(0);
        if (scenario.stricter !== undefined && targetName === "holdfast") {
          expectStricter(scenario.stricter, subject, reference);
          return;
        }
        // Where Socket.IO gives a listener no details of a disconnection, there may be some.
        subject["details"] = (subject["details"] ?? []).map((line, i) => {
          return reference["details"]?.[i] === "undefined" ? "undefined" : line;
        });
        const differs = targetName === "holdfast" ? scenario.differs : undefined;
        if (differs !== undefined) expect(reference).not.toMatchObject(differs);
        expect(subject).toEqual({ details: [], ...reference, ...differs });
      },
    );
  });
}

const strictness = readFileSync(
  new URL("../../../packages/protocol/STRICTER.md", import.meta.url),
  "utf8",
);

function expectStricter(name: string, subject: Transcript, reference: Transcript): void {
  expect(strictness).toContain(`\`${name}\``);
  expect(subject).not.toEqual(reference);
  expect(subject["client ended"]).not.toEqual(["no"]);
  expect(subject["bystander ended"] ?? ["no"]).toEqual(["no"]);
  expect(subject["bystander received"]).toEqual(reference["bystander received"]);
}

async function perform(target: TargetName, scenario: Scenario): Promise<Transcript> {
  // Socket.IO completes the object that it is given.
  const server = await start({ ...scenario.options }, target);
  const stage = new Stage(server);
  await scenario.play(stage);
  await stage.quiet();
  return stage.transcript();
}

const fenceId = "987654";

export class Stage {
  readonly server: Running;
  readonly #lanes = new Map<string, unknown[]>();
  readonly #raws = new Map<string, Raw>();
  readonly #hidden = new Map<string, string>();

  constructor(server: Running) {
    this.server = server;
    this.hide(String(server.port), "<port>");
    this.watch(server.io.of("/"));
  }

  get io(): Server {
    return this.server.io;
  }

  /** A line of the server. */
  note(...what: unknown[]): void {
    this.lane("server").push(what);
  }

  lane(name: string): unknown[] {
    const lane = this.#lanes.get(name) ?? [];
    this.#lanes.set(name, lane);
    return lane;
  }

  /** Puts a name in the place of a value that is another one each time. */
  hide(value: string, name: string): void {
    this.#hidden.set(value, name);
  }

  /** Notes what happens to the sockets of a namespace. `/` is watched from the beginning. */
  watch(nsp: Namespace): void {
    nsp.on("connection", (socket) => {
      this.note("connection", socket.nsp.name, {
        recovered: socket.recovered,
        rooms: socket.rooms.size,
      });
      this.watchSocket(socket);
    });
  }

  watchSocket(socket: Socket): void {
    const where = socket.nsp.name;
    socket.on("disconnecting", (reason, details) => {
      this.note("disconnecting", where, reason, { rooms: [...socket.rooms] });
      this.lane("details").push(details);
    });
    socket.on("disconnect", (reason, details) => {
      this.note("disconnect", where, reason, { rooms: [...socket.rooms] });
      this.lane("details").push(details);
    });
    socket.on("error", (...args: unknown[]) => this.note("error", where, ...args));
    socket.onAny((event: unknown, ...args: unknown[]) => {
      if (event !== "fence") this.note("event", where, event, ...args);
    });
    socket.on("fence", (cb: () => void) => cb());
  }

  /** Calls something that may throw, and notes which it was. */
  async attempt(what: string, action: () => unknown): Promise<void> {
    try {
      this.note(what, "gave", await action());
    } catch (error) {
      this.note(what, "threw", error, inside<{ responses?: unknown }>(error).responses);
    }
  }

  // --- raw clients ---

  async websocket(name = "client", options: RawOptions = {}): Promise<RawWebSocket> {
    const raw = await RawWebSocket.open(this.server, options);
    this.#raws.set(name, raw);
    return raw;
  }

  /** Without waiting for a handshake. */
  dial(name = "client", options: RawOptions = {}): RawWebSocket {
    const raw = RawWebSocket.dial(this.server, options);
    this.#raws.set(name, raw);
    return raw;
  }

  async polling(name = "client", options: RawOptions = {}): Promise<RawPolling> {
    const raw = await RawPolling.open(this.server, options);
    this.#raws.set(name, raw);
    return raw;
  }

  open(transport: string, name = "client", options: RawOptions = {}): Promise<Raw> {
    return transport === "polling" ? this.polling(name, options) : this.websocket(name, options);
  }

  /** A raw client that has joined a namespace, and its socket. */
  async joined(
    name = "client",
    nsp = "/",
    transport: "polling" | "websocket" = "websocket",
    auth?: unknown,
  ): Promise<[raw: Raw, socket: Socket]> {
    const sockets = collect(this.io.of(nsp), "connection");
    const raw = await this.open(transport, name);
    await raw.join(nsp, auth);
    const [socket] = sockets.at(-1) ?? [];
    return [raw, socket as Socket];
  }

  /** Waits until the server has handled all that was sent, or the connection has ended. */
  async fence(raw: Raw, nsp = "/"): Promise<void> {
    const at = nsp === "/" ? "" : `${nsp},`;
    const answer = `43${at}${fenceId}[]`;
    try {
      // The question stands apart from what was sent before: a socket that has left is closed for it, not ignored.
      if (raw instanceof RawWebSocket) await pong(raw);
      await raw.send(`42${at}${fenceId}["fence"]`);
      await raw.until(answer);
    } catch (error) {
      if (raw.ended === undefined) throw error;
    }
  }

  // --- plain requests ---

  /** One request; the answer is a line of its own lane. */
  async request(
    path: string,
    init: { method?: string; headers?: OutgoingHttpHeaders; body?: string | Buffer } = {},
  ): Promise<void> {
    const { status, headers, text } = await fetchRaw(`${this.server.url}${path}`, init);
    const { date: _date, connection: _connection, "keep-alive": _alive, ...kept } = headers;
    this.lane("http").push([init.method ?? "GET", path, status, kept, text]);
  }

  // --- stock clients ---

  /** A stock client; its packets and events are noted. */
  client(name = "stock", nsp = "/", options: ClientOptions = {}): StockSocket {
    const client = stock(this.server, nsp, options);
    const lane = this.lane(name);
    const packets = this.lane(`${name} packets`);
    client.onAny((...args: unknown[]) => lane.push(["event", ...args]));
    client.on("connect", () => lane.push(["connect", { recovered: client.recovered }]));
    client.on("disconnect", (reason) => lane.push(["disconnect", reason]));
    client.on("connect_error", (error) => {
      lane.push(["connect_error", error.message, inside<{ data?: unknown }>(error).data]);
    });
    const watchEngine = () => {
      const { engine } = client.io;
      engine.on("packet", ({ type, data }: { type: string; data?: unknown }) => {
        // When a noop is sent depends on the clock.
        if (type !== "noop") packets.push([type, data]);
      });
    };
    client.io.on("open", watchEngine);
    if (inside<{ engine?: unknown }>(client.io).engine !== undefined) watchEngine();
    return client;
  }

  // --- the end ---

  /** Lets what is under way come to its end. */
  async quiet(): Promise<void> {
    for (const raw of this.#raws.values()) {
      if (raw.ended === undefined && raw instanceof RawWebSocket) {
        await pong(raw);
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }

  transcript(): Transcript {
    const ids = new Map<string, string>();
    const lines: Transcript = {};
    for (const [name, raw] of this.#raws) {
      lines[`${name} received`] = raw.received.map((frame) => this.#render(frame, ids));
      lines[`${name} ended`] = [raw.ended ?? "no"];
    }
    for (const [name, lane] of this.#lanes) {
      lines[name] = lane.map((line) => this.#render(line, ids));
    }
    return lines;
  }

  #render(line: unknown, ids: Map<string, string>): string {
    let text = typeof line === "string" ? line : render(line);
    // One hidden value may begin like another.
    const hidden = [...this.#hidden].sort(([a], [b]) => b.length - a.length);
    for (const [value, name] of hidden) {
      // A port is a number, and not a part of a longer one.
      const whole = /^\d+$/.test(value) ? new RegExp(`(?<!\\d)${value}(?!\\d)`, "g") : value;
      text = text.replaceAll(whole, name);
    }
    text = text.replace(/(?<![\w-])[\w-]{20}(?![\w-])/g, (id) => {
      const name = ids.get(id) ?? `<id ${ids.size + 1}>`;
      ids.set(id, name);
      return name;
    });
    if (text.length <= 2000) return text;
    return `${text.slice(0, 100)}… ${text.length} characters, ${createHash("sha1").update(text).digest("hex")}`;
  }
}

/** Asks for a pong: what the server wrote before it has come before it. */
async function pong({ socket }: RawWebSocket): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.once("pong", () => resolve());
    socket.once("close", () => resolve());
    if (socket.readyState === socket.OPEN) socket.ping();
    else resolve();
  });
}

function render(value: unknown): string {
  if (value === undefined) return "undefined";
  if (typeof value === "function") return "function";
  // Ours have a class and a code of their own; the text is the same.
  if (value instanceof Error) return `Error(${value.message})`;
  if (Buffer.isBuffer(value)) return `Buffer(${value.toString("hex")})`;
  if (value instanceof Uint8Array) return `Uint8Array(${Buffer.from(value).toString("hex")})`;
  if (value instanceof Set) return `Set${render([...value])}`;
  if (Array.isArray(value)) return `[${value.map(render).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value)
      .map(([key, each]) => `${key}: ${render(each)}`)
      .sort();
    return `{${entries.join(", ")}}`;
  }
  return typeof value === "symbol" ? value.toString() : JSON.stringify(value);
}

export type { Frame };
