/**
 * The contract with adapters: a subclass of npm socket.io-adapter's Adapter that records which of its methods the
 * server calls, with which arguments, and in which order. And a factory, which is all that the option needs.
 */
import { Adapter } from "socket.io-adapter";
import { describe, expect, it, vi } from "vitest";
import {
  collect,
  inside,
  jsonOf,
  next,
  nextSocket,
  pair,
  RawWebSocket,
  settled,
  start,
  until,
} from "../../support/clients.ts";

type Call = [method: string, ...args: unknown[]];

/** All calls of one test, across namespaces: the namespace's name comes second. */
function recorder() {
  const calls: Call[] = [];
  class Recorder extends Adapter {
    #note(method: string, ...args: unknown[]): void {
      // A copy: sets and packets change later.
      calls.push([method, this.nsp.name, ...args.map(copy)]);
    }
    override init() {
      this.#note("init");
    }
    override close() {
      this.#note("close");
    }
    override serverCount() {
      this.#note("serverCount");
      return super.serverCount();
    }
    override addAll(id: string, rooms: Set<string>) {
      this.#note("addAll", id, rooms);
      return super.addAll(id, rooms);
    }
    override del(id: string, room: string) {
      this.#note("del", id, room);
      return super.del(id, room);
    }
    override delAll(id: string) {
      this.#note("delAll", id);
      super.delAll(id);
    }
    override broadcast(packet: never, opts: never) {
      this.#note("broadcast", withoutNamespace(packet), opts);
      super.broadcast(packet, opts);
    }
    override broadcastWithAck(packet: never, opts: never, count: never, ack: never) {
      this.#note("broadcastWithAck", withoutNamespace(packet), opts, typeof count, typeof ack);
      super.broadcastWithAck(packet, opts, count, ack);
    }
    override sockets(rooms: Set<string>) {
      this.#note("sockets", rooms);
      return super.sockets(rooms);
    }
    override fetchSockets(opts: never) {
      this.#note("fetchSockets", opts);
      return super.fetchSockets(opts);
    }
    override addSockets(opts: never, rooms: string[]) {
      this.#note("addSockets", opts, rooms);
      super.addSockets(opts, rooms);
    }
    override delSockets(opts: never, rooms: string[]) {
      this.#note("delSockets", opts, rooms);
      super.delSockets(opts, rooms);
    }
    override disconnectSockets(opts: never, close: boolean) {
      this.#note("disconnectSockets", opts, close);
      super.disconnectSockets(opts, close);
    }
    override serverSideEmit(packet: unknown[]) {
      this.#note("serverSideEmit", packet);
    }
    override persistSession(session: never) {
      this.#note("persistSession", session);
    }
    override restoreSession(pid: string, offset: string): Promise<never> {
      this.#note("restoreSession", pid, offset);
      return Promise.resolve(null as never);
    }
  }
  return { calls, Recorder, clear: () => calls.splice(0) };
}

/** A packet may name its namespace or not: the adapter knows it. */
function withoutNamespace({ nsp: _nsp, ...packet }: { nsp?: string }): object {
  return packet;
}

function copy(value: unknown): unknown {
  if (value instanceof Set) return new Set(value);
  if (Array.isArray(value)) return value.map(copy);
  if (
    typeof value === "object" &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype
  ) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copy(each)]));
  }
  return value;
}

async function startRecorded(options: Parameters<typeof start>[0] = {}) {
  const { calls, Recorder, clear } = recorder();
  const server = await start({ ...options, adapter: Recorder as never });
  return { server, calls, clear, Recorder };
}

const nobody = { rooms: new Set(), except: new Set() };

