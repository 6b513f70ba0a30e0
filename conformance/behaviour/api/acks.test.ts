/** Acknowledgements both ways: single, with time limits, broadcast, late, doubled and unknown ones. */
import { describe, expect, it, vi } from "vitest";
import {
  failureOf,
  inside,
  nextSocket,
  pair,
  pairs,
  RawWebSocket,
  settled,
  start,
} from "../../support/clients.ts";

async function rawPair(server: Awaited<ReturnType<typeof start>>) {
  const serverSide = nextSocket(server.io);
  const raw = await RawWebSocket.open(server);
  await raw.join();
  return [await serverSide, raw] as const;
}

/** Waits for a packet's round trip, so that what the raw client sent before has been handled. */
async function handled(raw: RawWebSocket, socket: import("holdfast").Socket): Promise<void> {
  const fence = new Promise<void>((resolve) => socket.once("fence", () => resolve()));
  await raw.send('42["fence"]');
  await fence;
}

describe("socket.emit with a callback", () => {
  it("gets all arguments, binary too", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    client.on("ask", (cb: (...args: unknown[]) => void) => cb(1, { b: Buffer.from([2]) }, null));
    const args = await new Promise((resolve) =>
      socket.emit("ask", (...all: unknown[]) => resolve(all)),
    );
    expect(args).toEqual([1, { b: Buffer.from([2]) }, null]);
  });

  it("is called with the socket as this", async () => {
    const server = await start();
    const [socket, raw] = await rawPair(server);
    const self = new Promise((resolve) => {
      socket.emit("ask", function (this: unknown) {
        resolve(this);
      });
    });
    await raw.until("420");
    await raw.send("430[]");
    expect(await self).toBe(socket);
  });

  it("is called once, and not for an unknown id", async () => {
    const server = await start();
    const [socket, raw] = await rawPair(server);
    const callback = vi.fn();
    socket.emit("ask", callback);
    await raw.send("4399[1]", "430[2]", "430[3]");
    await handled(raw, socket);
    expect(callback.mock.calls).toEqual([[2]]);
    expect(raw.ended).toBeUndefined();
  });

  it("is forgotten when the socket leaves: it is never called", async () => {
    const server = await start();
    const [socket] = await pair(server);
    const callback = vi.fn();
    socket.emit("ask", callback);
    socket.disconnect(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(callback).not.toHaveBeenCalled();
  });
});

describe("socket.timeout(ms).emit", () => {
  it("gives null and the answer in time", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    client.on("ask", (cb: (n: number) => void) => cb(7));
    const args = await new Promise((resolve) => {
      socket.timeout(2000).emit("ask", (...all: unknown[]) => resolve(all));
    });
    expect(args).toEqual([null, 7]);
  });

  it("gives the error when the time is up, and ignores the late answer", async () => {
    const server = await start();
    const [socket, raw] = await rawPair(server);
    const callback = vi.fn();
    const called = new Promise<void>((resolve) => {
      callback.mockImplementation(() => resolve());
    });
    const before = Date.now();
    socket.timeout(30).emit("ask", callback);
    await called;
    expect(Date.now() - before).toBeGreaterThanOrEqual(28);
    expect(callback.mock.calls[0]).toEqual([new Error("operation has timed out")]);
    await raw.send("430[1]");
    await handled(raw, socket);
    expect(callback).toHaveBeenCalledTimes(1);
    expect(inside<{ acks: Map<number, unknown> }>(socket).acks.size).toBe(0);
  });

  it("still tells of the time-out when the socket is gone", async () => {
    const server = await start();
    const [socket] = await pair(server);
    const called = new Promise<unknown>((resolve) => socket.timeout(20).emit("ask", resolve));
    socket.disconnect(true);
    expect((await called) as Error).toEqual(new Error("operation has timed out"));
  });
});

