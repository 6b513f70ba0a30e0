/**
 * One opener at a time, also among containers that share a folder: docs/decisions/store-lock.md has the reasons.
 *
 * An opener first listens on a socket of its own in the folder, then makes the claim with the next number, which
 * only one can. The highest claim is never deleted, so it always names who has the folder, or who had it last; he is
 * gone when nobody listens on his socket. The kernel closes a socket with its process, whatever that dies of.
 */
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import { join } from "node:path";
import type { DiskLock } from "./disk.ts";
import { JournalError } from "./errors.ts";

interface Claim {
  /** Names the socket: nobody else has the same. */
  readonly token: string;
  /** Whether there is a socket: not every file system has them. */
  readonly socket: boolean;
  readonly host: string;
  readonly bootId: string;
  /** The space in which `pid` means something. */
  readonly pidNamespace: string;
  readonly pid: number;
  /** When the process started: a pid is given out again. */
  readonly startTime: string;
}

const claimName = /^lock\.(\d+)$/;
const heartbeatMs = 2_000;
/** How long the owner's heartbeat is waited for where nothing else can tell whether he lives. */
const patienceMs = 5 * heartbeatMs;

export async function acquireLock(folder: string): Promise<DiskLock> {
  const token = randomBytes(12).toString("hex");
  const server = await listen(folder, token);
  const content = JSON.stringify(await ownClaim(token, server !== undefined));
  try {
    for (;;) {
      const number = await highestClaim(folder);
      if (number > 0) await refuseWhenAlive(folder, number);
      const mine = join(folder, `lock.${number + 1}`);
      if (!(await createWhole(mine, content))) continue;
      // Whoever looked long ago may have made a claim that is not the highest any more.
      if ((await highestClaim(folder)) !== number + 1) {
        await fs.promises.rm(mine, { force: true });
        continue;
      }
      await sweep(folder, number + 1, token);
      return held(folder, mine, token, server);
    }
  } catch (error) {
    await close(folder, token, server);
    throw error;
  }
}

function held(
  folder: string,
  claim: string,
  token: string,
  server: net.Server | undefined,
): DiskLock {
  const heartbeat = setInterval(() => {
    const now = new Date();
    fs.utimes(claim, now, now, () => undefined);
  }, heartbeatMs);
  heartbeat.unref();
  return {
    async release() {
      clearInterval(heartbeat);
      // The claim stays, as the highest, and says itself that its owner has let go: on another machine, and on this one
      // once it was started again, the socket says nothing. If the disk does not take that, he was as good as killed.
      await fs.promises.truncate(claim, 0).catch(() => undefined);
      await close(folder, token, server);
    },
  };
}

async function refuseWhenAlive(folder: string, number: number): Promise<void> {
  const path = join(folder, `lock.${number}`);
  const claim = await readClaim(path);
  if (claim === undefined || !(await ownerLives(folder, path, claim))) return;
  throw new JournalError("HF_STORE_LOCKED", {
    detail: `process ${claim.pid} on ${claim.host} has ${folder} open`,
  });
}

async function ownerLives(folder: string, path: string, claim: Claim): Promise<boolean> {
  const here = await machine();
  const sameBoot = claim.bootId !== "" && claim.bootId === here.bootId;
  if (claim.socket) {
    const answer = await probe(folder, claim.token);
    if (answer === "alive") return true;
    if (answer === "dead" && sameBoot) return false;
  }
  if (sameBoot && claim.pidNamespace === here.pidNamespace && claim.pidNamespace !== "") {
    return claim.startTime === (await startTimeOf(claim.pid));
  }
  // Nothing says whether it is this machine before it was started again, or another one that was made from its image.
  return heartbeatGoesOn(path);
}

/** @returns alive when somebody listens, dead when the kernel knows that nobody does */
function probe(folder: string, token: string): Promise<"alive" | "dead" | "unknown"> {
  return withSocketPath(
    folder,
    token,
    (path) =>
      new Promise((resolve) => {
        const socket = net.connect(path);
        socket.once("connect", () => {
          socket.destroy();
          resolve("alive");
        });
        socket.once("error", (error: NodeJS.ErrnoException) => {
          if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve("dead");
          // So many wait to be answered that there is no room for one more.
          else resolve(error.code === "EAGAIN" ? "alive" : "unknown");
        });
      }),
  );
}

