/** The awaited emit, and older events of a room for whoever joins it. */
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import {
  collect,
  failureOf,
  inside,
  next,
  pair,
  pass,
  type Running,
  start,
  stock,
  until,
} from "../../support/clients.ts";
import { away, cut, marked, numbers, reconnecting } from "../../support/durable.ts";
import { newFolder } from "../../support/folder.ts";

describe("join with older events", () => {
  async function withHistory(): Promise<[Running, string[]]> {
    const server = await start({ store: "memory" });
    const positions: string[] = [];
    for (let n = 0; n < 10; n++) {
      positions.push((await server.io.to("room").publish("n", n)).position);
      server.io.to("other").emit("n", -1);
    }
    return [server, positions];
  }

  it.each([
    ["since a position", (positions: string[]) => ({ since: positions[6] ?? "" }), [7, 8, 9]],
    ["the last ones", () => ({ last: 2 }), [8, 9]],
    ["of some time", () => ({ ago: "1h" }), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ["from the start", () => "start" as const, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
  ])("%s, and then what is live", async (_what, options, expected) => {
    const [server, positions] = await withHistory();
    const [socket, client] = await pair(server);
    const heard = collect(client, "n");
    const joined = socket.join("room", options(positions));
    server.io.to("room").emit("n", 10);
    await joined;
    server.io.to("room").emit("n", 11);
    await until(() => heard.some(([n]) => n === 11), "the last event");
    expect(numbers(heard)).toEqual([...expected, 10, 11]);
  });

  it("repeats nothing when it is repeated at each connection", async () => {
    const [server, positions] = await withHistory();
    server.io.on("connection", (socket) => {
      void socket.join("room", { since: positions[4] ?? "" });
    });
    const client = stock(server, "/", reconnecting);
    const heard = collect(client, "n");
    await until(() => heard.length >= 5, "the older events");
    for (let round = 0; round < 3; round++) {
      const again = await away(server.io, client, () => server.io.to("room").emit("n", 10 + round));
      await marked(again, client);
    }
    expect(numbers(heard)).toEqual([5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it("repeats nothing of many rooms once a receipt has come for what followed", async () => {
    const server = await start({ store: "memory" });
    const rooms = Array.from({ length: 20 }, (_, n) => `room-${n}`);
    for (const [n, room] of rooms.entries()) await server.io.to(room).publish("n", n);
    const [socket, client] = await pair(server, "/", reconnecting);
    const heard = collect(client, "n");
    for (const room of rooms) await socket.join(room, { last: 1 });
    const last = await server.io.to("room-0").publish("n", -1);
    for (let missing = 1; missing > 0; missing = (await last.missing()).length) await pass(1);
    const again = await away(server.io, client, () => undefined);
    await marked(again, client);
    expect(numbers(heard)).toEqual([...rooms.keys(), -1]);
  });

  it.each([
    { last: 3, ago: "1m" },
    { since: "x", last: 3 },
    { since: "x", ago: "1m" },
    { since: "x", last: 3, ago: "1m" },
    { last: 3, amount: 1 },
  ])("refuses two answers to one question: %j", async (options) => {
    const [server] = await withHistory();
    const [socket, client] = await pair(server);
    const heard = collect(client, "n");
    const error = await failureOf(() => socket.join("room", inside<{ last: number }>(options)));
    expect(error.code).toBe("HF_OPTION_INVALID");
    expect(error.message).toContain("accepted: one of");
    await server.io.to("room").publish("n", 10);
    await marked(socket, client);
    expect([heard, [...socket.rooms]]).toEqual([[], [socket.id]]);
  });

  it("refuses a position that is none", async () => {
    const [server] = await withHistory();
    const [socket] = await pair(server);
    const errors = collect(socket, "error");
    await expect(socket.join("room", { since: "hf.x.1.abcdefgh" })).rejects.toMatchObject({
      code: "HF_POSITION_INVALID",
    });
    // Where nobody awaits it, it ends nothing: a client may have chosen it.
    void socket.join("room", { since: "garbage" });
    void socket.join("room", inside({ last: -1, ago: {} }));
    await until(() => errors.length === 3, "each is told");
    expect(errors.map(([error]) => inside<{ code: string }>(error).code)).toEqual([
      "HF_POSITION_INVALID",
      "HF_POSITION_INVALID",
      "HF_OPTION_INVALID",
    ]);
    expect(socket.rooms.has("room")).toBe(false);
    await expect((await pair(await start()))[0].join("room", { last: 3 })).rejects.toMatchObject({
      code: "HF_STORE_MISSING",
    });
  });
});

function cycle(): object {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
}

function throwing(): object {
  return {
    toJSON() {
      throw new RangeError("no value");
    },
  };
}

describe("publish", () => {
  it("resolves with a position; the same id has one effect (I3)", async () => {
    const server = await start({ store: "memory" });
    const [socket, client] = await pair(server);
    await socket.join("room");
    const heard = collect(client, "n");
    const first = await server.io.to("room").publish("n", 1, { id: "a" });
    const second = await server.io.to("room").publish("n", 1, { id: "a" });
    expect(first).toMatchObject({ duplicate: false, durability: "memory" });
    expect(second).toMatchObject({ duplicate: true, position: first.position });
    await expect(server.io.to("room").publish("n", 2, { id: "a" })).rejects.toMatchObject({
      code: "HF_MESSAGE_ID_CONFLICT",
    });
    // V39: another producer's id is another's.
    const other = await server.io.to("room").publish("n", 2, { id: "a", by: socket });
    expect(other.duplicate).toBe(false);
    await marked(socket, client);
    expect(numbers(heard)).toEqual([1, 2]);
  });

  it.each([
    ["a Buffer", (byte: number) => Buffer.of(1, byte)],
    ["an array of bytes", (byte: number) => new Uint8Array([1, byte])],
    ["a view of some of them", (byte: number) => new DataView(Uint8Array.of(byte, 7).buffer, 0, 1)],
    ["memory", (byte: number) => Uint8Array.of(1, byte).buffer],
    ["words, within an object", (byte: number) => ({ words: new Uint16Array([byte, 500]) })],
  ])("tells other bytes from the same ones under an id: %s", async (_, of) => {
    const { io } = await start({ store: "memory" });
    const publish = (byte: number) => io.to("room").publish("n", of(byte), { id: "a" });
    expect((await publish(1)).duplicate).toBe(false);
    expect((await publish(1)).duplicate).toBe(true);
    await expect(publish(2)).rejects.toMatchObject({ code: "HF_MESSAGE_ID_CONFLICT" });
  });

  it("takes no argument for bytes, nor bytes for an argument (I3)", async () => {
    const { io } = await start({ store: "memory" });
    const bytes = Buffer.from("a");
    const contents: unknown[][] = [
      [{ bytes: 1 }, bytes],
      [bytes, { bytes: 1 }],
      [null, bytes],
      [bytes, null],
      [[bytes], bytes],
      [[bytes, bytes]],
      [bytes, [bytes]],
      [Buffer.from("aa"), Buffer.from("")],
    ];
    for (const [n, args] of contents.entries()) {
      const publish = () => io.publish("n", ...args, { id: "a" });
      if (n === 0) expect((await publish()).duplicate).toBe(false);
      else await expect(publish()).rejects.toMatchObject({ code: "HF_MESSAGE_ID_CONFLICT" });
    }
  });

  it.each([
    ["a BigInt", () => 1n, TypeError],
    ["a cycle", () => cycle(), TypeError],
    ["what throws", () => throwing(), RangeError],
    ["a cycle with bytes", () => ({ ...cycle(), bytes: Buffer.from("a") }), TypeError],
  ])(
    "what cannot be encoded is thrown back, as in Socket.IO, with no effect: %s",
    async (_, make, kind) => {
      const server = await start({ store: newFolder() });
      const [socket, client] = await pair(server, "/", reconnecting);
      await socket.join("room");
      const heard = collect(client, "n");
      const { io } = server;
      io.to("room").emit("n", 1);
      for (const emit of [
        () => io.to("room").emit("n", make()),
        () => io.to("room").transient.emit("n", make()),
        () =>
          io
            .to("room")
            .timeout(50)
            .emit("n", make(), () => undefined),
        () => socket.emit("n", make()),
        () => socket.emit("n", make(), () => undefined),
      ]) {
        expect(emit).toThrow(kind);
      }
      for (const options of [{}, { id: "a" }]) {
        await expect(io.to("room").publish("n", make(), options)).rejects.toThrow(kind);
      }
      // Its id is not taken.
      expect((await io.to("room").publish("n", 2, { id: "a" })).duplicate).toBe(false);
      await marked(socket, client);
      const again = await away(io, client, () => io.to("room").emit("n", 3));
      await marked(again, client);
      expect(numbers(heard)).toEqual([1, 2, 3]);
      expect(client.recovered).toBe(true);
    },
  );

  it("gives what a client can be answered with as it is", async () => {
    const server = await start({ store: "memory" });
    const [socket, client] = await pair(server);
    socket.on("say", (text: string, reply: (result: unknown) => void) => {
      void server.io.to("room").publish("said", text).then(reply);
    });
    const answer: unknown = await client.emitWithAck("say", "hello");
    const { position } = await server.io.to("room").publish("said", "more");
    const here = expect.stringMatching(/^hp\./);
    expect(position).toEqual(here);
    expect(answer).toEqual({ position: here, duplicate: false, durability: "memory" });
  });

  it("shows its position to whoever spreads it, looks at its keys, or logs it", async () => {
    const server = await start({ store: "memory" });
    const result = await server.io.to("room").publish("n", 1);
    expect(Object.keys(result).sort()).toEqual(["duplicate", "durability", "position"]);
    const logged = inspect(result);
    const { position } = result;
    expect({ ...result }).toEqual({ position, duplicate: false, durability: "memory" });
    expect(logged).toContain(position);
    expect(position).toMatch(/^hp\./);
  });

  it("knows who has not confirmed an event", async () => {
    const server = await start({ store: "memory" });
    const [socket, client] = await pair(server);
    const [other, otherClient] = await pair(server);
    await socket.join("room");
    await other.join("room");
    const gone = next(other, "disconnect");
    cut(otherClient);
    await gone;
    const result = await server.io.to("room").publish("n", 1);
    await marked(socket, client);
    await server.io.to("room").publish("n", 2);
    let missing = await result.missing();
    for (let tries = 0; missing.length > 1 && tries < 1000; tries++) {
      await new Promise((resolve) => setImmediate(resolve));
      missing = await result.missing();
    }
    expect(missing).toMatchObject([{ online: false, socketId: other.id }]);
  });

  it("does not give what is past its time", async () => {
    const server = await start({ store: "memory" });
    const [socket, client] = await pair(server, "/", reconnecting);
    await socket.join("room");
    const heard = collect(client, "n");
    const again = await away(server.io, client, async () => {
      await server.io.to("room").publish("n", -1, { ttl: 0 });
      await server.io.to("room").publish("n", 1, { ttl: "1h" });
    });
    await marked(again, client);
    expect(numbers(heard)).toEqual([1]);
    await again.resume.done;
    expect(again.resume).toMatchObject({ missed: 1, expired: 1 });
  });

  it.each<[string, unknown, string]>([
    ["id", "", "a string of 1 to 256 characters"],
    ["id", "x".repeat(257), "a string of 1 to 256 characters"],
    ["id", 7, "a string of 1 to 256 characters"],
    ["ttl", "soon", "milliseconds"],
    ["ttl", -1, "milliseconds"],
    ["ttl", null, "milliseconds"],
    ["by", "ann", "a socket"],
    ["by", null, "a socket"],
    ["by", { id: "its id" }, "a socket"],
  ])("refuses %s: %j, and nothing is kept", async (option, value, accepted) => {
    const server = await start({ store: "memory" });
    const error = await failureOf(() =>
      server.io.to("room").publish("n", 1, { id: "a", [option]: value }),
    );
    expect(error.code).toBe("HF_PUBLISH_INVALID");
    expect(error.message).toContain(`"${option}" is `);
    expect(error.message).toContain(`accepted: ${accepted}`);
    const again = await server.io.to("room").publish("n", 2, { id: "a" });
    expect(again.duplicate).toBe(false);
  });

  it.each(["volatile", "transient"] as const)(
    "is not made %s: that is kept nowhere",
    async (how) => {
      const server = await start({ store: "memory" });
      const error = await failureOf(() => server.io.to("room")[how].publish("n", 1, { id: "a" }));
      expect(error.code).toBe("HF_PUBLISH_INVALID");
      expect(error.message).toContain(`.${how}`);
      expect((await server.io.to("room").publish("n", 2, { id: "a" })).duplicate).toBe(false);
    },
  );

  it("knows a client by its socket, also in its last handler, and none that has no session", async () => {
    const server = await start({ store: "memory" });
    const [socket, client] = await pair(server);
    const last = new Promise<{ duplicate: boolean }>((resolve, reject) => {
      socket.on("disconnect", () => {
        server.io.publish("n", 1, { id: "a", by: socket }).then(resolve, reject);
      });
    });
    await server.io.publish("n", 1, { id: "a", by: socket });
    client.disconnect();
    expect(await last).toMatchObject({ duplicate: true });

    const [plain] = await pair(await start());
    const error = await failureOf(() => server.io.publish("n", 1, { id: "a", by: plain }));
    expect(error.code).toBe("HF_PUBLISH_INVALID");
  });

  it("tells options from arguments, or says that it cannot", async () => {
    const server = await start({ store: "memory" });
    const [socket, client] = await pair(server);
    const heard = collect(client, "n");
    await server.io.publish("n", { id: "data" }, {});
    await server.io.publish("n", { id: "data", more: 1 });
    await server.io.publish("n", null, { id: "an-id" });
    for (const wrong of [[{ id: "either" }], [1, () => {}]]) {
      await expect(server.io.publish("n", ...wrong)).rejects.toMatchObject({
        code: "HF_PUBLISH_INVALID",
      });
    }
    await marked(socket, client);
    expect(heard).toEqual([[{ id: "data" }], [{ id: "data", more: 1 }], [null]]);
    await expect((await start()).io.publish("n", 1)).rejects.toMatchObject({
      code: "HF_STORE_MISSING",
    });
  });
});