describe("socket.emitWithAck", () => {
  it("resolves with the first argument of the answer", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    client.on("ask", (arg: number, cb: (...args: unknown[]) => void) => cb(arg + 1, "ignored"));
    expect(await socket.emitWithAck("ask", 1)).toBe(2);
  });

  it("with a time limit resolves, or rejects with the error", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    client.on("ask", (cb: (answer: string) => void) => cb("yes"));
    expect(await socket.timeout(2000).emitWithAck("ask")).toBe("yes");
    const error = await failureOf(() => socket.timeout(20).emitWithAck("nobody"));
    expect(error.message).toBe("operation has timed out");
  });

  it("throws for a reserved name by rejecting", async () => {
    const server = await start();
    const [socket] = await pair(server);
    expect((await failureOf(() => socket.emitWithAck("connect"))).message).toBe(
      '"connect" is a reserved event name',
    );
  });
});

describe("acks of the server for events of a client", () => {
  it("answer with any arguments; the stock client resolves", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    socket.on("ask", (a: number, cb: (answer: unknown) => void) =>
      cb({ a, bytes: Buffer.from([1]) }),
    );
    expect(await client.emitWithAck("ask", 5)).toEqual({ a: 5, bytes: Buffer.from([1]) });
  });

  it("writes exactly these packets", async () => {
    const server = await start();
    const [socket, raw] = await rawPair(server);
    socket.on("a", (cb: () => void) => cb());
    socket.on("b", (cb: (...args: unknown[]) => void) => cb(undefined, null, NaN));
    await raw.send('421["a"]', '42123456["b"]');
    expect([await raw.next(), await raw.next()]).toEqual(["431[]", "43123456[null,null,null]"]);
  });

  it("may come later, and out of order", async () => {
    const server = await start();
    const [socket, raw] = await rawPair(server);
    const waiting: (() => void)[] = [];
    socket.on("ask", (n: number, cb: (n: number) => void) => waiting.unshift(() => cb(n)));
    await raw.send('420["ask",0]', '421["ask",1]');
    await handled(raw, socket);
    for (const answer of waiting) answer();
    expect([await raw.next(), await raw.next()]).toEqual(["431[1]", "430[0]"]);
  });

  it("are ignored after the socket has left, and do not throw", async () => {
    const server = await start();
    const [socket, raw] = await rawPair(server);
    const answer = new Promise<() => void>((resolve) => socket.on("ask", resolve));
    await raw.send('420["ask"]');
    const cb = await answer;
    raw.close();
    await new Promise((resolve) => socket.once("disconnect", resolve));
    expect(() => cb()).not.toThrow();
  });
});

