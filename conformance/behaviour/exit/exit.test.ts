/**
 * A process that is done ends by itself. Goal: a closed server leaves nothing behind that keeps it alive, and a store
 * keeps no process alive whose server has gone. Method: a program closes its server, and says what Node still waits for;
 * then its end is waited for.
 */
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { newFolder } from "../../support/folder.ts";
import { bundlePrograms } from "../../support/program.ts";
import { waitMs } from "../../support/within.ts";
import type { ExitSetup } from "./exit-program.ts";

const folder = join(process.cwd(), "temp/exit", String(process.pid));

beforeAll(() => bundlePrograms([join(import.meta.dirname, "exit-program.ts")], folder));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const both = ["websocket", "polling"];
const cases: [string, ExitSetup][] = (["close", "drain", "http"] as const).flatMap((end) =>
  ([undefined, "memory", "folder"] as const).map((store): [string, ExitSetup] => [
    `${end}, store ${store}`,
    { end, options: store === undefined ? {} : { store }, transports: both },
  ]),
);

it.each(cases)("%s", async (_name, { options, ...setup }) => {
  const store = options.store === "folder" ? newFolder() : options.store;
  const given = { ...setup, options: store === undefined ? {} : { store } };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(folder, "exit-program.mjs"), JSON.stringify(given)],
    { timeout: 2 * waitMs },
  );
  expect(JSON.parse(stdout)).toEqual([]);
});
