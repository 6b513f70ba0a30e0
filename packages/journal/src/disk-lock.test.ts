/** One opener at a time: among openers of one process, of several, and after one was killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterEach, beforeEach, expect, it } from "vitest";
import { acquireLock } from "./disk-lock.ts";

let folder: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "holdfast-lock-"));
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

/** A process that takes the lock, says what came of it, and stays. */
async function holder(where: string): Promise<{ child: ChildProcess; answer: string }> {
  const script = join(folder, "holder.mjs");
  if (!existsSync(script)) {
    const source = new URL("./disk-lock.ts", import.meta.url).pathname;
    const result = await build({
      stdin: {
        contents: `
          import { acquireLock } from ${JSON.stringify(source)};
          setInterval(() => {}, 1_000);
          acquireLock(process.argv[2]).then(() => console.log("held"), (error) => console.log(error.code));
        `,
        resolveDir: folder,
      },
      bundle: true,
      platform: "node",
      format: "esm",
      write: false,
    });
    await writeFile(script, result.outputFiles[0]?.contents ?? "");
  }
  const child = spawn(process.execPath, [script, where], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const [line] = (await once(child.stdout ?? child, "data")) as [Buffer];
  return { child, answer: line.toString().trim() };
}

/** Has the first claim of a store say something else. */
async function changeClaim(store: string, change: object): Promise<void> {
  const claim = join(store, "lock.1");
  const content = JSON.parse(await readFile(claim, "utf8")) as object;
  await writeFile(claim, JSON.stringify({ ...content, ...change }));
}

async function newStore(name = "store"): Promise<string> {
  const store = join(folder, name);
  await mkdir(store, { recursive: true });
  return store;
}

it("refuses a second opener until the first lets go", async () => {
  const store = await newStore();
  const lock = await acquireLock(store);
  await expect(acquireLock(store)).rejects.toMatchObject({
    code: "HF_STORE_LOCKED",
    message: expect.stringContaining(`process ${process.pid}`),
  });
  await lock.release();
  const again = await acquireLock(store);
  await again.release();
  expect((await readdir(store)).length).toBe(1);
});

it("lets exactly one of many through", async () => {
  const store = await newStore();
  for (let round = 0; round < 5; round++) {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => acquireLock(store)));
    const held = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    expect(held).toHaveLength(1);
    await held[0]?.release();
  }
});

it("is free at once when its owner was killed, and not while he lives or is stopped", async () => {
  const store = await newStore();
  const { child, answer } = await holder(store);
  expect(answer).toBe("held");
  await expect(acquireLock(store)).rejects.toMatchObject({ code: "HF_STORE_LOCKED" });
  child.kill("SIGSTOP");
  await expect(acquireLock(store)).rejects.toMatchObject({ code: "HF_STORE_LOCKED" });
  child.kill("SIGKILL");
  await once(child, "exit");
  const startMs = performance.now();
  const lock = await acquireLock(store);
  expect(performance.now() - startMs).toBeLessThan(5_000);
  expect((await holder(store)).answer).toBe("HF_STORE_LOCKED");
  await lock.release();
});

/**
 * Goal: a store that was closed opens at once on another machine, or on this one after it was started again. Method: the
 * claim says that it is of another boot, as it does there.
 */
it("is free at once when its owner has let go, wherever that was", async () => {
  const store = await newStore();
  const lock = await acquireLock(store);
  await changeClaim(store, { bootId: "another" });
  await lock.release();
  const startMs = performance.now();
  const again = await acquireLock(store);
  expect(performance.now() - startMs).toBeLessThan(5_000);
  await again.release();
}, 30_000);

it("holds in a folder whose path is too long for a socket", async () => {
  const store = await newStore(`${"x".repeat(90)}/${"y".repeat(60)}`);
  const lock = await acquireLock(store);
  await expect(acquireLock(store)).rejects.toMatchObject({ code: "HF_STORE_LOCKED" });
  await lock.release();
});

/**
 * Goal: two machines that were made from one image, with one id and the same numbers of processes, do not both have a
 * folder that they share. Method: the claim of a process that lives says that it is of another boot of the same
 * machine, and its socket is one that another kernel made: it cannot be seen here.
 */
it("holds between machines that have the same id, as long as the owner lives", async () => {
  const store = await newStore();
  const { child, answer } = await holder(store);
  expect(answer).toBe("held");
  const machineId = await readFile("/etc/machine-id", "utf8").catch(() => "");
  await changeClaim(store, { bootId: "another", machineId: machineId.trim(), pid: process.pid });
  for (const name of await readdir(store)) {
    if (name.endsWith(".sock")) await rm(join(store, name));
  }
  await expect(acquireLock(store)).rejects.toMatchObject({ code: "HF_STORE_LOCKED" });
  child.kill("SIGKILL");
  await once(child, "exit");
  const lock = await acquireLock(store);
  await lock.release();
}, 60_000);

/**
 * Goal: processes with the same number in containers on one machine do not take each other for themselves. Method: the
 * claim of a process that lives says that it has our number, in a space of its own.
 */
it("holds between containers whose processes have the same number", async () => {
  const store = await newStore();
  const { child } = await holder(store);
  await changeClaim(store, { pid: process.pid, pidNamespace: "pid:[1]" });
  await expect(acquireLock(store)).rejects.toMatchObject({ code: "HF_STORE_LOCKED" });
  child.kill("SIGKILL");
  await once(child, "exit");
  const startMs = performance.now();
  const lock = await acquireLock(store);
  expect(performance.now() - startMs).toBeLessThan(5_000);
  await lock.release();
});
