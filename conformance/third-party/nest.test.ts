/**
 * NestJS with its Socket.IO platform, installed outside of the workspaces with the packed package in place of
 * socket.io. Goal: an application with gateways and an adapter of its own runs unchanged.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { collect, fetchRaw, next, stock, until } from "../support/clients.ts";
import { type ChildServer, startChild } from "./child.ts";
import { compileApplication } from "./nest/application.ts";
import { installNest } from "./nest/installed.ts";

let server: ChildServer;
beforeAll(async () => {
  const folder = await installNest();
  const file = join(folder, "application.mjs");
  await writeFile(file, compileApplication());
  server = await startChild(file, folder);
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

async function connected(nsp = "/", options: Parameters<typeof stock>[2] = {}) {
  const client = stock(server, nsp, options);
  const welcome = nsp === "/" ? next(client, "welcome") : undefined;
  await next(client, "connect");
  if (welcome !== undefined) expect(await welcome).toEqual([client.id]);
  return client;
}

it("runs on ours, by the require of Nest itself", async () => {
  const client = await connected();
  expect(await client.timeout(3000).emitWithAck("module")).toEqual({
    name: "holdfast",
    same: true,
  });
});

it.each([["websocket"], ["polling"]])("answers messages over %s", async (transport) => {
  const client = await connected("/", { transports: [transport] });
  const answer = next(client, "answer");
  client.emit("event", { a: [1] });
  expect(await answer).toEqual([{ a: [1] }]);
  const parts = collect(client, "part");
  client.emit("stream");
  await until(() => parts.length === 2, "both parts come");
  expect(parts).toEqual([[1], [2]]);
  expect(await client.timeout(3000).emitWithAck("ack", Buffer.from([1, 2]))).toEqual(
    Buffer.from([1, 2]),
  );
  expect(await client.timeout(3000).emitWithAck("ack by hand", "x")).toEqual({ got: "x" });
});

it("tells of an exception in a handler", async () => {
  const client = await connected();
  const failed = next(client, "exception");
  client.emit("fail");
  expect((await failed)[0]).toMatchObject({ status: "error", message: "no such thing" });
});

it("has rooms in a namespace", async () => {
  const [a, b, c] = await Promise.all([1, 2, 3].map(() => connected("/rooms")));
  if (a === undefined || b === undefined || c === undefined) throw new Error("three connected");
  expect(await a.timeout(3000).emitWithAck("join", "red")).toBe(2);
  expect(await b.timeout(3000).emitWithAck("join", "blue")).toBe(2);
  const heardA = collect(a, "said");
  const heardB = collect(b, "said");
  c.emit("say", { room: "red", text: "hello red" });
  c.emit("say", { room: "blue", text: "hello blue" });
  await until(() => heardA.length + heardB.length === 2, "both heard");
  expect([heardA, heardB]).toEqual([[["hello red"]], [["hello blue"]]]);
});

it("uses the options and the middleware of an adapter of its own", async () => {
  const answer = await fetchRaw(`${server.url}/socket.io/?EIO=4&transport=polling`);
  expect(JSON.parse(answer.text.slice(1))).toMatchObject({ pingInterval: 12345 });
  const stranger = stock(server, "/", { auth: { token: "wrong" } });
  expect((await next(stranger, "connect_error"))[0]).toMatchObject({ message: "wrong token" });
});

it("calls the hooks of a gateway", async () => {
  const watcher = await connected();
  const other = await connected();
  const seen = next(watcher, "seen");
  other.disconnect();
  const [list] = await seen;
  expect(list).toEqual(expect.arrayContaining(["init true", "connected", "disconnected"]));
});
