/** The `parser` option: the msgpack parser from npm, and one of our own making. */
import { EventEmitter } from "node:events";
import msgpack from "socket.io-msgpack-parser";
import { describe, expect, it } from "vitest";
import {
  collect,
  inside,
  next,
  nextSocket,
  pair,
  pairs,
  RawWebSocket,
  roundTrip,
  settled,
  start,
  stock,
} from "../../support/clients.ts";

interface Packet {
  type: number;
  nsp: string;
  data?: unknown;
  id?: number;
}

interface MsgpackParser {
  Encoder: new () => { encode(packet: Packet): Buffer[] };
  Decoder: new () => EventEmitter & { add(frame: Buffer): void };
}

const { Encoder, Decoder } = msgpack as unknown as MsgpackParser;

function pack(packet: Packet): Buffer {
  const [bytes] = new Encoder().encode(packet);
  return Buffer.from(bytes ?? []);
}

function unpack(frame: unknown): Packet {
  const decoder = new Decoder();
  let packet: Packet | undefined;
  decoder.on("decoded", (decoded: Packet) => {
    packet = decoded;
  });
  decoder.add(frame as Buffer);
  if (packet === undefined) throw new Error("no packet");
  return packet;
}

const withMsgpack = { parser: msgpack };

describe("socket.io-msgpack-parser", () => {
  it.each([["websocket"], ["polling"]])(
    "stock client over %s: events, bytes, acks both ways",
    async (transport) => {
      const server = await start(withMsgpack);
      const options = { ...withMsgpack, transports: [transport] };
      const [socket, client] = await pair(server, "/", options);
      const heard = next(client, "ev");
      socket.emit("ev", 1, { bytes: Buffer.from([1, 2]), deep: [null, "x"] });
      const [one, object] = await heard;
      expect(one).toBe(1);
      expect(Buffer.from(inside<{ bytes: Uint8Array }>(object).bytes)).toEqual(Buffer.from([1, 2]));
      socket.on("ask", (value: unknown, cb: (value: unknown) => void) => cb({ got: value }));
      expect(await roundTrip(client, "ask", [1.5, -3, "é"])).toEqual({ got: [1.5, -3, "é"] });
      client.on("ask", (cb: (s: string) => void) => cb("client"));
      expect(await socket.emitWithAck("ask")).toBe("client");
    },
  );

  it("broadcasts, rooms, namespaces and refusals", async () => {
    const server = await start(withMsgpack);
    const all = await pairs(server, 2, "/x", withMsgpack);
    await all[0]?.[0].join("room");
    const heard = all.map(([, client]) => collect(client, "ev"));
    server.io.of("/x").emit("ev", 1);
    server.io.of("/x").to("room").emit("ev", 2);
    for (const [socket, client] of all) await settled(socket, client);
    expect(heard).toEqual([[[1], [2]], [[1]]]);
    server.io.use((_socket, nextFn) => nextFn(new Error("no")));
    const [error] = await next(stock(server, "/", withMsgpack), "connect_error");
    expect((error as Error).message).toBe("no");
  });

  it("every frame is binary and holds these packets", async () => {
    const server = await start(withMsgpack);
    const serverSide = nextSocket(server.io);
    const raw = await RawWebSocket.open(server);
    await raw.send(pack({ type: 0, nsp: "/" }));
    const connect = unpack(await raw.next());
    const socket = await serverSide;
    expect(connect).toMatchObject({ type: 0, nsp: "/", data: { sid: socket.id } });
    socket.emit("ev", 1, Buffer.from([7]));
    server.io.emit("all");
    socket.emit("ask", () => undefined);
    socket.disconnect();
    expect(unpack(await raw.next())).toMatchObject({
      type: 2,
      nsp: "/",
      data: ["ev", 1, Buffer.from([7])],
    });
    expect(unpack(await raw.next())).toMatchObject({ type: 2, nsp: "/", data: ["all"] });
    expect(unpack(await raw.next())).toMatchObject({ type: 2, nsp: "/", id: 0, data: ["ask"] });
    expect(unpack(await raw.next())).toMatchObject({ type: 1, nsp: "/" });
  });

  it.each<[string, Buffer]>([
    ["no msgpack", Buffer.from([0xc1])],
    ["another packet type", pack({ type: 9, nsp: "/", data: [] })],
    ["data that is no array", pack({ type: 2, nsp: "/", data: "ev" })],
    ["no namespace", pack({ type: 2, data: ["ev"] } as never)],
  ])("closes the connection on %s", async (_what, frame) => {
    const server = await start(withMsgpack);
    const serverSide = nextSocket(server.io);
    const raw = await RawWebSocket.open(server);
    await raw.send(pack({ type: 0, nsp: "/" }));
    const left = next(await serverSide, "disconnect");
    await raw.send(frame);
    expect((await left)[0]).toBe("forced close");
    await raw.finished();
  });

  it("a text frame closes the connection", async () => {
    const server = await start(withMsgpack);
    const raw = await RawWebSocket.open(server);
    await raw.send('42["ev"]');
    await raw.finished();
  });
});

