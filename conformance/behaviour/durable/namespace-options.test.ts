/** `io.of(name, options)`: plain namespaces on a server with a store, and how clients learn their position in one. */
import { describe, expect, it } from "vitest";
import {
  collect,
  failureOf,
  inside,
  jsonOf,
  next,
  pair,
  RawWebSocket,
  start,
} from "../../support/clients.ts";
import { marked } from "../../support/durable.ts";

const durable = { store: "memory" };

describe("keep: false", () => {
  it("is plain Socket.IO, to the byte", async () => {
    const server = await start(durable, "holdfast");
    server.io.of("/cursors", { keep: false }).on("connection", (socket) => {
      void socket.join("hall");
      server.io.of("/cursors").to("hall").emit("moved", "x");
    });
    const raw = await RawWebSocket.open(server);
    expect(Object.keys(jsonOf(await raw.join("/cursors")) as object)).toEqual(["sid"]);
    expect(await raw.until("42")).toBe('42/cursors,["moved","x"]');
    expect(raw.received).toHaveLength(3);
  });

  it("says what needs a store that there is none", async () => {
    const server = await start(durable, "holdfast");
    const nsp = server.io.of("/cursors", { keep: false });
    const [socket] = await pair(server, "/cursors");
    expect((await failureOf(() => nsp.publish("n", 1))).code).toBe("HF_STORE_MISSING");
    expect((await failureOf(() => nsp.room("hall"))).code).toBe("HF_STORE_MISSING");
    expect((await failureOf(() => socket.on("n", { once: () => 1 }, () => {}))).code).toBe(
      "HF_STORE_MISSING",
    );
    await server.io.publish("n", 1);
  });

  it("stands beside kept namespaces on one connection", async () => {
    const server = await start(durable, "holdfast");
    server.io.of("/cursors", { keep: false });
    const [kept, client] = await pair(server);
    const [plain, other] = await pair(server, "/cursors", { forceNew: false });
    const calls = [client, other].map((one) => collect(one, "n"));
    kept.emit("n", 1);
    plain.emit("n", 2);
    await marked(kept, client);
    expect(calls).toEqual([[[1]], [[2]]]);
  });
});

describe("offsets", () => {
  it("is each namespace's own", async () => {
    const server = await start(durable, "holdfast");
    server.io.of("/argument", { offsets: "argument" });
    const [socket, client] = await pair(server, "/argument");
    const heard = next(client, "n");
    socket.emit("n", 1);
    expect(await heard).toEqual([1, expect.stringMatching(/^hf\./)]);
    const [usual, usualClient] = await pair(server);
    const usualHeard = next(usualClient, "n");
    usual.emit("n", 1);
    expect(await usualHeard).toEqual([1]);
  });
});

describe("dynamic namespaces", () => {
  it("have the options of their model", async () => {
    const server = await start(durable, "holdfast");
    server.io.of(/^\/plain-/, { keep: false });
    server.io.of((name, _auth, next_) => next_(null, name.startsWith("/kept-")), {});
    const [plain] = await pair(server, "/plain-1");
    const [kept] = await pair(server, "/kept-1");
    expect(inside<{ pid?: string }>(plain).pid).toBeUndefined();
    expect(inside<{ pid?: string }>(kept).pid).toEqual(expect.any(String));
    expect((await failureOf(() => plain.nsp.publish("n", 1))).code).toBe("HF_STORE_MISSING");
    await kept.nsp.publish("n", 1);
    // Made by name, a child has those of its model, or its own.
    expect((await failureOf(() => server.io.of("/plain-2").publish("n"))).code).toBe(
      "HF_STORE_MISSING",
    );
    await server.io.of("/plain-3", { keep: true }).publish("n", 1);
  });
});

describe("the arguments", () => {
  it("may still end in a listener, with and without options", async () => {
    const server = await start(durable, "holdfast");
    const names: string[] = [];
    server.io.of("/a", (socket) => names.push(socket.nsp.name));
    server.io.of("/b", { keep: false }, (socket) => names.push(socket.nsp.name));
    await pair(server, "/a");
    await pair(server, "/b");
    expect(names).toEqual(["/a", "/b"]);
  });

  it("are checked, also against what the namespace is", async () => {
    const server = await start(durable, "holdfast");
    const plain = server.io.of("/plain", { keep: false });
    expect(server.io.of("/plain")).toBe(plain);
    expect(server.io.of("/plain", { keep: false })).toBe(plain);
    for (const options of [{ keep: true }, { offsets: "none" as const }, { keep: inside("7d") }]) {
      const error = await failureOf(() => server.io.of("/plain", options as { keep?: boolean }));
      expect(error.code).toBe("HF_OPTION_INVALID");
    }
    const error = await failureOf(() => server.io.of("/", { keep: false }));
    expect(error.message).toContain('the namespace "/" was made with {}');
  });
});
