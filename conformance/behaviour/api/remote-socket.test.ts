/** RemoteSocket: a socket of another server, as fetchSockets() gives it. */
import { describe, expect, it } from "vitest";
import {
  collect,
  failureOf,
  inside,
  next,
  pair,
  type Running,
  settled,
  until,
} from "../../support/clients.ts";
import { loadSocketIo } from "../../support/target.ts";
import { startLinked } from "./linked-servers.ts";

const { Socket } = await loadSocketIo();

/** A client on the second server, seen from the first. */
async function remote() {
  const [here, there] = (await startLinked(2)) as [Running, Running];
  const [socket, client] = await pair(there, "/", { auth: { token: "t" }, query: { q: "1" } });
  await socket.join("room");
  socket.data = { user: "me" };
  const [far] = await here.io.in("room").fetchSockets();
  if (far === undefined) throw new Error("not found");
  return { here, there, socket, client, far };
}

describe("properties", () => {
  it("id, rooms, data and handshake are those of the socket there", async () => {
    const { far, socket } = await remote();
    expect(far).not.toBeInstanceOf(Socket);
    expect(far.constructor.name).toBe("RemoteSocket");
    expect(far.id).toBe(socket.id);
    expect(far.rooms).toEqual(new Set([socket.id, "room"]));
    expect(far.data).toEqual({ user: "me" });
    expect(far.handshake).toMatchObject({
      address: "127.0.0.1",
      secure: false,
      xdomain: false,
      auth: { token: "t" },
    });
    expect(far.handshake.query["q"]).toBe("1");
    expect(far.handshake.url).toBe(socket.handshake.url);
    expect(far.handshake.issued).toBe(socket.handshake.issued);
  });

  it("fetchSockets() gives local sockets as they are, remote ones as RemoteSocket", async () => {
    const { here, socket } = await remote();
    const [local] = await pair(here);
    const all = await here.io.fetchSockets();
    expect(all.map((each) => each.id).sort()).toEqual([socket.id, local.id].sort());
    expect(all.find((each) => each.id === local.id)).toBe(local);
    expect(await here.io.local.fetchSockets()).toEqual([local]);
  });
});

describe("methods", () => {
  it("emit() reaches the client, and gives true", async () => {
    const { far, client } = await remote();
    const heard = next(client, "ev");
    expect(far.emit("ev", 1, "two")).toBe(true);
    expect(await heard).toEqual([1, "two"]);
  });

  it("emit() with a callback gets one answer, not a list", async () => {
    const { far, client } = await remote();
    client.on("ask", (n: number, cb: (n: number) => void) => cb(n + 1));
    const args = await new Promise((resolve) => {
      far.timeout(2000).emit("ask", 1, (...all: unknown[]) => resolve(all));
    });
    expect(args).toEqual([null, 2]);
  });

  it("timeout() gives a broadcast operator for this socket; emitWithAck too has one answer", async () => {
    const { far, client } = await remote();
    client.on("ask", (cb: (s: string) => void) => cb("yes"));
    expect(await far.timeout(2000).emitWithAck("ask")).toBe("yes");
  });

  it("the time-out error comes with null in place of responses", async () => {
    const { far } = await remote();
    const args = await new Promise((resolve) => {
      far.timeout(30).emit("nobody", (...all: unknown[]) => resolve(all));
    });
    expect(args).toEqual([new Error("operation has timed out"), null]);
  });

  it("join() and leave() change its rooms there", async () => {
    const { far, socket } = await remote();
    expect(far.join("a")).toBeUndefined();
    far.join(["b", "c"]);
    await until(() => socket.rooms.has("c"), "joined");
    expect([...socket.rooms]).toEqual([socket.id, "room", "a", "b", "c"]);
    expect(far.leave("b")).toBeUndefined();
    await until(() => !socket.rooms.has("b"), "left");
  });

  it("disconnect() ends it there and gives the remote socket back", async () => {
    const { far, client } = await remote();
    const left = next(client, "disconnect");
    expect(far.disconnect()).toBe(far);
    expect((await left)[0]).toBe("io server disconnect");
    // The stock client closes a connection on which no namespace is left, so the conn is not looked at.
  });

  it("disconnect(true) closes the connection there", async () => {
    const { far, there } = await remote();
    far.disconnect(true);
    await until(() => there.io.engine.clientsCount === 0, "no connection is left");
  });

  it("refuses reserved names", async () => {
    const { far } = await remote();
    expect((await failureOf(() => far.emit("disconnect"))).message).toBe(
      '"disconnect" is a reserved event name',
    );
  });
});

describe("between servers", () => {
  it("a broadcast reaches clients of both; local does not", async () => {
    const { here, socket, client } = await remote();
    const [local, localClient] = await pair(here);
    const far = collect(client, "ev");
    const near = collect(localClient, "ev");
    here.io.emit("ev", 1);
    here.io.local.emit("ev", 2);
    here.io.to("room").emit("ev", 3);
    await until(() => far.length === 2, "two events far away");
    await settled(socket, client);
    await settled(local, localClient);
    expect(far).toEqual([[1], [3]]);
    // What passes the bus comes back to its own server a moment later than what is local.
    expect(near.map(([n]) => n).sort()).toEqual([1, 2]);
  });

  it("a broadcast with acks collects the answers of both", async () => {
    const { here, client } = await remote();
    const [, localClient] = await pair(here);
    client.on("ask", (cb: (s: string) => void) => cb("far"));
    localClient.on("ask", (cb: (s: string) => void) => cb("near"));
    const answers = (await here.io.timeout(2000).emitWithAck("ask")) as string[];
    expect(answers.sort()).toEqual(["far", "near"]);
  });

  it("socketsJoin, socketsLeave and disconnectSockets act on both", async () => {
    const { here, socket, client } = await remote();
    here.io.in("room").socketsJoin("x");
    await until(() => socket.rooms.has("x"), "joined");
    here.io.in("x").socketsLeave("x");
    await until(() => !socket.rooms.has("x"), "left");
    const left = next(client, "disconnect");
    here.io.in("room").disconnectSockets();
    await left;
  });

  it("bytes survive the way", async () => {
    const { here, client } = await remote();
    const heard = next(client, "bytes");
    here.io.to("room").emit("bytes", new Uint8Array([1, 2, 3]));
    const [bytes] = await heard;
    expect(Buffer.from(bytes as Uint8Array)).toEqual(Buffer.from([1, 2, 3]));
  });

  it("the ack id is that of the namespace there", async () => {
    const { here, there, client } = await remote();
    client.on("ask", (cb: () => void) => cb());
    await here.io.timeout(2000).emitWithAck("ask");
    expect(inside<{ _ids: number }>(there.io.sockets)._ids).toBe(1);
  });
});
