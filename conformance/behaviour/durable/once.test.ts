/**
 * Handlers with `once`: one effect and one answer per id, whatever the client repeats (SEMANTICS 4c).
 *
 * The clients are stock ones, those that repeat by themselves (`retries`) too.
 */
import type { Socket } from "holdfast";
import { describe, expect, it } from "vitest";
import {
  failureOf,
  next,
  nextSocket,
  pair,
  type Running,
  roundTrip,
  start,
  stock,
  within,
} from "../../support/clients.ts";

const durable = { store: "memory" };

interface Pay {
  id: string;
}

/** A door that a handler waits at, so that a test decides when it goes on. */
function door(): { readonly passed: Promise<void>; open(): void } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

/** Counts the runs of a handler on each socket that connects. */
function countPayments(server: Running, answer: (run: number, socket: Socket) => unknown) {
  const runs: string[] = [];
  server.io.on("connection", (socket) => {
    socket.on("pay", { once: (pay: Pay) => pay.id }, (pay: Pay) => {
      runs.push(pay.id);
      return answer(runs.length, socket);
    });
  });
  return runs;
}

describe("one id", () => {
  it("has one effect, and the same answer each time", async () => {
    const server = await start(durable, "holdfast");
    const runs = countPayments(server, (run) => ({ receipt: run }));
    const [, client] = await pair(server);
    expect(await roundTrip(client, "pay", { id: "a" })).toEqual({ receipt: 1 });
    expect(await roundTrip(client, "pay", { id: "a" })).toEqual({ receipt: 1 });
    expect(await roundTrip(client, "pay", { id: "b" })).toEqual({ receipt: 2 });
    expect(runs).toEqual(["a", "b"]);
  });

  it("joins a call that runs", async () => {
    const server = await start(durable, "holdfast");
    const { passed, open } = door();
    const runs = countPayments(server, async () => {
      await passed;
      return "done";
    });
    const [socket, client] = await pair(server);
    socket.on("fence", (done: () => void) => done());
    const answers = [roundTrip(client, "pay", { id: "a" }), roundTrip(client, "pay", { id: "a" })];
    await roundTrip(client, "fence");
    open();
    expect(await Promise.all(answers)).toEqual(["done", "done"]);
    expect(runs).toEqual(["a"]);
  });

  it("F12: has one effect for a client that repeats by itself, whose answer was lost with the connection", async () => {
    const server = await start(durable, "holdfast");
    const { passed, open } = door();
    const runs = countPayments(server, async (_run, socket) => {
      socket.conn.close();
      await passed;
      return "paid";
    });
    const client = stock(server, "/", {
      reconnection: true,
      reconnectionDelay: 1,
      retries: 5,
      ackTimeout: 2000,
    });
    const paid = within(
      new Promise((resolve) => {
        client.emit("pay", { id: "a" }, (error: unknown, reply: unknown) =>
          resolve([error, reply]),
        );
      }),
      "the answer",
    );
    await nextSocket(server.io);
    const again = await nextSocket(server.io);
    // The repeat is on its way, and joins what was begun on the connection that is gone.
    await next(again, "pay");
    open();
    expect(await paid).toEqual([null, "paid"]);
    expect(runs).toEqual(["a"]);
  });

  it("is the sender's own: another client's has its own effect", async () => {
    const server = await start(durable, "holdfast");
    const runs = countPayments(server, (run) => run);
    const [, first] = await pair(server);
    const [, second] = await pair(server);
    expect(await roundTrip(first, "pay", { id: "a" })).toBe(1);
    expect(await roundTrip(second, "pay", { id: "a" })).toBe(2);
    expect(runs).toEqual(["a", "a"]);
  });

  it("is known over reloads where `identify` names the client", async () => {
    const identify = (socket: Socket) => String(socket.handshake.auth["user"]);
    const server = await start({ ...durable, identify }, "holdfast");
    const runs = countPayments(server, (run) => run);
    const [socket, before] = await pair(server, "/", { auth: { user: "ada" } });
    expect(await roundTrip(before, "pay", { id: "a" })).toBe(1);
    const gone = next(socket, "disconnect");
    before.disconnect();
    await gone;
    const [, after] = await pair(server, "/", { auth: { user: "ada" } });
    expect(await roundTrip(after, "pay", { id: "a" })).toBe(1);
    expect(runs).toEqual(["a"]);
  });

  it("may be a number, and an event of its own", async () => {
    const server = await start(durable, "holdfast");
    server.io.on("connection", (socket) => {
      socket.on("add", { once: (id: number) => id }, () => "added");
      socket.on("drop", { once: (id: number) => id }, () => "dropped");
    });
    const [, client] = await pair(server);
    expect(await roundTrip(client, "add", 7)).toBe("added");
    expect(await roundTrip(client, "drop", 7)).toBe("dropped");
    expect(await roundTrip(client, "add", 7)).toBe("added");
  });

  it("is forgotten when more answers are kept than may be", async () => {
    const server = await start({ ...durable, limits: { storedReplies: 2 } }, "holdfast");
    const runs = countPayments(server, (run) => run);
    const [, client] = await pair(server);
    for (const id of ["a", "b", "c"]) await roundTrip(client, "pay", { id });
    expect(await roundTrip(client, "pay", { id: "c" })).toBe(3);
    expect(await roundTrip(client, "pay", { id: "a" })).toBe(4);
    expect(runs).toEqual(["a", "b", "c", "a"]);
  });
});

