/** onAny, prependAny, offAny, listenersAny and their outgoing brothers. */
import { describe, expect, it, vi } from "vitest";
import { pair, pairs, roundTrip, settled, start } from "../../support/clients.ts";

describe("incoming", () => {
  it("onAny() gets name and arguments, the ack too, before the event's own listeners", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const seen: unknown[] = [];
    expect(socket.onAny((...args: unknown[]) => seen.push(["any", ...args]))).toBe(socket);
    socket.on("ev", (...args: unknown[]) => {
      seen.push(["own", ...args.slice(0, 2)]);
      (args.at(-1) as () => void)();
    });
    await roundTrip(client, "ev", 1, "two");
    expect(seen).toEqual([
      ["any", "ev", 1, "two", expect.any(Function)],
      ["own", 1, "two"],
    ]);
  });

  it("sees events that nobody else listens to", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const listener = vi.fn();
    socket.onAny(listener);
    client.emit("unheard", { a: 1 });
    socket.on("end", (cb: () => void) => cb());
    await roundTrip(client, "end");
    expect(listener.mock.calls[0]).toEqual(["unheard", { a: 1 }]);
  });

  it("prependAny() puts a listener first; order is kept", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const order: number[] = [];
    socket.onAny(() => order.push(2));
    socket.onAny(() => order.push(3));
    expect(socket.prependAny(() => order.push(1))).toBe(socket);
    socket.on("end", (cb: () => void) => cb());
    await roundTrip(client, "end");
    expect(order).toEqual([1, 2, 3]);
  });

  it("offAny() takes one away, or all; listenersAny() lists them", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    expect(socket.listenersAny()).toEqual([]);
    expect(socket.offAny(() => undefined)).toBe(socket);
    const first = vi.fn();
    const second = vi.fn();
    socket.onAny(first);
    socket.onAny(second);
    socket.onAny(first);
    expect(socket.listenersAny()).toEqual([first, second, first]);
    socket.offAny(first);
    expect(socket.listenersAny()).toEqual([second, first]);
    socket.offAny(() => undefined);
    expect(socket.listenersAny()).toEqual([second, first]);
    socket.on("end", (cb: () => void) => cb());
    await roundTrip(client, "end");
    expect(socket.offAny()).toBe(socket);
    expect(socket.listenersAny()).toEqual([]);
    await roundTrip(client, "end");
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 1]);
  });

  it("a listener that removes itself does not disturb the others", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const order: number[] = [];
    const once = () => {
      order.push(1);
      socket.offAny(once);
    };
    socket.onAny(once);
    socket.onAny(() => order.push(2));
    socket.on("end", (cb: () => void) => cb());
    await roundTrip(client, "end");
    await roundTrip(client, "end");
    expect(order).toEqual([1, 2, 2]);
  });

  it("does not see connection events", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const listener = vi.fn();
    socket.onAny(listener);
    const left = new Promise((resolve) => socket.on("disconnect", resolve));
    client.disconnect();
    await left;
    expect(listener).not.toHaveBeenCalled();
  });
});

describe("outgoing", () => {
  it("onAnyOutgoing() sees emits, without their callback, and no acks", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const seen: unknown[] = [];
    expect(socket.onAnyOutgoing((...args: unknown[]) => seen.push(args))).toBe(socket);
    socket.emit("a", 1);
    socket.emit("b", Buffer.from([2]), () => undefined);
    socket.send("c");
    socket.volatile.emit("d");
    socket.on("ask", (cb: (n: number) => void) => cb(1));
    await roundTrip(client, "ask");
    expect(seen).toEqual([["a", 1], ["b", Buffer.from([2])], ["message", "c"], ["d"]]);
  });

  it("sees broadcasts that reach the socket, and only those", async () => {
    const server = await start();
    const all = await pairs(server, 2);
    const seen = all.map(([socket]) => {
      const calls: unknown[] = [];
      socket.onAnyOutgoing((...args: unknown[]) => calls.push(args));
      return calls;
    });
    await all[0]?.[0].join("x");
    server.io.to("x").emit("to x", 1);
    server.io.emit("to all");
    server.io.timeout(50).emit("with ack", () => undefined);
    all[0]?.[0].broadcast.emit("to the other");
    expect(seen).toEqual([
      [["to x", 1], ["to all"], ["with ack"]],
      [["to all"], ["with ack"], ["to the other"]],
    ]);
  });

  it("prependAnyOutgoing, offAnyOutgoing, listenersAnyOutgoing", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const order: number[] = [];
    const second = () => order.push(2);
    const first = () => order.push(1);
    expect(socket.listenersAnyOutgoing()).toEqual([]);
    expect(socket.offAnyOutgoing(first)).toBe(socket);
    socket.onAnyOutgoing(second);
    expect(socket.prependAnyOutgoing(first)).toBe(socket);
    expect(socket.listenersAnyOutgoing()).toEqual([first, second]);
    socket.emit("ev");
    expect(socket.offAnyOutgoing(second)).toBe(socket);
    socket.emit("ev");
    socket.offAnyOutgoing();
    socket.emit("ev");
    expect(order).toEqual([1, 2, 1]);
    expect(socket.listenersAnyOutgoing()).toEqual([]);
    await settled(socket, client);
  });

  it("fires before the packet leaves: at the call", async () => {
    const server = await start();
    const [socket] = await pair(server);
    const order: string[] = [];
    socket.onAnyOutgoing(() => order.push("outgoing"));
    socket.emit("ev");
    order.push("after the call");
    expect(order).toEqual(["outgoing", "after the call"]);
  });
});
