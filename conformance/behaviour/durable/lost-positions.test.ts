/**
 * Positions that an application has kept, of events that are gone: the store was restored from a backup (SEMANTICS 5).
 * Goal: whoever asks for what came after one is told that something is missing, and misses nothing of what is there.
 */
import { Server } from "holdfast";
import { expect, it } from "vitest";
import {
  collect,
  failureOf,
  inside,
  next,
  pair,
  pairs,
  type Running,
  start,
} from "../../support/clients.ts";
import { marked } from "../../support/durable.ts";
import { copyStore, newFolder } from "../../support/folder.ts";

/** A backup is copied while no server runs, a snapshot while one does. */
type Copy = "backup" | "snapshot";
const copies: readonly [Copy][] = [["backup"], ["snapshot"]];

/** A server that has the events 1 and 2, and a position far behind them, of an event that it does not have. */
async function restored(copy: Copy): Promise<{ server: Running; position: string }> {
  const folder = newFolder();
  const backup = `${newFolder()}/copy`;
  const before = new Server({ store: folder });
  for (const n of [1, 2]) await before.to("room").publish("n", n);
  if (copy === "backup") await before.close();
  copyStore(folder, backup);
  const after = copy === "backup" ? new Server({ store: folder }) : before;
  let position = "";
  for (let n = 3; n <= 40; n++) ({ position } = await after.to("room").publish("n", n));
  await after.close();
  return { server: await start({ store: backup }, "holdfast"), position };
}

interface GapError {
  readonly code: string;
  readonly gap: { readonly from: string; readonly to: string; readonly reason: string };
}

async function history(server: Running, options: object): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { args } of server.io.room("room").history(options)) found.push(args[0]);
  return found;
}

it.each(copies)(
  "%s: join() tells the client before anything else of the room, and goes on with what is new",
  async (copy) => {
    const { server, position } = await restored(copy);
    const [socket, client] = await pair(server);
    const seen: unknown[] = [];
    client.on("hf:gap", ({ reason }: { reason: string }) => seen.push(reason));
    client.on("n", (n) => seen.push(n));
    await socket.join("room", { since: position });
    server.io.to("room").emit("n", "new");
    await marked(socket, client);
    expect(seen).toEqual(["reset", "new"]);
    expect(socket.resume.gaps).toMatchObject([{ reason: "reset" }]);
  },
);

it.each(copies)("%s: the offset is never taken for another event's", async (copy) => {
  const { server, position } = await restored(copy);
  expect(await failureOf(() => history(server, { after: position }))).toMatchObject({
    code: "HF_HISTORY_GAP",
    gap: { reason: copy === "backup" ? "reset" : "ahead" },
  });
  // More than were lost: their offsets reach beyond that of the position.
  const added = Array.from({ length: 60 }, (_, index) => `new ${index}`);
  for (const n of added) await server.io.to("room").publish("n", n);
  const error = await failureOf(() => history(server, { after: position }));
  expect(error).toMatchObject({ code: "HF_HISTORY_GAP", gap: { reason: "reset" } });
  const { gap } = inside<GapError>(error);
  expect(await history(server, { after: gap.to })).toEqual(added);
  expect(await history(server, { before: position })).toEqual([1, 2]);

  const [socket, client] = await pair(server);
  const gaps = collect(client, "hf:gap");
  const heard = collect(client, "n");
  await socket.join("room", { since: position });
  await marked(socket, client);
  expect(gaps).toEqual([[{ from: gap.from, to: gap.to, reason: "reset" }]]);
  expect(heard.map(([n]) => n)).toEqual(added);
});

it.each(copies)("%s: begins one epoch, however many ask at once", async (copy) => {
  const { server, position } = await restored(copy);
  const sockets = await pairs(server, 5);
  const told = sockets.map(([, client]) => next(client, "hf:gap"));
  await Promise.all(sockets.map(([socket]) => socket.join("room", { since: position })));
  await Promise.all(told);
  const { position: now } = await server.io.to("room").publish("n", "new");
  const epochs = inside<{ _keeper: { delivery: { stream: { epochs: unknown[] } } } }>(
    server.io.sockets,
  )._keeper.delivery.stream.epochs;
  expect(epochs).toHaveLength(2);
  expect(await history(server, { after: now })).toEqual([]);
});