describe("life", () => {
  it("one instance per namespace, made with it, then init(); close() at the end", async () => {
    const { server, calls, clear, Recorder } = await startRecorded();
    expect(server.io.sockets.adapter).toBeInstanceOf(Recorder);
    server.io.of("/x");
    expect(calls).toEqual([
      ["init", "/"],
      ["init", "/x"],
    ]);
    clear();
    await server.io.close();
    expect(calls).toEqual([
      ["close", "/"],
      ["close", "/x"],
    ]);
  });

  it("a parent namespace has none", async () => {
    const { server, calls, clear } = await startRecorded();
    clear();
    server.io.of(/^\/dynamic-\d+$/);
    expect(calls).toEqual([]);
    server.io.of("/dynamic-1");
    expect(calls).toEqual([["init", "/dynamic-1"]]);
  });

  it("the option may be a factory, called with new or without a class behind it", async () => {
    const made: Adapter[] = [];
    const server = await start({
      adapter: function factory(nsp: unknown) {
        const adapter = new Adapter(nsp);
        made.push(adapter);
        return adapter;
      } as never,
    });
    expect(server.io.sockets.adapter).toBe(made[0]);
    const [socket, client] = await pair(server);
    const heard = next(client, "ev");
    server.io.to(socket.id).emit("ev", 1);
    expect(await heard).toEqual([1]);
  });

  it("init() may be async and may fail; the namespace works on", async () => {
    class Failing extends Adapter {
      override async init() {
        throw new Error("on purpose");
      }
    }
    const server = await start({ adapter: Failing as never });
    const [socket, client] = await pair(server);
    await settled(socket, client);
  });

  it("addAll() and del() may be async: join() and leave() give their promise", async () => {
    let done = 0;
    class Slow extends Adapter {
      override async addAll(id: string, rooms: Set<string>) {
        await super.addAll(id, rooms);
        await new Promise((resolve) => setTimeout(resolve, 5));
        done++;
      }
      override async del(id: string, room: string) {
        await super.del(id, room);
        await new Promise((resolve) => setTimeout(resolve, 5));
        done++;
      }
    }
    const server = await start({ adapter: Slow as never });
    const [socket] = await pair(server);
    await until(() => done === 1, "the join of the own room");
    const joining = socket.join("x");
    expect(done).toBe(1);
    await joining;
    expect(done).toBe(2);
    await socket.leave("x");
    expect(done).toBe(3);
  });
});

describe("what the adapter needs of its namespace and sockets", () => {
  it("name, server.encoder, sockets, _ids, _onServerSideEmit, server.opts", async () => {
    const { server } = await startRecorded({ connectionStateRecovery: {} });
    const { nsp } = server.io.of("/x").adapter as unknown as {
      nsp: {
        name: string;
        server: { encoder: { encode: unknown }; opts: { connectionStateRecovery: unknown } };
        sockets: Map<string, unknown>;
        _ids: number;
        _onServerSideEmit: unknown;
      };
    };
    expect(nsp).toBe(server.io.of("/x"));
    expect(nsp.name).toBe("/x");
    expect(nsp.server.encoder.encode).toBeTypeOf("function");
    expect(nsp.server.opts.connectionStateRecovery).toEqual({
      maxDisconnectionDuration: 120_000,
      skipMiddlewares: true,
    });
    expect(nsp.sockets).toBeInstanceOf(Map);
    expect(nsp._ids).toBe(0);
    expect(nsp._onServerSideEmit).toBeTypeOf("function");
  });

  it("a foreign adapter's broadcast() goes by client.writeToEngine() with the encoded packets", async () => {
    const { server } = await startRecorded();
    const [socket] = await pair(server);
    const written = vi.spyOn(
      inside<{ writeToEngine(packets: unknown[], options: object): void }>(socket.client),
      "writeToEngine",
    );
    server.io.compress(false).volatile.emit("ev", 1);
    expect(written).toHaveBeenCalledTimes(1);
    const [packets, options] = written.mock.calls[0] ?? [];
    expect(packets).toEqual(['2["ev",1]']);
    expect(options).toMatchObject({ preEncoded: true, volatile: true, compress: false });
  });

  it("a subclass may send to one socket on its own", async () => {
    const { server } = await startRecorded();
    const serverSide = nextSocket(server.io);
    const raw = await RawWebSocket.open(server);
    await raw.join();
    const socket = await serverSide;
    const { adapter } = server.io.sockets;
    const encoder = inside<{ encoder: { encode(packet: unknown): string[] } }>(server.io).encoder;
    const encoded = encoder.encode({ type: 2, nsp: "/", data: ["own", Buffer.from([1])] });
    inside<{ apply(opts: object, callback: (socket: unknown) => void): void }>(adapter).apply(
      { rooms: new Set([socket.id]) },
      (each) => {
        inside<{ client: { writeToEngine(packets: unknown, options: object): void } }>(
          each,
        ).client.writeToEngine(encoded, { preEncoded: true });
      },
    );
    expect([await raw.next(), await raw.next()]).toEqual([
      '451-["own",{"_placeholder":true,"num":0}]',
      Buffer.from([1]),
    ]);
  });
});

