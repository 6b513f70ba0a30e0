/**
 * The examples of the docs are true. Goal: what a reader copies compiles under our own strict settings, and serves
 * clients. Method: each block that is marked ```ts runnable is checked by the compiler, bundled with the sources, and run in a
 * process of its own on a free port, where a stock client says what the page says it can. One that is marked ```ts program
 * runs to its end in a folder that was made for it.
 */
import { type ChildProcess, execFile, fork } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type BuildOptions, build } from "esbuild";
import { Server } from "holdfast";
import { io, type Socket } from "socket.io-client";
import ts from "typescript";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { readTree } from "./tidy/tree.ts";

const root = process.cwd();
const folder = mkdtempSync(join(tmpdir(), "holdfast-docs-"));

interface Example {
  readonly name: string;
  readonly page: string;
  readonly code: string;
  readonly kind: "runnable" | "program";
}

/** The runnable blocks of a page, named by the page and their number. */
function examplesOf(page: string, text: string): Example[] {
  const blocks = text.matchAll(/^```ts (runnable|program)\n([\s\S]*?)^```$/gm);
  return [...blocks].map(([, kind, code = ""], index) => ({
    name: `${page} ${index + 1}`,
    page,
    code,
    kind: kind === "program" ? kind : "runnable",
  }));
}

const examples = readTree(root, ".md").flatMap(({ path, text }) => examplesOf(path, text));

/** What a client does with the example, beyond connecting. */
const scenes: Readonly<Record<string, (client: Socket) => Promise<void>>> = {
  "README.md 1": chat,
  "packages/server/README.md 1": chat,
  "docs/guide/getting-started.md 1": async (client) => {
    const said = new Promise((resolve) => client.on("said", (...args) => resolve(args)));
    expect(await client.timeout(5000).emitWithAck("say", "hello")).toBe(0);
    expect(await said).toEqual([0, "hello"]);
  },
  "docs/guide/getting-started.md 2": async (client) => {
    expect(await client.timeout(5000).emitWithAck("join", "hall")).toBe(1);
  },
};

/** What a program finds in its folder and how it ends. */
const programs: Readonly<
  Record<string, (folder: string, run: () => Promise<string>) => Promise<void>>
> = {
  "docs/guide/operations.md 1": async (place, run) => {
    const data = join(place, "data");
    const publish = async (...names: string[]) => {
      const server = new Server({ store: data, failFast: false });
      for (const name of names) await server.publish(name, {}, {});
      await server.close();
    };
    await publish("first", "second", "third");
    const segment = join(data, "000000000001.segment");
    const bytes = readFileSync(segment);
    const at = bytes.indexOf("second");
    bytes[at] = 0;
    writeFileSync(segment, bytes);
    await expect(publish("fourth")).rejects.toMatchObject({ code: "HF_STORE_CORRUPT" });
    const lines = (await run()).trim().split("\n");
    expect(lines).toEqual([
      expect.stringMatching(/^000000000001\.segment \d+ \d+ no frames$/),
      expect.stringMatching(/^"\/" has everything up to \d+$/),
    ]);
    await publish("fourth");
    const copy = readFileSync(join(place, "data.damaged/000000000001.segment"));
    expect(copy.equals(bytes)).toBe(true);
  },
};

async function chat(client: Socket): Promise<void> {
  const said = new Promise((resolve) => client.on("said", (...args) => resolve(args)));
  client.emit("join", "hall");
  client.emit("say", "hall", "hello");
  expect(await said).toEqual([client.id, "hello"]);
}

/** Runs before an example: whatever port it names, it gets a free one, and tells which. */
const prelude = `{
  const { Server } = require("node:net");
  const { listen } = Server.prototype;
  Server.prototype.listen = function () {
    this.once("listening", () => process.send(this.address().port));
    return listen.call(this, 0, "127.0.0.1");
  };
}`;

const children: ChildProcess[] = [];
const clients: Socket[] = [];

