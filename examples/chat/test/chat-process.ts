/** The chat as `npm start` runs it: a process of its own, which can be killed and started again on the same folder. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { portOf } from "../../../conformance/support/clients.ts";
import { within } from "../../../conformance/support/within.ts";

const program = fileURLToPath(new URL("../start.mjs", import.meta.url));

const startMs = 20_000;

export class ChatProcess {
  readonly url: string;
  readonly #port: number;
  readonly #data: string;
  #child: ChildProcess | undefined;

  private constructor(port: number, data: string) {
    this.#port = port;
    this.#data = data;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts it on an empty folder. It ends with the test. */
  static async start(): Promise<ChatProcess> {
    const data = mkdtempSync(join(tmpdir(), "holdfast-chat-"));
    const chat = new ChatProcess(await freePort(), data);
    onTestFinished(async () => {
      await chat.kill();
      rmSync(data, { recursive: true, force: true });
    });
    await chat.start();
    return chat;
  }

  async start(): Promise<void> {
    const env = { ...process.env, PORT: String(this.#port), CHAT_DATA: this.#data };
    const child = spawn(process.execPath, [program], { env, stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    const said = once(child.stdout, "data");
    await within(Promise.race([said, once(child, "exit").then(failed)]), "the chat", startMs);
  }

  /** Ends it at once: it has no time for a last word. */
  kill(): Promise<number | null> {
    return this.#end("SIGKILL");
  }

  /** Asks it to end. @returns its exit code */
  terminate(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    this.#child = undefined;
    const exited = once(child, "exit");
    child.kill(signal);
    const [code] = await within(exited, `the chat to end after ${signal}`, startMs);
    return code as number | null;
  }
}

function failed(): never {
  throw new Error("the chat ended before it was there");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, "listening");
  const port = portOf(server);
  server.close();
  await once(server, "close");
  return port;
}
