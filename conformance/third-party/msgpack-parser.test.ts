/**
 * npm socket.io-msgpack-parser on both sides. Goal: with another parser every kind of packet still arrives, over both
 * transports, and a client that speaks the default one is turned away without harm.
 */

import parser from "socket.io-msgpack-parser";
import { expect, it } from "vitest";
import { next, pair, pairs, start, stock, until } from "../support/clients.ts";
import { expectTarget } from "./ours.ts";

const transports = [["websocket"], ["polling"], ["polling", "websocket"]];

it.each(transports)("carries events, bytes and acks both ways over %s %s", async (...names) => {
  const server = await start({ parser });
  expectTarget(server.io);
  const used = names.filter((name) => typeof name === "string");
  const [socket, client] = await pair(server, "/", { parser, transports: used });
  socket.on("echo", (...args: unknown[]) => {
    const reply = args.pop() as (...answer: unknown[]) => void;
    reply(...args);
  });
  client.on("ask", (bytes: Uint8Array, reply: (n: number) => void) => reply(bytes.length));
  const value = { text: "é☃", list: [1, -1, 2 ** 40, 1.5, null, true], at: new Date(0) };
  expect(await client.timeout(3000).emitWithAck("echo", value)).toEqual({ ...value });
  const bytes = await client.timeout(3000).emitWithAck("echo", Buffer.from([1, 2]));
  expect(Buffer.from(bytes as Uint8Array)).toEqual(Buffer.from([1, 2]));
  expect(await socket.timeout(3000).emitWithAck("ask", Buffer.from("four"))).toBe(4);
  if (used.length === 2) {
    await until(() => socket.conn.transport.name === "websocket", "the session moved");
    expect(await client.timeout(3000).emitWithAck("echo", "moved")).toBe("moved");
  }
});

it("broadcasts to rooms and collects acks", async () => {
  const server = await start({ parser });
  const all = await pairs(server, 3, "/", { parser });
  for (const [i, [socket, client]] of all.entries()) {
    if (i > 0) await socket.join("room");
    client.on("ask", (reply: (n: number) => void) => reply(i));
  }
  const answers = (await server.io.to("room").timeout(3000).emitWithAck("ask")) as number[];
  expect(answers.sort()).toEqual([1, 2]);
});

it("uses it for other namespaces, refusals and disconnections", async () => {
  const server = await start({ parser });
  server.io.of("/members").use((socket, proceed) => {
    const known = socket.handshake.auth["token"] === "yes";
    proceed(known ? undefined : Object.assign(new Error("who?"), { data: { code: 7 } }));
  });
  const stranger = stock(server, "/members", { parser, auth: { token: "no" } });
  expect((await next(stranger, "connect_error"))[0]).toMatchObject({
    message: "who?",
    data: { code: 7 },
  });
  const [socket, client] = await pair(server, "/members", { parser, auth: { token: "yes" } });
  const gone = next(client, "disconnect");
  socket.disconnect();
  expect((await gone)[0]).toBe("io server disconnect");
});

it("closes a connection whose client speaks the default parser, and no other", async () => {
  const server = await start({ parser });
  const [, member] = await pair(server, "/", { parser });
  const stranger = stock(server);
  let connected = false;
  stranger.on("connect", () => {
    connected = true;
  });
  const closed = new Promise((resolve) => stranger.io.once("close", resolve));
  await closed;
  expect(connected).toBe(false);
  const heard = next(member, "news");
  server.io.emit("news", 1);
  expect(await heard).toEqual([1]);
});
