/** V11 to V16: WebTransport sessions, versions, event names, CORS, ids and cookies. */
import { Server as Engine } from "holdfast/engine";
import { expect, it, onTestFinished } from "vitest";
import { failureOf, within } from "../support/clients.ts";
import { rawRequest } from "../support/raw-http.ts";
import { handshakeHeaders, webSocketTarget } from "../support/raw-websocket.ts";
import {
  expectClosedFor,
  expectServed,
  get,
  joinNamespace,
  openPolling,
  openTcp,
  openWebSocket,
  path,
  pollingTarget,
  startVictim,
  text,
  useVictims,
} from "./victim.ts";

useVictims();

/** A WebTransport session whose client sends these bytes on its one stream, and nothing after. */
class FakeSession {
  closings = 0;
  readonly closed: Promise<void>;
  readonly ready = Promise.resolve();
  readonly incomingBidirectionalStreams: ReadableStream<unknown>;
  #end: () => void = () => undefined;

  constructor(bytes: Uint8Array | undefined) {
    this.closed = new Promise((resolve) => {
      this.#end = resolve;
    });
    const stream = {
      readable: new ReadableStream<Uint8Array>({
        start: (controller) => {
          if (bytes !== undefined) controller.enqueue(bytes);
          void this.closed.then(() => controller.close());
        },
      }),
      writable: new WritableStream<Uint8Array>(),
    };
    this.incomingBidirectionalStreams = new ReadableStream({
      start: (controller) => controller.enqueue(stream),
    });
  }

  close(): void {
    this.closings++;
    this.#end();
  }
}

function frame(content: string): Uint8Array {
  return Uint8Array.of(content.length, ...Buffer.from(content));
}

async function engineWith(bytes: Uint8Array | undefined, guarded = false) {
  const engine = new Engine({ transports: ["polling", "webtransport"], upgradeTimeout: 50 });
  onTestFinished(() => void engine.close());
  if (guarded) engine.use((_request, _response, next) => next());
  const session = new FakeSession(bytes);
  await within(engine.onWebTransportSession(session), "the outcome of a session");
  return { engine, session };
}

it("V11: a WebTransport session that opens in no legal way is closed and counted", async () => {
  const attacks: [what: string, bytes: Uint8Array | undefined][] = [
    ["nothing at all", undefined],
    ["half of a frame", Uint8Array.of(10, 0x30)],
    ["a message", frame("4hello")],
    ["an unknown id", frame('0{"sid":"unknown"}')],
    ["the id __proto__", frame('0{"sid":"__proto__"}')],
    ["no JSON", frame("0{")],
    ["an id that is no text", frame('0{"sid":{"toString":1}}')],
    ["an empty frame", Uint8Array.of(0)],
    ["a frame of 2^63 bytes", Uint8Array.of(127, 0x7f, 255, 255, 255, 255, 255, 255, 255)],
  ];
  for (const [what, bytes] of attacks) {
    const { engine, session } = await engineWith(bytes);
    expect([what, session.closings > 0, engine.clientsCount]).toEqual([what, true, 0]);
    expect([what, engine.refusals.get("HF_WEBTRANSPORT_HANDSHAKE")]).toEqual([what, 1]);
  }
  const { engine } = await engineWith(frame("0"));
  expect(engine.clientsCount).toBe(1);
  // Only "open" may name a connection.
  const [sid] = Object.keys(engine.clients);
  const session = new FakeSession(frame(`4{"sid":"${sid}"}`));
  await engine.onWebTransportSession(session);
  expect(session.closings).toBe(1);
});

it("V11: a WebTransport session is no way around the engine's middlewares", async () => {
  const { engine, session } = await engineWith(frame("0"), true);
  expect(engine.clientsCount).toBe(0);
  expect(session.closings).toBe(1);
  expect(engine.refusals.get("HF_WEBTRANSPORT_HANDSHAKE")).toBe(1);
});

it("V12: a connection is not continued with another protocol version", async () => {
  const victim = await startVictim();
  const sid = await openPolling(victim);
  for (const version of ["3", "2", "5", "", "04", "4.0"]) {
    const query = `EIO=${version}&sid=${sid}`;
    const upgrade = await rawRequest(victim, {
      target: `${path}?transport=websocket&${query}`,
      headers: handshakeHeaders(),
    });
    expect([version, upgrade.status]).toEqual([version, 400]);
    const poll = await get(victim, `${path}?transport=polling&${query}`);
    expect([version, poll.status]).toEqual([version, 400]);
  }
  expect((await victim.report()).connections).toBe(1);
});

it.each<[how: string, use: (next: (error?: unknown) => void) => unknown, status: number]>([
  [
    "throws",
    () => {
      throw new Error("thrown");
    },
    400,
  ],
  ["rejects", () => Promise.reject(new Error("rejected")), 400],
  ["passes an error on", (next) => next(new Error("passed on")), 400],
  [
    "calls next twice",
    (next) => {
      next();
      next(new Error("second"));
      next();
    },
    200,
  ],
  [
    "calls next and throws",
    (next) => {
      next();
      throw new Error("late");
    },
    200,
  ],
  [
    "calls next and rejects",
    async (next) => {
      next();
      throw new Error("late");
    },
    200,
  ],
])("V12: a middleware that %s harms only its request", async (_how, use, status) => {
  const { startEngine } = await import("../support/servers.ts");
  const server = await startEngine();
  onTestFinished(() => server.close());
  server.engine.use((_request: unknown, _response: unknown, next: (error?: unknown) => void) =>
    use(next),
  );
  const target = "/engine.io/?EIO=4&transport=polling";
  expect((await rawRequest(server, { target })).status).toBe(status);
  const upgrade = await rawRequest(server, {
    target: webSocketTarget(),
    headers: handshakeHeaders(),
  });
  expect(upgrade.status).toBe(status === 200 ? 101 : 400);
});

