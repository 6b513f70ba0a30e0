/**
 * Handlers with `once` when the server is killed (SEMANTICS 4c). Goal: an answer that a client was given is given again
 * after a kill -9, without another effect; a handler that was killed before its answer runs again, and is told that it
 * has run before. Method: the real process; its effects are lines of a file, written before anything else is done.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { io, type Socket } from "socket.io-client";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { within } from "../conformance/support/within.ts";
import type { ServerSetup } from "./programs/messages.ts";
import { bundlePrograms, type Programs, root } from "./support/bundle.ts";
import { ServerProcess } from "./support/server-process.ts";

let programs: Programs;
beforeAll(async () => {
  programs = await bundlePrograms();
});
afterAll(() => programs.remove());

/** What the handler did: the id of the payment, and which attempt it was. */
type Effect = readonly [id: string, attempt: number];

function makeFolder(): string {
  mkdirSync(join(root, "temp/crash"), { recursive: true });
  const folder = mkdtempSync(join(root, "temp/crash", "once-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function startOn(
  folder: string,
  durability: ServerSetup["durability"],
): Promise<ServerProcess> {
  const server = await ServerProcess.start(programs.server, {
    ...{ target: "holdfast", folder: join(folder, "store"), namespaces: ["/"], offsets: "event" },
    ...{ durability, pingIntervalMs: 5_000, pingTimeoutMs: 5_000 },
    effectsFile: join(folder, "effects"),
  });
  onTestFinished(() => server.signal("SIGKILL"));
  return server;
}

/** A client of its own, found by its name: as an application that was restarted, too. */
function connect(server: ServerProcess): Socket {
  const url = `http://127.0.0.1:${server.port}`;
  const options = { transports: ["websocket"], forceNew: true, auth: { device: "payer" } };
  const client = io(url, options);
  onTestFinished(() => void client.close());
  return client;
}

function effects(folder: string): Effect[] {
  const lines = readFileSync(join(folder, "effects"), "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Effect);
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const seen = (async () => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  })();
  await within(seen, what);
}

it.each(["disk", "process"] as const)(
  "survive kill -9, durability %s",
  async (durability) => {
    const folder = makeFolder();
    let server = await startOn(folder, durability);
    const first = connect(server);
    const paid: unknown = await first.timeout(5_000).emitWithAck("pay", { id: "a", hangs: false });
    expect(paid).toEqual({ receipt: "a", attempt: 1 });
    // Its answer never comes: the server is killed between the effect and the record.
    first.emit("pay", { id: "b", hangs: true }, () => undefined);
    await until(() => effects(folder).length === 2, "the second effect");
    await server.kill();
    first.close();

    server = await startOn(folder, durability);
    const second = connect(server);
    const ask = (id: string): Promise<unknown> =>
      second.timeout(5_000).emitWithAck("pay", { id, hangs: false });
    expect(await ask("a")).toEqual(paid);
    const late = await ask("b");
    expect(late).toEqual({ receipt: "b", attempt: 2 });
    await server.kill();
    second.close();

    server = await startOn(folder, durability);
    const third = connect(server);
    const again = (id: string): Promise<unknown> =>
      third.timeout(5_000).emitWithAck("pay", { id, hangs: false });
    expect([await again("a"), await again("b")]).toEqual([paid, late]);
    expect(effects(folder)).toEqual([
      ["a", 1],
      ["b", 1],
      ["b", 2],
    ]);
  },
  30_000,
);
