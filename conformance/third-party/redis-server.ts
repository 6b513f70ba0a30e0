/** A Redis of the test's own: Debian's server on a UNIX socket in a folder that goes with it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "redis";

export interface RedisServer {
  /** Its UNIX socket. */
  readonly path: string;
  /** A connected client; it closes, when its last command was answered, with the server. */
  client(): Promise<RedisClient>;
  stop(): Promise<void>;
}

export type RedisClient = ReturnType<typeof makeClient>;

function makeClient(path: string) {
  return createClient({ socket: { path, tls: false } });
}

const startLimitMs = 10_000;

export async function startRedis(): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-redis-"));
  const path = join(folder, "redis.sock");
  const args = ["--port", "0", "--unixsocket", path, "--dir", folder, "--save", ""];
  const child = spawn("/usr/bin/redis-server", args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");

  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await new Promise<void>((resolve, reject) => {
      let log = "";
      const late = setTimeout(() => reject(new Error(`Redis is not ready: ${log}`)), startLimitMs);
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`Redis ended: ${log}`)));
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        log += text;
        if (!log.includes("ready to accept connections")) return;
        clearTimeout(late);
        resolve();
      });
    });
  } catch (error) {
    await stop();
    throw error;
  }

  const clients: RedisClient[] = [];
  return {
    path,
    async client() {
      const client = makeClient(path);
      // Adapters have commands under way when the test is over.
      client.on("error", () => undefined);
      await client.connect();
      clients.push(client);
      return client;
    },
    async stop() {
      await Promise.all(clients.filter(({ isOpen }) => isOpen).map((client) => client.close()));
      await stop();
    },
  };
}
