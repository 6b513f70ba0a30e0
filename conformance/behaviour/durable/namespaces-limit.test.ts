/** How many namespaces a store keeps events of: clients that ask for more, or for endless names, leave nothing behind. */
import { expect, it } from "vitest";
import { failureOf, inside, next, pair, start, stock, within } from "../../support/clients.ts";
import { newFolder } from "../../support/folder.ts";

it.each([
  ["memory", () => "memory"],
  ["a folder", newFolder],
])(
  "refuses clients that ask for one too many, with a code, and keeps the others (%s)",
  async (_store, storeOf) => {
    const server = await start({ store: storeOf(), limits: { namespaces: 3 } }, "holdfast");
    const { io } = server;
    io.of(/^\/room-/);
    await io.ready;
    for (const name of ["/room-1", "/room-2"]) await pair(server, name);
    for (const [name, code] of [
      ["/room-3", "HF_STREAMS_TOO_MANY"],
      [`/room-${"x".repeat(2_000)}`, "HF_STREAM_NAME_TOO_LONG"],
    ] as const) {
      const client = stock(server, name);
      const [error] = await next(client, "connect_error");
      expect(error).toMatchObject({ data: { code } });
    }
    const { _nsps: namespaces } = inside<{ _nsps: Map<string, unknown> }>(io);
    expect([...namespaces.keys()]).toEqual(["/", "/room-1", "/room-2"]);
    const [socket, client] = await pair(server, "/room-1");
    const heard = next(client, "n");
    await io.of("/room-1").publish("n", 1);
    expect(await heard).toEqual([1]);
    expect(socket.connected).toBe(true);
  },
);

it("refuses what an application publishes in one too many", async () => {
  const { io } = await start({ store: "memory", limits: { namespaces: 1 } }, "holdfast");
  await io.publish("n", 1);
  const refused = next(io, "emit_refused");
  io.of("/more").emit("n", 2);
  expect(await within(refused, "it is told")).toMatchObject([{ code: "HF_STREAMS_TOO_MANY" }]);
  const error = await failureOf(() => io.of("/more").publish("n", 3));
  expect(error.code).toBe("HF_STREAMS_TOO_MANY");
});
