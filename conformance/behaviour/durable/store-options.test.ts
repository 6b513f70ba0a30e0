/** The options of the store: what is accepted, and what one that is wrong says. */
import { join } from "node:path";
import { Server, type ServerOptions } from "holdfast";
import { describe, expect, it, onTestFinished } from "vitest";
import { failureOf, inside, next } from "../../support/clients.ts";
import { newFolder } from "../../support/folder.ts";

/** A server on the folder, whose options the compiler has not seen. */
function serverOn(store: unknown, options: object): Server {
  const io = new Server({ store, ...options } as Partial<ServerOptions>);
  onTestFinished(() => io.close());
  return io;
}

describe("one that is wrong", () => {
  it.each<[string, unknown, string]>([
    ["store", 7, "a string"],
    ["store", "", "a folder"],
    ["store", "redis://localhost", "a folder"],
    ["keep", "7 days", "false"],
    ["keep", true, "{ age, bytes, entries }"],
    ["keep.age", "soon", "milliseconds"],
    ["keep.bytes", "10GB", "bytes"],
    ["keep.entries", "1000", "a number"],
    ["keep.entries", Number.NaN, "a number"],
    ["durability", "ram", '"process"'],
    ["sessions", "7d", "an object"],
    ["sessions.keep", "a week", "milliseconds"],
    ["deduplication", 5, "an object"],
    ["deduplication.age", -1, "milliseconds"],
    ["deduplication.ids", "many", "a number"],
    ["identify", "user", "a function"],
    ["authorizeRoom", true, "a function"],
    ["offsets", "always", '"event"'],
    ["highWater", "1MB", "bytes"],
    ["lowSpace", "some", "bytes"],
    ["receiptInterval", "often", "milliseconds"],
    ["receiptInterval", 0, "10 milliseconds"],
    ["receiptInterval", Number.POSITIVE_INFINITY, "a minute"],
    ["failFast", "no", "true or false"],
    ["limits.namespaces", 0, "a number"],
    ["limits.concurrentReads", 0, "a number"],
    ["limits.sessions", "many", "a number"],
  ])("%s: %j is named before the folder is opened", async (name, value, accepted) => {
    const store = join(newFolder(), "data");
    const [outer = "", inner] = name.split(".");
    const options = { [outer]: inner === undefined ? value : { [inner]: value } };
    const error = await failureOf(() => serverOn(store, options));
    expect(error.code).toBe("HF_OPTION_INVALID");
    expect(error.message).toContain(`"${name}" is `);
    expect(error.message).toContain(accepted);
    await serverOn(store, { failFast: false }).ready;
  });

  it("one that does not exist is a warning", async () => {
    const warned = next(process, "warning");
    serverOn("memory", { keep: { agee: "7d" } });
    const [warning] = await warned;
    expect(inside<{ code: string }>(warning).code).toBe("HF_OPTION_UNKNOWN");
    expect(inside<Error>(warning).message).toMatch(/"keep.agee" is not known.*"keep.age"/);
  });
});

describe("opens with", () => {
  const nothing = {
    adapter: null,
    keep: null,
    durability: null,
    sessions: null,
    deduplication: null,
    identify: null,
    authorizeRoom: null,
    offsets: null,
    highWater: null,
    lowSpace: null,
    receiptInterval: null,
    failFast: null,
    limits: null,
  };

  it.each([
    ["null for the default", nothing],
    [
      "null for parts of the default",
      {
        keep: { age: null, bytes: null, entries: null },
        sessions: { keep: null },
        deduplication: { age: null, ids: null },
        limits: { namespaces: null },
      },
    ],
    [
      "no limits",
      {
        keep: { age: Infinity, bytes: Infinity, entries: Infinity },
        sessions: { keep: Infinity },
        deduplication: { age: Infinity, ids: Infinity },
        highWater: Infinity,
        lowSpace: Infinity,
        limits: { namespaces: Infinity, sessions: Infinity, concurrentReads: Infinity },
      },
    ],
    ["sizes that are no whole numbers", { lowSpace: "0.3KiB", limits: { namespaces: 10.5 } }],
  ])("%s", async (_what, options) => {
    const io = serverOn(newFolder(), { ...options });
    await io.ready;
    expect(await io.publish("n", 1)).toMatchObject({ duplicate: false, durability: "disk" });
  });

  it("keep: 0, which keeps nothing, and is not the default", async () => {
    const io = serverOn("memory", { keep: 0 });
    await io.to("room").publish("n", 1);
    const kept: unknown[] = [];
    for await (const { args } of io.room("room").history()) kept.push(args);
    expect(kept).toEqual([]);
  });
});
