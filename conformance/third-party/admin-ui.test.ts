/**
 * The server side of npm @socket.io/admin-ui, which reaches deep into the server, seen by a client of its namespace.
 * Goal: it shows what goes on and its commands work, in both modes.
 */
import { instrument } from "@socket.io/admin-ui";
import type { Server as OriginalServer } from "socket.io";
import { describe, expect, it } from "vitest";
import {
  collect,
  next,
  nextSocket,
  pair,
  type Running,
  start,
  stock,
  until,
} from "../support/clients.ts";
import { expectTarget } from "./ours.ts";

type Options = Parameters<typeof instrument>[1];

async function startInstrumented(options: Options): Promise<Running> {
  const server = await start();
  expectTarget(server.io);
  instrument(server.io as unknown as OriginalServer, { auth: false, ...options });
  return server;
}

function isOfAdmin(value: unknown): boolean {
  return value === "/admin" || (value as { nsp?: unknown } | undefined)?.nsp === "/admin";
}

async function admin(server: Running, auth: Record<string, unknown> = {}) {
  const client = stock(server, "/admin", { auth });
  const events: unknown[][] = [];
  client.onAny((...args: unknown[]) => events.push(args));
  await next(client, "connect");
  // The admin's own socket shows too.
  const named = (name: string) =>
    events.filter(([event, first]) => event === name && !isOfAdmin(first));
  return { client, events, named };
}

describe("the admin UI in development mode", () => {
  it("tells what sockets there are and what the server does", async () => {
    const server = await startInstrumented({ mode: "development" });
    const [socket] = await pair(server);
    await socket.join("room");
    const { named } = await admin(server);
    await until(() => named("all_sockets").length > 0, "the sockets come");
    expect(named("config")).toHaveLength(1);
    const [, sockets] = named("all_sockets")[0] ?? [];
    expect(sockets).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          id: socket.id,
          clientId: socket.client.id.slice(0, 12),
          transport: "websocket",
          nsp: "/",
          rooms: expect.arrayContaining([socket.id, "room"]),
          handshake: expect.objectContaining({ address: socket.handshake.address }),
        }),
      ]),
    );
    await until(() => named("server_stats").length > 0, "the statistics come");
    await until(() => {
      const [, stats] = named("server_stats").at(-1) ?? [];
      return (stats as { clientsCount: number }).clientsCount === 2;
    }, "both clients are counted");
    expect(named("server_stats").at(-1)?.[1]).toMatchObject({
      hostname: expect.any(String),
      pid: process.pid,
      pollingClientsCount: 0,
      namespaces: expect.arrayContaining([{ name: "/", socketsCount: 1 }]),
    });
  });

  it("tells of sockets, events and rooms as they come and go", async () => {
    const server = await startInstrumented({ mode: "development" });
    const { named } = await admin(server);
    const coming = nextSocket(server.io);
    const client = stock(server, "/", { transports: ["polling", "websocket"] });
    const socket = await coming;
    await until(() => named("socket_connected").length > 0, "the socket shows");
    expect(named("socket_connected")[0]?.[1]).toMatchObject({ id: socket.id, nsp: "/" });
    await until(() => named("socket_updated").length > 0, "the upgrade shows");
    expect(named("socket_updated").map(([, update]) => update)).toContainEqual({
      id: socket.id,
      nsp: "/",
      transport: "websocket",
    });

    await socket.join("room");
    client.emit("question", 1, { a: true });
    await until(() => named("event_received").length > 0, "the event shows");
    expect(named("event_received")[0]?.slice(1, 4)).toEqual([
      "/",
      socket.id,
      ["question", 1, { a: true }],
    ]);
    socket.emit("answer", 2);
    await until(() => named("event_sent").length > 0, "the answer shows");
    expect(named("event_sent")[0]?.slice(1, 4)).toEqual(["/", socket.id, ["answer", 2]]);
    expect(named("room_joined").map((args) => args.slice(1, 4))).toContainEqual([
      "/",
      "room",
      socket.id,
    ]);
    socket.data["name"] = "bee";
    await until(() => named("socket_updated").length > 1, "the data shows");
    expect(named("socket_updated").at(-1)?.[1]).toMatchObject({ data: { name: "bee" } });

    client.disconnect();
    await until(() => named("socket_disconnected").length > 0, "the end shows");
    expect(named("socket_disconnected")[0]?.slice(1, 4)).toEqual([
      "/",
      socket.id,
      "client namespace disconnect",
    ]);
    expect(named("room_left").map((args) => args.slice(1, 4))).toContainEqual([
      "/",
      "room",
      socket.id,
    ]);
  });

  it("carries out the commands of the admin", async () => {
    const server = await startInstrumented({ mode: "development" });
    const [socket, client] = await pair(server);
    const { client: boss } = await admin(server);
    boss.emit("join", "/", "room", socket.id);
    await until(() => socket.rooms.has("room"), "it joined");
    const heard = next(client, "news");
    boss.emit("emit", "/", "room", "news", 1);
    expect(await heard).toEqual([1]);
    boss.emit("leave", "/", "room", socket.id);
    await until(() => !socket.rooms.has("room"), "it left");
    const gone = next(client, "disconnect");
    boss.emit("_disconnect", "/", false, socket.id);
    expect((await gone)[0]).toBe("io server disconnect");
  });

  it("watches namespaces that come later", async () => {
    const server = await startInstrumented({ mode: "development" });
    const { named } = await admin(server);
    server.io.of(/^\/later-\d$/);
    const [socket] = await pair(server, "/later-1");
    await until(() => named("socket_connected").length > 0, "the socket shows");
    expect(named("socket_connected")[0]?.[1]).toMatchObject({ id: socket.id, nsp: "/later-1" });
  });
});

describe("the admin UI in production mode", () => {
  it("counts instead of telling each event", async () => {
    const server = await startInstrumented({ mode: "production" });
    const { named, client: boss } = await admin(server);
    const [socket, client] = await pair(server);
    const counted = collect(boss, "server_stats");
    await client
      .timeout(3000)
      .emitWithAck("nobody answers")
      .catch(() => undefined);
    socket.emit("answer");
    const count = (type: string): number =>
      counted
        .flatMap(
          ([stats]) =>
            (stats as { aggregatedEvents: { type: string; count: number }[] }).aggregatedEvents,
        )
        .filter((event) => event.type === type)
        .reduce((sum, event) => sum + event.count, 0);
    await until(() => count("packetsOut") > 0, "packets are counted");
    await until(() => count("packetsIn") > 0, "packets are counted");
    await until(() => count("rawConnection") > 0, "connections are counted");
    expect(count("bytesOut")).toBeGreaterThan(0);
    expect(count("bytesIn")).toBeGreaterThan(0);
    expect(named("event_received")).toEqual([]);
    expect(named("socket_connected")).toEqual([]);
  });

  it("asks for name and password", async () => {
    const auth = {
      type: "basic" as const,
      username: "admin",
      // bcrypt of "changeit"
      password: "$2b$10$heqvAkYMez.Va6Et2uXInOnkCT6/uQj1brkrbyG3LpopDklcq7ZOS",
    };
    const server = await startInstrumented({ mode: "production", auth });
    const stranger = stock(server, "/admin", { auth: { username: "admin", password: "guess" } });
    expect((await next(stranger, "connect_error"))[0]).toMatchObject({
      message: "invalid credentials",
    });
    const { events } = await admin(server, { username: "admin", password: "changeit" });
    await until(() => events.some(([name]) => name === "config"), "the admin is let in");
    expect(events.find(([name]) => name === "session")).toHaveLength(2);
  });
});
