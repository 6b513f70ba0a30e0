/** serverSideEmit: events between the servers of a cluster. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { collect, failureOf, inside, next, type Running, start } from "../../support/clients.ts";
import { startLinked } from "./linked-servers.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

describe("with one server and the default adapter", () => {
  it("says that it is not supported and gives true", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { io } = await start();
    expect(io.serverSideEmit("hello", 1)).toBe(true);
    expect(warn).toHaveBeenCalledWith(
      "this adapter does not support the serverSideEmit() functionality",
    );
  });

  it.each(["connect", "connection", "new_namespace"])("refuses the reserved %s", async (name) => {
    const { io } = await start();
    expect((await failureOf(() => io.serverSideEmit(name))).message).toBe(
      `"${name}" is a reserved event name`,
    );
    expect((await failureOf(() => io.of("/x").serverSideEmit(name))).message).toBe(
      `"${name}" is a reserved event name`,
    );
    expect((await failureOf(() => io.serverSideEmitWithAck(name))).message).toBe(
      `"${name}" is a reserved event name`,
    );
  });

  it("hands the event and its arguments to the adapter", async () => {
    const { io } = await start();
    const emit = vi
      .spyOn(
        inside<{ serverSideEmit(packet: unknown[]): void }>(io.of("/x").adapter),
        "serverSideEmit",
      )
      .mockImplementation(() => undefined);
    const callback = () => undefined;
    expect(io.of("/x").serverSideEmit("hello", 1, { two: 2 }, callback)).toBe(true);
    expect(emit.mock.calls).toEqual([[["hello", 1, { two: 2 }, callback]]]);
  });

  it("_onServerSideEmit() fires the namespace's listeners", async () => {
    const { io } = await start();
    const heard = collect(io.of("/x"), "hello");
    inside<{ _onServerSideEmit(args: unknown[]): void }>(io.of("/x"))._onServerSideEmit([
      "hello",
      1,
      2,
    ]);
    expect(heard).toEqual([[1, 2]]);
  });
});

describe("with two servers", () => {
  it("the other server's listeners fire, the own ones do not", async () => {
    const [here, there] = (await startLinked(2)) as [Running, Running];
    const own = collect(here.io, "hello");
    const heard = next(there.io, "hello");
    here.io.serverSideEmit("hello", "world", { n: 1 });
    expect(await heard).toEqual(["world", { n: 1 }]);
    expect(own).toEqual([]);
  });

  it("namespaces are kept apart", async () => {
    const [here, there] = (await startLinked(2)) as [Running, Running];
    here.io.of("/x");
    const root = collect(there.io, "hello");
    const heard = next(there.io.of("/x"), "hello");
    here.io.of("/x").serverSideEmit("hello", 1);
    expect(await heard).toEqual([1]);
    expect(root).toEqual([]);
  });

  it("a callback gets the answers of the others", async () => {
    const [here, there, third] = (await startLinked(3)) as [Running, Running, Running];
    there.io.on("ask", (n: number, cb: (n: number) => void) => cb(n + 1));
    third.io.on("ask", (n: number, cb: (n: number) => void) => cb(n + 2));
    const [error, answers] = await new Promise<unknown[]>((resolve) => {
      here.io.serverSideEmit("ask", 10, (...args: unknown[]) => resolve(args));
    });
    expect(error).toBeNull();
    expect((answers as number[]).sort()).toEqual([11, 12]);
  });

  it("serverSideEmitWithAck() resolves with them", async () => {
    const [here, there] = (await startLinked(2)) as [Running, Running];
    there.io.of("/x").on("ask" as never, ((cb: (s: string) => void) => cb("yes")) as never);
    expect(await here.io.of("/x").serverSideEmitWithAck("ask")).toEqual(["yes"]);
  });

  it("serverSideEmitWithAck() rejects with the adapter's error and the responses", async () => {
    const { io } = await start();
    vi.spyOn(
      inside<{ serverSideEmit(packet: unknown[]): void }>(io.sockets.adapter),
      "serverSideEmit",
    ).mockImplementation((packet) => {
      (packet.at(-1) as (error: Error, responses: number[]) => void)(
        new Error("timeout reached"),
        [1],
      );
    });
    const error = await failureOf(() => io.serverSideEmitWithAck("ask"));
    expect(error.message).toBe("timeout reached");
    expect(inside<{ responses: unknown }>(error).responses).toEqual([1]);
  });

  it("without another server the answer is an empty list", async () => {
    const [alone] = (await startLinked(1)) as [Running];
    expect(await alone.io.serverSideEmitWithAck("ask")).toEqual([]);
  });
});