function listen(folder: string, token: string): Promise<net.Server | undefined> {
  return withSocketPath(
    folder,
    token,
    (path) =>
      new Promise((resolve) => {
        const server = net.createServer((socket) => socket.destroy());
        server.unref();
        server.once("error", () => resolve(undefined));
        server.listen(path, () => resolve(server));
      }),
  );
}

async function close(folder: string, token: string, server: net.Server | undefined): Promise<void> {
  if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
  await fs.promises.rm(socketName(folder, token), { force: true });
}

const socketName = (folder: string, token: string): string => join(folder, `lock-${token}.sock`);

/** The path of a socket has about a hundred bytes: a longer one takes the detour over a descriptor of the folder. */
async function withSocketPath<Result>(
  folder: string,
  token: string,
  run: (path: string) => Promise<Result>,
): Promise<Result> {
  const path = socketName(folder, token);
  if (Buffer.byteLength(path) < 100) return run(path);
  const handle = await fs.promises.open(folder, "r");
  try {
    return await run(socketName(`/proc/self/fd/${handle.fd}`, token));
  } finally {
    await handle.close();
  }
}

async function highestClaim(folder: string): Promise<number> {
  const numbers = (await fs.promises.readdir(folder)).map((name) =>
    Number(claimName.exec(name)?.[1] ?? 0),
  );
  return Math.max(0, ...numbers);
}

/** Makes a file that has its content as soon as it has its name. @returns false when the name is taken */
async function createWhole(path: string, content: string): Promise<boolean> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.temp`;
  await fs.promises.writeFile(temporary, content, { flag: "wx", mode: 0o600 });
  try {
    await fs.promises.link(temporary, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    await fs.promises.rm(temporary, { force: true });
  }
}

/** Removes what former owners have left. */
async function sweep(folder: string, number: number, token: string): Promise<void> {
  for (const name of await fs.promises.readdir(folder)) {
    const old = Number(claimName.exec(name)?.[1] ?? number) < number;
    if (old) await removeClaim(folder, name, token);
  }
}

async function removeClaim(folder: string, name: string, token: string): Promise<void> {
  const claim = await readClaim(join(folder, name));
  if (claim !== undefined && claim.token !== token) {
    await fs.promises.rm(socketName(folder, claim.token), { force: true });
  }
  await fs.promises.rm(join(folder, name), { force: true });
}

/** @returns undefined when its owner has let go of it, or it was removed */
async function readClaim(path: string): Promise<Claim | undefined> {
  try {
    const claim: unknown = JSON.parse(await fs.promises.readFile(path, "utf8"));
    return isClaim(claim) ? claim : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function isClaim(value: unknown): value is Claim {
  const claim = value as Partial<Claim> | null;
  return typeof claim === "object" && typeof claim?.token === "string" && /^\w+$/.test(claim.token);
}

async function heartbeatGoesOn(path: string): Promise<boolean> {
  const before = await modified(path);
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += heartbeatMs / 2) {
    await new Promise((resolve) => setTimeout(resolve, heartbeatMs / 2));
    const after = await modified(path);
    if (after !== before) return after !== undefined;
  }
  return false;
}

async function modified(path: string): Promise<number | undefined> {
  try {
    return (await fs.promises.stat(path)).mtimeMs;
  } catch {
    return undefined;
  }
}

type Machine = Pick<Claim, "bootId" | "pidNamespace">;

async function machine(): Promise<Machine> {
  const read = (path: string) => fs.promises.readFile(path, "latin1").catch(() => "");
  return {
    bootId: (await read("/proc/sys/kernel/random/boot_id")).trim(),
    pidNamespace: await fs.promises.readlink("/proc/self/ns/pid").catch(() => ""),
  };
}

async function ownClaim(token: string, socket: boolean): Promise<Claim> {
  const startTime = (await startTimeOf(process.pid)) ?? "";
  return { token, socket, host: os.hostname(), pid: process.pid, startTime, ...(await machine()) };
}

/** @returns when this process started, in ticks since the machine did; undefined when there is none */
async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await fs.promises.readFile(`/proc/${pid}/stat`, "latin1");
    // The name of the program is in brackets, and may contain some; the 20th field after it is the start.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