it("V13: no name of an event is dangerous", async () => {
  const victim = await startVictim();
  // Nobody listens to "error" there, and an emitter would throw.
  const harmless = [
    "error",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "data",
    "close",
    "ping",
    "",
  ];
  for (const name of harmless) {
    const socket = await joinNamespace(victim);
    await socket.send([text(`42[${JSON.stringify(name)},1]`), text('421["echo",2]')]);
    expect((await socket.message()).payload.toString()).toBe("431[2]");
  }
  const reserved = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
  ];
  for (const name of reserved) await expectClosedFor(victim, text(`42["${name}",1]`));
  const { refusals, connections } = await victim.report();
  expect(refusals).toEqual({ HF_PACKET_INVALID: reserved.length });
  expect(connections).toBe(harmless.length);
});

it("V14: without the option cors no origin is allowed anything", async () => {
  const victim = await startVictim();
  const origin: [string, string] = ["Origin", "https://evil.example"];
  const preflight: [string, string] = ["Access-Control-Request-Method", "POST"];
  for (const method of ["GET", "OPTIONS"]) {
    const answer = await rawRequest(victim, {
      method,
      target: pollingTarget(),
      headers: [origin, preflight],
    });
    const allowed = [...answer.headers.keys()].filter((name) => name.startsWith("access-control-"));
    expect(allowed).toEqual([]);
  }
});

it("V15: ids are 120 bits of chance: a million without a repeat, every character as often as others", () => {
  const engine = new Engine();
  onTestFinished(() => void engine.close());
  const generate = engine.generateId.bind(engine) as (request?: unknown) => string;
  const count = 1_000_000;
  const seen = new Set<string>();
  const counts = Array.from({ length: 20 }, () => new Uint32Array(128));
  for (let i = 0; i < count; i++) {
    const id = generate();
    seen.add(id);
    for (let at = 0; at < 20; at++) {
      const column = counts[at];
      const code = id.charCodeAt(at);
      if (column !== undefined) column[code] = (column[code] ?? 0) + 1;
    }
  }
  expect(seen.size).toBe(count);
  for (const column of counts) {
    const used = [...column].filter((times) => times > 0);
    expect(used).toHaveLength(64);
    const expected = count / 64;
    const chiSquare = used.reduce((sum, times) => sum + (times - expected) ** 2 / expected, 0);
    // 63 degrees of freedom: above 150 comes once in 10^8 columns.
    expect(chiSquare).toBeLessThan(150);
  }
});

it("V15: an id is never taken from a client, never the Socket.IO id, and never logged whole", async () => {
  const victim = await startVictim({ env: { DEBUG: "holdfast:*", DEBUG_COLORS: "no" } });
  const chosen = "A".repeat(20);
  expect((await get(victim, pollingTarget(`sid=${chosen}`))).text).toContain("Session ID unknown");
  const cookie: [string, string] = ["Cookie", `io=${chosen}`];
  expect((await get(victim, pollingTarget(), [cookie])).text).not.toContain(chosen);

  const sids = [await openPolling(victim)];
  const socket = await openWebSocket(victim, { readsHandshake: false });
  sids.push(
    (JSON.parse((await socket.message()).payload.toString().slice(1)) as { sid: string }).sid,
  );
  await socket.send(text("40"));
  const joined = (await socket.message()).payload.toString();
  // A refusal, which is logged with its connection.
  await socket.send(text("4nonsense"));
  await socket.closed();
  await get(victim, pollingTarget(`sid=${sids[0]}`), [["Origin", "\x01"]]).catch(() => undefined);
  await victim.report();
  for (const sid of sids) {
    expect(joined).not.toContain(sid);
    expect(victim.stderr).not.toContain(sid);
  }
  expect(victim.stderr).toContain("HF_PACKET_INVALID");
});

it("V16: what no cookie may hold is refused at construction", async () => {
  for (const cookie of [
    { name: "io; Domain=evil.example" },
    { name: "io\r\nSet-Cookie: a" },
    { name: "io=" },
    { path: "/; HttpOnly=no" },
    { path: "/\r\nX: y" },
    { domain: "a; b" },
  ]) {
    const error = await failureOf(() => new Engine({ cookie }));
    expect(error.code).toBe("HF_OPTION_INVALID");
  }
  const victim = await startVictim({ options: { cookie: { name: "io", path: "/a" } } });
  // Nothing that a client sends gets into it.
  const answer = await get(victim, `${pollingTarget()}&name=x;y&io=z`, [
    ["Cookie", "io=evil; path=/"],
  ]);
  const [line] = answer.headers.get("set-cookie") ?? [];
  expect(line).toMatch(/^io=[\w-]{20}; Path=\/a; HttpOnly; SameSite=Lax$/);
  const connection = await openTcp(victim);
  connection.destroy();
  await expectServed(victim);
});