/** Bundles an example with the sources. */
async function bundle(example: Example, outfile: string, options: BuildOptions): Promise<void> {
  await build({
    stdin: { contents: example.code, resolveDir: join(root, "scripts"), loader: "ts" },
    outfile,
    bundle: true,
    platform: "node",
    conditions: ["@holdfast/source"],
    logLevel: "error",
    ...options,
  });
}

/** Runs a program in `place`; resolves with what it prints. */
async function runProgram(example: Example, place: string): Promise<string> {
  const outfile = join(place, "program.mjs");
  await bundle(example, outfile, { format: "esm" });
  const { stdout } = await promisify(execFile)(process.execPath, [outfile], { cwd: place });
  return stdout;
}

/** Starts an example; resolves with its port. */
async function start(example: Example): Promise<number> {
  const outfile = join(folder, `${examples.indexOf(example)}.cjs`);
  await bundle(example, outfile, {
    format: "cjs",
    banner: {
      js: `${prelude}const __bundle_url = require("node:url").pathToFileURL(__filename).href;`,
    },
    define: { "import.meta.url": "__bundle_url" },
  });
  const child = fork(outfile, { stdio: ["ignore", "ignore", "pipe", "ipc"], execArgv: [] });
  children.push(child);
  let complaints = "";
  child.stderr?.on("data", (text) => {
    complaints += text;
  });
  return new Promise((resolve, reject) => {
    child.once("message", (port) => resolve(Number(port)));
    child.once("exit", (code) => reject(new Error(`exit code ${code}: ${complaints}`)));
  });
}

function connect(port: number): Promise<Socket> {
  const client = io(`http://127.0.0.1:${port}`, { auth: { name: "reader" }, reconnection: false });
  clients.push(client);
  return new Promise((resolve, reject) => {
    client.once("connect", () => resolve(client));
    client.once("connect_error", reject);
  });
}

afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
  for (const child of children.splice(0)) child.kill();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Errors of the compiler in programs that exist only in memory, as if they lay beside this file. */
function compilerErrors(sources: readonly Example[]): string[] {
  const { config } = ts.readConfigFile(join(root, "tsconfig.tests.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root);
  // An example may end with what the reader goes on with.
  Object.assign(options, { noUnusedLocals: false, incremental: false, tsBuildInfoFile: undefined });
  const files = new Map(
    sources.map(({ code }, index) => [join(root, "scripts", `docs-example-${index}.ts`), code]),
  );
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => files.get(path) ?? readFile(path);
  host.getSourceFile = (path, version, ...rest) => {
    const code = files.get(path);
    if (code === undefined) return getSourceFile(path, version, ...rest);
    return ts.createSourceFile(path, code, version);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((path, index) => {
    const source = program.getSourceFile(path);
    return [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ].map(
      ({ messageText }) =>
        `${sources[index]?.name}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
    );
  });
}

it("finds the examples, and one for each scene", () => {
  expect(examples.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(scenes)));
  const finite = examples.filter(({ kind }) => kind === "program").map(({ name }) => name);
  expect(finite).toEqual(Object.keys(programs));
});

it("compile", { timeout: 60_000 }, () => {
  const wrong: Example = {
    name: "planted",
    page: "",
    kind: "program",
    code: 'import { Server } from "holdfast";\nnew Server(3000, { pingTimeout: "20s" });',
  };
  const errors = compilerErrors([wrong, ...examples]);
  expect(errors.filter((error) => error.startsWith("planted"))).toHaveLength(1);
  expect(errors.filter((error) => !error.startsWith("planted"))).toEqual([]);
});

describe("run", () => {
  it.each(examples.map((example) => [example.name, example] as const))(
    "%s",
    { timeout: 60_000 },
    async (name, example) => {
      if (example.kind === "program") {
        const place = join(folder, String(examples.indexOf(example)));
        mkdirSync(place);
        await programs[name]?.(place, () => runProgram(example, place));
        return;
      }
      const client = await connect(await start(example));
      await scenes[name]?.(client);
    },
  );
});

it("the readme's server has twelve lines", () => {
  const [first] = examplesOf("README.md", readFileSync("README.md", "utf8"));
  expect(first?.code.trimEnd().split("\n")).toHaveLength(12);
});