describe("calls", () => {
  it("connection and disconnection", async () => {
    const { server, calls, clear } = await startRecorded();
    clear();
    const [socket, client] = await pair(server);
    expect(calls).toEqual([["addAll", "/", socket.id, new Set([socket.id])]]);
    clear();
    const left = next(socket, "disconnect");
    client.disconnect();
    await left;
    expect(calls).toEqual([["delAll", "/", socket.id]]);
  });

  it("join, leave, leaveAll", async () => {
    const { server, calls, clear } = await startRecorded();
    const [socket] = await pair(server);
    clear();
    await socket.join("a");
    await socket.join(["b", "c", "b"]);
    await socket.leave("a");
    inside<{ leaveAll(): void }>(socket).leaveAll();
    expect(calls).toEqual([
      ["addAll", "/", socket.id, new Set(["a"])],
      ["addAll", "/", socket.id, new Set(["b", "c"])],
      ["del", "/", socket.id, "a"],
      ["delAll", "/", socket.id],
    ]);
  });

  it("a refused socket is deleted", async () => {
    const { server, calls, clear } = await startRecorded();
    server.io.use((_socket, nextFn) => nextFn(new Error("no")));
    clear();
    const raw = await RawWebSocket.open(server);
    await raw.join();
    expect(calls).toEqual([["delAll", "/", expect.any(String)]]);
  });

  it("broadcasts: packet and options", async () => {
    const { server, calls, clear } = await startRecorded();
    const [socket] = await pair(server);
    clear();
    server.io.emit("a", 1, { b: 2 });
    server.io.to("r").to("s").except("t").volatile.compress(true).local.timeout(9).emit("c");
    socket.broadcast.emit("d");
    socket.volatile.compress(false).to("r").emit("e");
    expect(calls).toEqual([
      ["broadcast", "/", { type: 2, data: ["a", 1, { b: 2 }] }, { ...nobody, flags: {} }],
      [
        "broadcast",
        "/",
        { type: 2, data: ["c"] },
        {
          rooms: new Set(["r", "s"]),
          except: new Set(["t"]),
          flags: { volatile: true, compress: true, local: true, timeout: 9 },
        },
      ],
      [
        "broadcast",
        "/",
        { type: 2, data: ["d"] },
        { rooms: new Set(), except: new Set([socket.id]), flags: {} },
      ],
      [
        "broadcast",
        "/",
        { type: 2, data: ["e"] },
        {
          rooms: new Set(["r"]),
          except: new Set([socket.id]),
          flags: { volatile: true, compress: false },
        },
      ],
    ]);
  });

  it("broadcasts with acks: the callback is not in the packet", async () => {
    const { server, calls, clear } = await startRecorded();
    clear();
    await server.io.to("r").timeout(1000).emitWithAck("ask", 1);
    expect(calls).toEqual([
      [
        "broadcastWithAck",
        "/",
        { type: 2, data: ["ask", 1] },
        { rooms: new Set(["r"]), except: new Set(), flags: { timeout: 1000 } },
        "function",
        "function",
      ],
      ["serverCount", "/"],
    ]);
  });

  it("an emit to one socket is none of the adapter's business, but with recovery", async () => {
    const { server, calls, clear } = await startRecorded();
    const [socket] = await pair(server);
    clear();
    socket.emit("ev");
    expect(calls).toEqual([]);
    const withRecovery = await startRecorded({ connectionStateRecovery: {} });
    const [second] = await pair(withRecovery.server);
    withRecovery.clear();
    second.emit("ev", 1);
    second.volatile.emit("ask", () => undefined);
    expect(withRecovery.calls).toEqual([
      [
        "broadcast",
        "/",
        { type: 2, data: ["ev", 1] },
        { rooms: new Set([second.id]), except: new Set(), flags: {} },
      ],
      [
        "broadcast",
        "/",
        { type: 2, data: ["ask"], id: 0 },
        { rooms: new Set([second.id]), except: new Set(), flags: { volatile: true } },
      ],
    ]);
  });

  it("fetchSockets, allSockets, socketsJoin, socketsLeave, disconnectSockets", async () => {
    const { server, calls, clear } = await startRecorded();
    clear();
    await server.io.in("a").local.fetchSockets();
    await server.io.in(["a", "b"]).allSockets();
    server.io.in("a").except("b").socketsJoin("c");
    server.io.socketsLeave(["c", "d"]);
    server.io.in("a").disconnectSockets();
    server.io.of("/x").disconnectSockets(true);
    expect(calls).toEqual([
      ["fetchSockets", "/", { rooms: new Set(["a"]), except: new Set(), flags: { local: true } }],
      ["sockets", "/", new Set(["a", "b"])],
      ["addSockets", "/", { rooms: new Set(["a"]), except: new Set(["b"]), flags: {} }, ["c"]],
      ["delSockets", "/", { ...nobody, flags: {} }, ["c", "d"]],
      ["disconnectSockets", "/", { rooms: new Set(["a"]), except: new Set(), flags: {} }, false],
      ["init", "/x"],
      ["disconnectSockets", "/x", { ...nobody, flags: {} }, true],
    ]);
  });

  it("serverSideEmit: name and arguments in one array", async () => {
    const { server, calls, clear } = await startRecorded();
    clear();
    server.io.serverSideEmit("hello", 1, "two");
    expect(calls).toEqual([["serverSideEmit", "/", ["hello", 1, "two"]]]);
  });

  it("recovery: persistSession at the end, restoreSession at the beginning", async () => {
    const { server, calls, clear } = await startRecorded({ connectionStateRecovery: {} });
    const serverSide = nextSocket(server.io);
    const raw = await RawWebSocket.open(server);
    const ids = jsonOf(await raw.join()) as { sid: string; pid: string };
    const socket = await serverSide;
    await socket.join("a");
    socket.data = { user: 1 };
    clear();
    const left = next(socket, "disconnect");
    raw.close();
    await left;
    expect(calls).toEqual([
      [
        "persistSession",
        "/",
        { sid: ids.sid, pid: ids.pid, rooms: [ids.sid, "a"], data: { user: 1 } },
      ],
      ["delAll", "/", ids.sid],
    ]);
    clear();
    const again = await RawWebSocket.open(server);
    await again.join("/", { pid: ids.pid, offset: "some offset" });
    expect(calls[0]).toEqual(["restoreSession", "/", ids.pid, "some offset"]);
  });
});

