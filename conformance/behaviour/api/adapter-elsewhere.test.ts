/**
 * The adapters that we export, in namespaces that are not ours: those of npm socket.io, and the bare ones that unit
 * tests of adapters make up. They have no lane, and their clients know `writeToEngine()` alone.
 */
import { Adapter, SessionAwareAdapter } from "holdfast";
import { describe, expect, it } from "vitest";
import {
  collect,
  hearing,
  next,
  pair,
  pairs,
  settled,
  start,
  until,
} from "../../support/clients.ts";

/** A server of npm socket.io on one of our adapters. */
const startElsewhere = (adapter: unknown, options: object = {}) =>
  start({ ...options, adapter: adapter as never }, "socket.io");

describe("in a server of npm socket.io", () => {
  it.each(["polling", "websocket"] as const)("broadcasts reach rooms (%s)", async (transport) => {
    const { io, ...server } = await startElsewhere(Adapter);
    const all = await pairs({ io, ...server }, 3, "/", { transports: [transport] });
    const [first, second] = all.map(([socket]) => socket);
    await first?.join(["red", "blue"]);
    await second?.join("blue");
    const heard = hearing(all, "ev");
    io.to("blue").emit("ev", "text");
    io.to(["red", "blue"]).except("red").emit("ev", Buffer.from("binary"));
    io.emit("ev", "all");
    expect(await heard.counts()).toEqual([2, 3, 1]);
    expect(heard.calls[1]).toEqual([["text"], [Buffer.from("binary")], ["all"]]);
  });

  it("answers are gathered, and listeners of outgoing events hear", async () => {
    const server = await startElsewhere(Adapter);
    const [socket, client] = await pair(server);
    const outgoing = collect(
      { on: (_: string, heard: () => void) => socket.onAnyOutgoing(heard) },
      "",
    );
    client.on("question", (answer: (value: number) => void) => answer(42));
    expect(await server.io.timeout(2000).emitWithAck("question")).toEqual([42]);
    expect(outgoing.map(([event]) => event)).toEqual(["question"]);
  });

  it("a session comes back with what it missed", async () => {
    const server = await startElsewhere(SessionAwareAdapter, { connectionStateRecovery: {} });
    const [socket, client] = await pair(server, "/", { reconnection: true, reconnectionDelay: 1 });
    await socket.join("room");
    server.io.emit("ev", 1);
    await settled(socket, client);
    const heard = collect(client, "ev");
    const back = next(client, "connect");
    const gone = next(socket, "disconnect");
    client.io.engine.close();
    await gone;
    server.io.to("room").emit("ev", 2);
    await back;
    expect(client.recovered).toBe(true);
    await until(() => heard.length === 1, "the missed event");
    expect(heard[0]?.[0]).toBe(2);
  });
});

describe("in a made-up namespace", () => {
  /** A namespace with nothing but what the contract asks for, and what its clients are given to write. */
  function madeUp(encoded: readonly (string | Buffer)[], ids: readonly string[]) {
    const written: [id: string, parts: unknown, options: object][] = [];
    const sockets = ids.map((id) => {
      const writeToEngine = (parts: unknown, options: object) => written.push([id, parts, options]);
      return [id, { id, client: { writeToEngine } }] as const;
    });
    const encoder = { encode: () => encoded };
    const nsp = { name: "/", sockets: new Map(sockets), server: { encoder, opts: {} } };
    return { adapter: new Adapter(nsp as never), written };
  }

  const event = { type: 2, data: ["ev"] };

  it("a text comes encoded and framed, once for all", () => {
    const { adapter, written } = madeUp(['2["ev"]'], ["a", "b"]);
    void adapter.addAll("a", new Set(["a"]));
    void adapter.addAll("b", new Set(["b"]));
    adapter.broadcast(event, { rooms: new Set(), flags: { volatile: true, compress: false } });
    expect(written.map(([id]) => id)).toEqual(["a", "b"]);
    const [first, second] = written;
    expect(second?.[1]).toBe(first?.[1]);
    expect(second?.[2]).toBe(first?.[2]);
    expect(first?.[2]).toEqual({
      preEncoded: true,
      volatile: true,
      compress: false,
      wsPreEncodedFrame: [Buffer.from([0x81, 8]), Buffer.from('42["ev"]')],
    });
  });

  it("a packet with attachments has no frame", () => {
    const { adapter, written } = madeUp(["51-[]", Buffer.from([1])], ["a", "b"]);
    void adapter.addAll("a", new Set(["a", "room"]));
    void adapter.addAll("b", new Set(["b", "room"]));
    adapter.broadcast(event, { rooms: new Set(["room"]), except: new Set(["a"]) });
    expect(written).toEqual([["b", ["51-[]", Buffer.from([1])], { preEncoded: true }]]);
  });
});