describe("broadcast with acks", () => {
  it("collects one answer per client", async () => {
    const server = await start();
    const all = await pairs(server, 3);
    all.forEach(([, client], i) => {
      client.on("ask", (arg: string, cb: (answer: string, more: number) => void) => cb(arg + i, 1));
    });
    const [error, responses] = await new Promise<[unknown, string[]]>((resolve) => {
      server.io.timeout(2000).emit("ask", "n", (err: unknown, answers: string[]) => {
        resolve([err, answers]);
      });
    });
    expect(error).toBeNull();
    expect(responses.sort()).toEqual(["n0", "n1", "n2"]);
  });

  it("without anybody to ask answers at once with nothing", async () => {
    const { io } = await start();
    const args = await new Promise((resolve) => {
      io.to("nobody")
        .timeout(2000)
        .emit("ask", (...all: unknown[]) => resolve(all));
    });
    expect(args).toEqual([null, []]);
  });

  it("F14: when one is silent gives the error and the answers that came, and nothing stays behind", async () => {
    const server = await start();
    const all = await pairs(server, 2);
    all[0]?.[1].on("ask", (cb: (n: number) => void) => cb(1));
    const args = await new Promise<unknown[]>((resolve) => {
      server.io.timeout(250).emit("ask", (...rest: unknown[]) => resolve(rest));
    });
    expect(args).toEqual([new Error("operation has timed out"), [1]]);
    for (const [socket] of all)
      expect(inside<{ acks: Map<number, unknown> }>(socket).acks.size).toBe(0);
  });

  it("without timeout() has about one millisecond", async () => {
    const server = await start();
    await pairs(server, 1);
    const before = Date.now();
    const args = await new Promise<unknown[]>((resolve) => {
      server.io.emit("ask", (...rest: unknown[]) => resolve(rest));
    });
    expect(args).toEqual([new Error("operation has timed out"), []]);
    expect(Date.now() - before).toBeLessThan(500);
  });

  it("uses one id for all recipients", async () => {
    const server = await start();
    const first = await RawWebSocket.open(server);
    const second = await RawWebSocket.open(server);
    await first.join();
    await second.join();
    const answered = new Promise((resolve) => {
      server.io.timeout(2000).emit("ask", Buffer.from([1]), (...all: unknown[]) => resolve(all));
    });
    for (const raw of [first, second]) {
      expect(await raw.next()).toBe('451-0["ask",{"_placeholder":true,"num":0}]');
      expect(await raw.next()).toEqual(Buffer.from([1]));
      await raw.send("430[true]");
    }
    expect(await answered).toEqual([null, [true, true]]);
  });

  it("counts a client's answer once", async () => {
    const server = await start();
    const first = await RawWebSocket.open(server);
    const second = await RawWebSocket.open(server);
    await first.join();
    await second.join();
    const callback = vi.fn();
    const answered = new Promise<void>((resolve) => callback.mockImplementation(() => resolve()));
    server.io.timeout(2000).emit("ask", callback);
    await first.until("420");
    await first.send('430["a"]', '430["again"]');
    await second.send('430["b"]');
    await answered;
    const [, answers] = callback.mock.calls[0] as [unknown, string[]];
    expect([...answers].sort()).toEqual(["a", "b"]);
  });

  it("an answer that comes when the time is up is ignored", async () => {
    const server = await start();
    const [socket, raw] = await rawPair(server);
    const callback = vi.fn();
    const answered = new Promise<void>((resolve) => callback.mockImplementation(() => resolve()));
    server.io.timeout(20).emit("ask", callback);
    await answered;
    await raw.send("430[1]");
    await handled(raw, socket);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it("emitWithAck() resolves with the answers, or rejects with err.responses", async () => {
    const server = await start();
    const all = await pairs(server, 2);
    for (const [socket] of all) await socket.join("room");
    all[0]?.[1].on("ask", (arg: number, cb: (n: number) => void) => cb(arg));
    all[1]?.[1].on("ask", (arg: number, cb: (n: number) => void) => cb(-arg));
    const answers = (await server.io.timeout(2000).to("room").emitWithAck("ask", 4)) as number[];
    expect(answers.sort()).toEqual([-4, 4]);
    all[1]?.[1].off("ask");
    const error = await failureOf(() => server.io.in("room").timeout(250).emitWithAck("ask", 5));
    expect(error.message).toBe("operation has timed out");
    expect(inside<{ responses: unknown[] }>(error).responses).toEqual([5]);
  });

  it("from a socket asks the others only", async () => {
    const server = await start();
    const all = await pairs(server, 3);
    all.forEach(([, client], i) => {
      client.on("ask", (cb: (n: number) => void) => cb(i));
    });
    const answers = (await all[0]?.[0].broadcast.timeout(2000).emitWithAck("ask")) as number[];
    expect(answers.sort()).toEqual([1, 2]);
    const one = await all[0]?.[0]
      .timeout(2000)
      .to(all[2]?.[0].id ?? "")
      .emitWithAck("ask");
    expect(one).toEqual([2]);
  });

  it("waits for one who leaves until the time is up", async () => {
    const server = await start();
    const all = await pairs(server, 2);
    all[0]?.[1].on("ask", (cb: (n: number) => void) => cb(1));
    const args = new Promise<unknown[]>((resolve) => {
      server.io.timeout(250).emit("ask", (...rest: unknown[]) => resolve(rest));
    });
    all[1]?.[0].disconnect(true);
    expect(await args).toEqual([new Error("operation has timed out"), [1]]);
  });
});

it("ids of the client and ids of the server do not meet", async () => {
  const server = await start();
  const [socket, client] = await pair(server);
  client.on("from server", (cb: (s: string) => void) => cb("client"));
  socket.on("from client", (cb: (s: string) => void) => cb("server"));
  expect(
    await Promise.all([socket.emitWithAck("from server"), client.emitWithAck("from client")]),
  ).toEqual(["client", "server"]);
  await settled(socket, client);
});