describe("restoreSession", () => {
  async function answering(restore: () => unknown) {
    class Restoring extends Adapter {
      override restoreSession() {
        return restore() as Promise<never>;
      }
    }
    const server = await start({ adapter: Restoring as never, connectionStateRecovery: {} });
    const serverSide = nextSocket(server.io);
    const raw = await RawWebSocket.open(server);
    await raw.send('40{"pid":"the pid","offset":"5-0"}');
    return { server, raw, serverSide };
  }

  it("gives a session: ids, rooms, data, and packets to send", async () => {
    const { raw, serverSide } = await answering(async () => ({
      sid: "the sid",
      pid: "the pid",
      rooms: ["the sid", "room"],
      data: { kept: true },
      missedPackets: [
        ["a", 1, "6-0"],
        ["b", "7-0"],
      ],
    }));
    expect([await raw.next(), await raw.next(), await raw.next()]).toEqual([
      '42["a",1,"6-0"]',
      '42["b","7-0"]',
      '40{"sid":"the sid","pid":"the pid"}',
    ]);
    const socket = await serverSide;
    expect([socket.id, socket.recovered, socket.data, [...socket.rooms]]).toEqual([
      "the sid",
      true,
      { kept: true },
      ["the sid", "room"],
    ]);
  });

  it.each<[string, () => unknown]>([
    ["null", () => null],
    ["undefined", () => undefined],
    ["a rejection", () => Promise.reject(new Error("on purpose"))],
    [
      "an exception",
      () => {
        throw new Error("on purpose");
      },
    ],
  ])("%s means a new socket", async (_what, restore) => {
    const { raw, serverSide } = await answering(restore);
    const ids = jsonOf(await raw.next()) as { sid: string; pid: string };
    expect(ids.sid).toMatch(/^[\w-]{20}$/);
    expect(ids.pid).not.toBe("the pid");
    expect((await serverSide).recovered).toBe(false);
  });
});

