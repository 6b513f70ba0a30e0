/** `io.user(id)`: all sessions of a user, whether they are connected or not. */
import type { Server, Socket } from "holdfast";
import type { Socket as StockSocket } from "socket.io-client";
import { describe, expect, it } from "vitest";
import {
  allSettled,
  collect,
  failureOf,
  inside,
  next,
  nextSocket,
  pair,
  RawWebSocket,
  type Running,
  settled,
  start,
  stock,
} from "../../support/clients.ts";

const identify = ({ handshake }: Socket) => {
  const { user, device } = handshake.auth as { user?: string; device?: string };
  return { user, device };
};
const durable = { store: "memory", identify };

function startNamed(): Promise<Running> {
  return start(durable, "holdfast");
}

function named(server: Running, user: string, device: string): Promise<[Socket, StockSocket]> {
  return pair(server, "/", { auth: { user, device } });
}

async function leave([socket, client]: readonly [Socket, StockSocket]): Promise<void> {
  const gone = next(socket, "disconnect");
  client.disconnect();
  await gone;
}

/** Connects again, and tells what of an event the client is given. */
async function comeBack(
  server: Running,
  user: string,
  device: string,
  event: string,
): Promise<unknown[][]> {
  const serverSide = nextSocket(server.io);
  const client = stock(server, "/", { auth: { user, device } });
  const calls = collect(client, event);
  await settled(await serverSide, client);
  return calls;
}

describe("an event for a user", () => {
  it("comes to all his devices, those that are away when they are back, and to nobody else", async () => {
    const server = await startNamed();
    const phone = await named(server, "ada", "phone");
    await leave(await named(server, "ada", "laptop"));
    const other = await named(server, "bob", "phone");
    const calls = [phone, other].map(([, client]) => collect(client, "notice"));
    server.io.user("ada").emit("notice", 1);
    const { position, duplicate } = await server.io.user("ada").publish("notice", 2, { id: "x" });
    expect([position, duplicate]).toEqual([expect.stringMatching(/^hp\./), false]);
    await allSettled([phone, other]);
    expect(calls).toEqual([[[1], [2]], []]);
    expect(await comeBack(server, "ada", "laptop", "notice")).toEqual([[1], [2]]);
    expect(await comeBack(server, "bob", "laptop", "notice")).toEqual([]);
  });

  it("comes once to a session that is in a room of the same event", async () => {
    const server = await startNamed();
    const [socket, client] = await named(server, "ada", "phone");
    await socket.join("hall");
    const notices = collect(client, "notice");
    server.io.user("ada").to("hall").emit("notice", "both");
    server.io.user("ada").except("hall").emit("notice", "not in the hall");
    await settled(socket, client);
    expect(notices).toEqual([["both"]]);
  });

  it("says who has not confirmed it", async () => {
    const server = await startNamed();
    const away = await named(server, "ada", "laptop");
    await leave(away);
    const result = await server.io.user("ada").publish("notice", 1);
    const missing = await result.missing();
    expect(missing).toMatchObject([{ userId: "ada", online: false, socketId: away[0].id }]);
  });

  it("may be transient, volatile or acknowledged, too", async () => {
    const server = await startNamed();
    const phone = await named(server, "ada", "phone");
    const other = await named(server, "bob", "phone");
    const calls = [phone, other].map(([, client]) => collect(client, "cursor"));
    phone[1].on("ask", (answer: (text: string) => void) => answer("here"));
    server.io.user("ada").transient.emit("cursor", 1);
    await allSettled([phone, other]);
    server.io.user("ada").volatile.emit("cursor", 2);
    await allSettled([phone, other]);
    expect(calls).toEqual([[[1], [2]], []]);
    expect(await server.io.user("ada").timeout(4000).emitWithAck("ask")).toEqual(["here"]);
  });
});