/** Packets as JSON with their keys spelled out; bytes as a frame after it. */
class SpelledEncoder {
  encode(packet: Packet): (string | Buffer)[] {
    const bytes: Buffer[] = [];
    const data = JSON.stringify(packet, (_key, value: unknown) => {
      const json = value as { type?: unknown; data?: unknown } | null;
      if (json?.type === "Buffer" && Array.isArray(json.data)) {
        bytes.push(Buffer.from(json.data as number[]));
        return { bytes: bytes.length - 1 };
      }
      return value;
    });
    return [data, ...bytes];
  }
}

class SpelledDecoder extends EventEmitter {
  static destroyed = 0;
  add(frame: string): void {
    this.emit("decoded", JSON.parse(frame) as Packet);
  }
  destroy(): void {
    SpelledDecoder.destroyed++;
  }
}

describe("a parser of one's own", () => {
  const parser = { Encoder: SpelledEncoder, Decoder: SpelledDecoder };

  it("encodes what is sent, decodes what comes in", async () => {
    const server = await start({ parser });
    const serverSide = nextSocket(server.io);
    const raw = await RawWebSocket.open(server);
    await raw.send('4{"type":0,"nsp":"/"}');
    const socket = await serverSide;
    const packetOf = (frame: unknown) => JSON.parse(String(frame).slice(1)) as Packet;
    expect(packetOf(await raw.next())).toEqual({ type: 0, nsp: "/", data: { sid: socket.id } });
    const heard = next(socket, "ev");
    await raw.send('4{"type":2,"nsp":"/","data":["ev",1]}');
    expect(await heard).toEqual([1]);
    socket.emit("bytes", Buffer.from([1, 2]));
    server.io.emit("all", Buffer.from([3]));
    expect(packetOf(await raw.next())).toEqual({
      type: 2,
      nsp: "/",
      data: ["bytes", { bytes: 0 }],
    });
    expect(await raw.next()).toEqual(Buffer.from([1, 2]));
    expect(packetOf(await raw.next())).toEqual({ type: 2, nsp: "/", data: ["all", { bytes: 0 }] });
    expect(await raw.next()).toEqual(Buffer.from([3]));
  });

  it("the decoder is destroyed with the connection, and an error of it closes the connection", async () => {
    const server = await start({ parser });
    const serverSide = nextSocket(server.io);
    const raw = await RawWebSocket.open(server);
    await raw.send('4{"type":0,"nsp":"/"}');
    const socket = await serverSide;
    const before = SpelledDecoder.destroyed;
    const errors = collect(socket, "error");
    const left = next(socket, "disconnect");
    await raw.send("4not json");
    expect((await left)[0]).toBe("forced close");
    expect(errors[0]?.[0]).toBeInstanceOf(SyntaxError);
    await raw.finished();
    expect(SpelledDecoder.destroyed).toBe(before + 1);
  });

  it("io.encoder is one of it", async () => {
    const { io } = await start({ parser });
    expect(inside(io)["encoder"]).toBeInstanceOf(SpelledEncoder);
  });
});