describe("an answer", () => {
  it("is none when the handler returns nothing", async () => {
    const server = await start(durable, "holdfast");
    countPayments(server, () => undefined);
    const [, client] = await pair(server);
    const answer = () =>
      new Promise((resolve) =>
        client.emit("pay", { id: "a" }, (...args: unknown[]) => resolve(args)),
      );
    expect(await within(answer(), "the first answer")).toEqual([]);
    expect(await within(answer(), "the second answer")).toEqual([]);
  });

  it("is the same the first time as later: what JSON makes of it", async () => {
    const server = await start(durable, "holdfast");
    countPayments(server, () => ({ at: new Date(0), none: undefined }));
    const [, client] = await pair(server);
    const expected = { at: "1970-01-01T00:00:00.000Z" };
    expect(await roundTrip(client, "pay", { id: "a" })).toStrictEqual(expected);
    expect(await roundTrip(client, "pay", { id: "a" })).toStrictEqual(expected);
  });

  it.each([
    ["bytes", Buffer.from("x")],
    ["bytes within", { file: new Uint8Array(3) }],
    ["a BigInt", { sum: 1n }],
    ["a function", () => {}],
    ["too much", "x".repeat(2 ** 20)],
  ])("that cannot be kept (%s) is an error, and none", async (_what, value) => {
    const server = await start(durable, "holdfast");
    countPayments(server, () => value);
    const [socket, client] = await pair(server);
    const failed = next(socket, "error");
    client.emit("pay", { id: "a" }, () => {});
    expect((await failed)[0]).toMatchObject({ code: "HF_ONCE_REPLY_INVALID" });
  });
});

describe("a handler that throws", () => {
  it("has no answer, and runs again, and is told so", async () => {
    const server = await start(durable, "holdfast");
    const attempts: number[] = [];
    countPayments(server, async (run, socket) => {
      await Promise.resolve();
      attempts.push(socket.onceAttempt);
      if (run < 3) throw new Error(`no connection to the bank, ${run}`);
      return "paid";
    });
    const [socket, client] = await pair(server);
    expect(socket.onceAttempt).toBe(1);
    for (const run of [1, 2]) {
      const failed = next(socket, "error");
      client.emit("pay", { id: "a" }, () => {});
      expect((await failed)[0]).toMatchObject({ message: `no connection to the bank, ${run}` });
    }
    expect(await roundTrip(client, "pay", { id: "a" })).toBe("paid");
    expect(await roundTrip(client, "pay", { id: "b" })).toBe("paid");
    expect(attempts).toEqual([1, 2, 3, 1]);
    expect(socket.onceAttempt).toBe(1);
  });
});

describe("an event without an id", () => {
  it.each([
    ["nothing", undefined],
    ["an empty string", ""],
    ["an object", {}],
    ["a long string", "x".repeat(257)],
  ])("(%s) is refused, and its handler does not run", async (_what, id) => {
    const server = await start(durable, "holdfast");
    const runs = countPayments(server, (run) => run);
    const [socket, client] = await pair(server);
    const failed = next(socket, "error");
    client.emit("pay", { id });
    expect((await failed)[0]).toMatchObject({ code: "HF_ONCE_ID_INVALID" });
    expect(server.io.engine.refusals.get("HF_ONCE_ID_INVALID")).toBe(1);
    expect(runs).toEqual([]);
  });

  it("on which `once` throws is refused, and ends nothing", async () => {
    const server = await start(durable, "holdfast");
    const runs = countPayments(server, (run) => run);
    const [, client] = await pair(server);
    client.emit("pay", null);
    expect(await roundTrip(client, "pay", { id: "a" })).toBe(1);
    expect(runs).toEqual(["a"]);
  });
});

describe("registration", () => {
  it("needs a store", async () => {
    const server = await start({}, "holdfast");
    const [socket] = await pair(server);
    const error = await failureOf(() => socket.on("pay", { once: () => "a" }, () => {}));
    expect(error.code).toBe("HF_STORE_MISSING");
  });

  it("is refused for a second handler of the event, until the first is taken off", async () => {
    const server = await start(durable, "holdfast");
    const [socket, client] = await pair(server);
    const first = () => "first";
    socket.on("pay", { once: (pay: Pay) => pay.id }, first);
    const second = () => socket.on("pay", { once: (pay: Pay) => pay.id }, () => "second");
    expect((await failureOf(second)).code).toBe("HF_ONCE_TWICE");
    socket.off("pay", first);
    second();
    expect(await roundTrip(client, "pay", { id: "a" })).toBe("second");
  });

  it("checks its arguments", async () => {
    const server = await start(durable, "holdfast");
    const [socket] = await pair(server);
    const on = socket.on.bind(socket) as (...args: unknown[]) => unknown;
    for (const args of [
      ["pay", {}, () => {}],
      ["pay", { once: "id" }, () => {}],
      ["pay", { once: () => "a" }, "handler"],
    ]) {
      expect((await failureOf(() => on(...args))).code).toBe("HF_OPTION_INVALID");
    }
  });
});