describe("all sessions of a user", () => {
  it("are fetched where they are connected", async () => {
    const server = await startNamed();
    const [phone] = await named(server, "ada", "phone");
    await leave(await named(server, "ada", "laptop"));
    await named(server, "bob", "phone");
    const sockets = await server.io.user("ada").fetchSockets();
    expect(sockets.map(({ id }) => id)).toEqual([phone.id]);
    expect(await server.io.user("nobody").fetchSockets()).toEqual([]);
  });

  it("join and leave rooms, also those that are away", async () => {
    const server = await startNamed();
    await named(server, "ada", "phone");
    await leave(await named(server, "ada", "laptop"));
    await named(server, "bob", "phone");
    const users = async () => {
      const members = await server.io.room("hall").members();
      return members.map(({ userId, online }) => `${userId} ${online}`).sort();
    };
    server.io.user("ada").socketsJoin("hall");
    expect(await users()).toEqual(["ada false", "ada true"]);
    server.io.user("ada").socketsLeave("hall");
    expect(await users()).toEqual([]);
  });

  it("are disconnected, and those that are away end", async () => {
    const server = await startNamed();
    const [phone] = await named(server, "ada", "phone");
    await leave(await named(server, "ada", "laptop"));
    const [bob] = await named(server, "bob", "phone");
    const gone = next(phone, "disconnect");
    server.io.user("ada").disconnectSockets();
    expect((await gone)[0]).toBe("server namespace disconnect");
    expect(bob.connected).toBe(true);
    server.io.user("ada").emit("notice", "too late");
    expect(await comeBack(server, "ada", "laptop", "notice")).toEqual([]);
  });
});

describe("a user's inbox", () => {
  it("cannot be had by the name of a room", async () => {
    const server = await startNamed();
    const [socket, client] = await named(server, "ada", "phone");
    const notices = collect(client, "notice");
    for (const room of ["\u0000uada", `\u0000s${socket.id}`, "\u0000:ada", "ada"]) {
      server.io.to(room).emit("notice", room);
      server.io.in(room).disconnectSockets();
    }
    await settled(socket, client);
    expect(notices).toEqual([]);
    expect(socket.rooms).toEqual(new Set([socket.id]));
    expect([...server.io.sockets.adapter.rooms.keys()]).toEqual([socket.id]);
  });

  it("is that of its namespace", async () => {
    const server = await startNamed();
    const [socket, client] = await named(server, "ada", "phone");
    server.io.of("/other");
    const notices = collect(client, "notice");
    server.io.of("/other").user("ada").emit("notice", 1);
    await settled(socket, client);
    expect(notices).toEqual([]);
  });

  it.each([
    ["other names", { userId: "ada" }],
    ["none", {}],
    ["a list", ["ada"]],
    ["a Date", new Date(0)],
    ["no string", { user: 7 }],
    ["a long one", "u".repeat(1025)],
    ["a long device", { device: "d".repeat(1025) }],
  ])("is no one of whom `identify` gives %s: that client is not let in", async (_, given) => {
    const identify = () => inside<{ user: string }>(given);
    const server = await start({ store: "memory", identify }, "holdfast");
    expect(await (await RawWebSocket.open(server)).join()).toMatch(/^44.*`identify` gave/);
  });

  it.each([{ user: undefined }, { device: undefined }, undefined, null])(
    "is nobody of whom `identify` says so: %j",
    async (given) => {
      const server = await start({ store: "memory", identify: () => given }, "holdfast");
      expect(await (await RawWebSocket.open(server)).join()).toMatch(/^40/);
    },
  );

  it("may have long names, of whatever characters", async () => {
    const name = "\u0001".repeat(1024);
    const server = await start({ store: "memory", identify: () => ({ user: name, device: name }) });
    const [socket, client] = await pair(server);
    const notices = collect(client, "notice");
    server.io.user(name).emit("notice", 1);
    expect((await server.io.publish("notice", 2, { id: "a", by: socket })).duplicate).toBe(false);
    expect((await server.io.publish("notice", 2, { id: "a", by: socket })).duplicate).toBe(true);
    await settled(socket, client);
    expect(notices).toEqual([[1], [2]]);
  });

  it("needs a store, `identify`, and a name", async () => {
    const code = async (io: Server, id: string) => (await failureOf(() => io.user(id))).code;
    expect(await code((await start({}, "holdfast")).io, "ada")).toBe("HF_STORE_MISSING");
    const unnamed = await start({ store: "memory" }, "holdfast");
    expect(await code(unnamed.io, "ada")).toBe("HF_IDENTITY_INVALID");
    expect(await code((await startNamed()).io, "")).toBe("HF_IDENTITY_INVALID");
  });
});