describe("the default adapter has the same contract", () => {
  it("methods, tables and events", async () => {
    const server = await start();
    const adapter = inside<Record<string, unknown> & NodeJS.EventEmitter>(
      server.io.sockets.adapter,
    );
    for (const method of [
      "init",
      "close",
      "serverCount",
      "addAll",
      "del",
      "delAll",
      "broadcast",
      "broadcastWithAck",
      "sockets",
      "socketRooms",
      "fetchSockets",
      "addSockets",
      "delSockets",
      "disconnectSockets",
      "serverSideEmit",
      "persistSession",
      "restoreSession",
    ]) {
      expect([method, typeof adapter[method]]).toEqual([method, "function"]);
    }
    expect(adapter["nsp"]).toBe(server.io.sockets);
    expect(adapter["rooms"]).toBeInstanceOf(Map);
    expect(adapter["sids"]).toBeInstanceOf(Map);
    expect(await (adapter["serverCount"] as () => Promise<number>)()).toBe(1);
  });

  it("called directly it does what the server does with it", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const adapter = inside<{
      addAll(id: string, rooms: Set<string>): void;
      del(id: string, room: string): void;
      delAll(id: string): void;
      broadcast(packet: object, opts: object): void;
      broadcastWithAck(
        packet: object,
        opts: object,
        count: (n: number) => void,
        ack: (...args: unknown[]) => void,
      ): void;
      sockets(rooms: Set<string>): Promise<Set<string>>;
      socketRooms(id: string): Set<string> | undefined;
      fetchSockets(opts: object): Promise<unknown[]>;
      addSockets(opts: object, rooms: string[]): void;
      delSockets(opts: object, rooms: string[]): void;
      disconnectSockets(opts: object, close: boolean): void;
    }>(server.io.sockets.adapter);
    const heard = collect(client, "ev");
    const to = (room: string) => ({ rooms: new Set([room]), except: new Set() });
    adapter.addAll(socket.id, new Set(["a", "b"]));
    expect(adapter.socketRooms(socket.id)).toEqual(new Set([socket.id, "a", "b"]));
    adapter.broadcast({ type: 2, data: ["ev", 1] }, to("a"));
    adapter.del(socket.id, "a");
    adapter.broadcast({ type: 2, data: ["ev", 2] }, to("a"));
    adapter.addSockets(to("b"), ["c", "d"]);
    adapter.delSockets(to("b"), ["d"]);
    adapter.broadcast({ type: 2, data: ["ev", 3] }, to("c"));
    adapter.broadcast({ type: 2, data: ["ev", 4] }, to("d"));
    await settled(socket, client);
    expect(heard).toEqual([[1], [3]]);
    expect(await adapter.sockets(new Set(["b"]))).toEqual(new Set([socket.id]));
    expect(await adapter.fetchSockets(to("b"))).toEqual([socket]);
    client.on("ask", (cb: (n: number) => void) => cb(5));
    const answer = await new Promise<unknown[]>((resolve) => {
      const counts: number[] = [];
      adapter.broadcastWithAck(
        { type: 2, data: ["ask"] },
        { ...to("b"), flags: { timeout: 1000 } },
        (n) => counts.push(n),
        (...args) => resolve([counts, args]),
      );
    });
    expect(answer).toEqual([[1], [5]]);
    adapter.delAll(socket.id);
    expect(adapter.socketRooms(socket.id)).toBeUndefined();
    const left = next(client, "disconnect");
    adapter.addAll(socket.id, new Set(["z"]));
    adapter.disconnectSockets(to("z"), false);
    expect((await left)[0]).toBe("io server disconnect");
  });

  it("without recovery restores nothing", async () => {
    const server = await start();
    const adapter = inside<{ restoreSession(pid: string, offset: string): unknown }>(
      server.io.sockets.adapter,
    );
    expect((await adapter.restoreSession("a", "b")) ?? null).toBeNull();
  });
});
