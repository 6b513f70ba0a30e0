/**
 * The process of deno-server.ts. Deno comes from npm into .ci/deno, which is no part of the workspaces, and stays there
 * for the next run. The certificate is made for the run: a browser takes one by its hash if it is ECDSA and short-lived.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { access, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { until, within } from "../../support/clients.ts";

const execute = promisify(execFile);
const version = "2.9.6";
const folder = resolve(import.meta.dirname, "../../../.ci/deno");
const installLimitMs = 100_000;

export interface DenoServer {
  readonly url: string;
  /** SHA-256 of its certificate. */
  readonly certificateHash: readonly number[];
  /** What the server has told, oldest first. */
  readonly told: readonly Readonly<Record<string, unknown>>[];
  /** Waits until it has told this. */
  tells(line: Record<string, unknown>): Promise<void>;
  stop(): Promise<void>;
}

/** Installs it if it is not there; gives the path of the program. */
async function installDeno(): Promise<string> {
  const program = join(folder, "node_modules/.bin/deno");
  const installed = await readFile(join(folder, "node_modules/deno/package.json"), "utf8").then(
    (text) => (JSON.parse(text) as { version: string }).version,
    () => undefined,
  );
  if (installed !== version) {
    await mkdir(folder, { recursive: true });
    const flags = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund"];
    await execute("npm", ["install", "--prefix", folder, ...flags, `deno@${version}`], {
      timeout: installLimitMs,
    });
  }
  await access(program);
  return program;
}

export async function startDeno(): Promise<DenoServer> {
  const program = await installDeno();
  const temporary = await mkdtemp(join(tmpdir(), "holdfast-webtransport-"));
  const [cert, key] = [join(temporary, "cert.pem"), join(temporary, "key.pem")];
  await execute("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-days", "10", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-keyout", key, "-out", cert],
  ]);
  const { fingerprint256 } = new X509Certificate(await readFile(cert));

  const file = join(import.meta.dirname, "deno-server.ts");
  const permissions = ["--allow-net", "--allow-read", "--allow-env", "--allow-sys"];
  const child = spawn(
    program,
    [
      "run",
      "--unstable-net",
      "--no-check",
      "--no-lock",
      "--no-prompt",
      ...permissions,
      file,
      cert,
      key,
    ],
    {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    },
  );
  const stop = async () => {
    await end(child);
    await rm(temporary, { recursive: true, force: true });
  };
  const told: Record<string, unknown>[] = [];
  createInterface(child.stdout).on("line", (line) => told.push(JSON.parse(line)));
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  try {
    const started = () => told.length > 0 || child.exitCode !== null;
    await until(started, "Deno listens");
    const port = told.shift()?.["port"];
    if (typeof port !== "number") throw new Error("no port");
    return {
      url: `http://127.0.0.1:${port}`,
      certificateHash: fingerprint256.split(":").map((byte) => Number.parseInt(byte, 16)),
      told,
      async tells(line) {
        const text = JSON.stringify(line);
        await until(
          () => told.some((one) => JSON.stringify(one) === text),
          `Deno tells ${text}; it told ${JSON.stringify(told)} ${errors}`,
        );
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw new Error(`Deno did not start: ${errors}`, { cause: error });
  }
}

/** It ends by itself when its input does. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.stdin?.end();
  await within(exited, "the end of Deno");
}
