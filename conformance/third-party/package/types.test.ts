/**
 * The types of the packed package. Goal: a typed application compiles against them as it does against socket.io, in
 * every mode of TypeScript that people use. Method: the same small applications, compiled by the real compiler, with
 * the declarations themselves checked too (no skipLibCheck).
 */
import { join, relative } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeProject, type TemporaryProject } from "../../support/packed.ts";

let project: TemporaryProject;
beforeAll(async () => {
  project = await makeProject();
});
afterAll(() => project.remove());

/** An application with all four event maps; the lines that must not compile say so. */
const application = `
import { createServer } from "node:http";
import { type BroadcastOperator, Namespace, type RemoteSocket, Server, type ServerOptions, type Socket } from "holdfast";
import type { DefaultEventsMap, DisconnectReason, ExtendedError, Event } from "holdfast";
import { Server as Engine, Socket as Connection, protocol } from "holdfast/engine";

interface FromClient { say: (text: string, reply: (at: number) => void) => void }
interface ToClient { said: (from: string, text: string) => void; ask: (question: string, reply: (answer: number) => void) => void }
interface BetweenServers { ping: (n: number) => void }
interface Data { name: string }
type App = Server<FromClient, ToClient, BetweenServers, Data>;
type Member = Socket<FromClient, ToClient, BetweenServers, Data>;

const options: Partial<ServerOptions> = { pingInterval: 1000, cors: { origin: "https://example.org" }, connectionStateRecovery: {} };
const io: App = new Server<FromClient, ToClient, BetweenServers, Data>(createServer(), options);
// @ts-expect-error an option of a wrong type
new Server({ pingInterval: "soon" });

io.use((socket, next: (error?: ExtendedError) => void) => { socket.data.name = "x"; next(); });
io.on("connection", (socket: Member) => {
  socket.on("say", (text, reply) => { reply(text.length); io.to("room").emit("said", socket.data.name, text); });
  socket.on("disconnect", (reason: DisconnectReason) => { reason.toUpperCase(); });
  socket.use((event: Event, next) => { event[0].toUpperCase(); next(); });
  // @ts-expect-error no such event to a client
  socket.emit("shout", 1);
  // @ts-expect-error an argument of a wrong type
  socket.emit("said", 1, "text");
  // @ts-expect-error no such event from a client
  socket.on("whisper", () => {});
});
io.on("ping", (n) => { n.toFixed(); });
io.serverSideEmit("ping", 1);

export async function ask(member: Member): Promise<number> {
  const answer: number = await member.timeout(100).emitWithAck("ask", "why?");
  const all: number[] = await io.timeout(100).emitWithAck("ask", "why?");
  return answer + all.length;
}
export async function names(): Promise<string[]> {
  const sockets: RemoteSocket<ToClient, Data>[] = await io.in("room").fetchSockets();
  return sockets.map((socket) => socket.data.name);
}
export const room: BroadcastOperator<ToClient, Data> = io.to("a").except("b").volatile;
export const admin: Namespace<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, Data> = new Server<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, Data>().of("/admin");
const untyped = new Server();
untyped.on("connection", (socket) => { socket.on("anything", (a, b) => { socket.emit("else", a, b); }); });
export const engine: Engine = io.engine as Engine;
engine.on("connection", (connection: Connection) => { connection.send("hello"); });
export const version: 4 = protocol as 4;
`;

/** Somebody's own tool for the folder of a store. */
const repair = `
import { JournalError as Known } from "holdfast";
import { JournalError, salvage, type SalvageReport, type StoreProblem, type StoreReport, verify } from "holdfast/journal";
export async function repair(folder: string): Promise<SalvageReport | undefined> {
  const report: StoreReport = await verify(folder);
  const harmful: StoreProblem[] = report.problems.filter(({ harmless }) => !harmless);
  return harmful.length > 0 ? salvage(folder) : undefined;
}
export function isLocked(error: unknown): boolean {
  return error instanceof JournalError && error.code === "HF_STORE_LOCKED";
}
export const same: typeof Known = JournalError;
// @ts-expect-error the folder is a string
verify(1);
`;

/** What CommonJS adds: the module is a function. */
const commonJs = `
import { createServer } from "node:http";
import holdfast = require("holdfast");
import engine = require("holdfast/engine");
const io: holdfast.Server = holdfast();
export const configured: holdfast.Server[] = [holdfast({ path: "/y" }), holdfast(createServer(), { path: "/z" })];
export const same: holdfast.Server = new holdfast.Server({ path: "/x" });
export const other: engine.Server = new engine.Server();
io.close();
`;

/** One application of both kinds of modules: a server made in one is a server in the other. */
const mixed = `
import { Server } from "holdfast";
import { use } from "./library.cjs";
use(new Server());
`;
const library = `
import { Server } from "holdfast";
export function use(server: Server): void { server.emit("x"); }
`;

const { CommonJS, ESNext, Node16, Node18, NodeNext } = ts.ModuleKind;
const Resolution = ts.ModuleResolutionKind;

const modes: readonly [name: string, file: string, mode: ts.CompilerOptions][] = [
  ["an ES module of Node", "app.mts", { module: NodeNext, moduleResolution: Resolution.NodeNext }],
  ["CommonJS of Node", "app.cts", { module: NodeNext, moduleResolution: Resolution.NodeNext }],
  ["an ES module of Node 18", "app.mts", { module: Node18, moduleResolution: Resolution.Node16 }],
  ["CommonJS of Node 16", "app.cts", { module: Node16, moduleResolution: Resolution.Node16 }],
  ["a module for a bundler", "app.ts", { module: ESNext, moduleResolution: Resolution.Bundler }],
  [
    "CommonJS of the old resolution",
    "app.ts",
    { module: CommonJS, moduleResolution: Resolution.Node10, ignoreDeprecations: "6.0" },
  ],
];

/** Files of the compiler and of Node's types, parsed once for all modes. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/** What the compiler says about the files, and about the declarations of the package that they lead to. */
async function compile(
  files: Readonly<Record<string, string>>,
  mode: ts.CompilerOptions,
): Promise<string[]> {
  for (const [file, text] of Object.entries(files)) await project.write(file, text);
  const options: ts.CompilerOptions = {
    ...mode,
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    target: ts.ScriptTarget.ES2022,
    types: ["node"],
  };
  const host = ts.createCompilerHost(options);
  host.getCurrentDirectory = () => project.folder;
  const { getSourceFile } = host;
  host.getSourceFile = (file, languageVersion, ...rest) => {
    if (file.startsWith(project.folder)) return getSourceFile(file, languageVersion, ...rest);
    const format = typeof languageVersion === "object" ? languageVersion.impliedNodeFormat : "";
    const key = `${format} ${file}`;
    if (!parsed.has(key)) parsed.set(key, getSourceFile(file, languageVersion, ...rest));
    return parsed.get(key);
  };
  const roots = Object.keys(files).map((file) => join(project.folder, file));
  const program = ts.createProgram(roots, options, host);
  const own = program
    .getSourceFiles()
    .filter(({ fileName }) => fileName.startsWith(project.folder));
  const diagnostics = [
    ...program.getOptionsDiagnostics(),
    ...own.flatMap((file) => [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
    ]),
  ];
  return diagnostics.map(({ file, start, messageText }) => {
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line + 1;
    const name = file === undefined ? "" : relative(project.folder, file.fileName);
    return `${name}:${line} ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
}

it("are asked no more than socket.io's answer", async () => {
  await project.link(["socket.io", "engine.io"]);
  const original = application
    .replaceAll('"holdfast"', '"socket.io"')
    .replaceAll('"holdfast/engine"', '"engine.io"')
    // Promised by its documentation, missing in its code.
    .replace("io.timeout(100).emitWithAck", 'io.to("all").timeout(100).emitWithAck');
  const mode = { module: NodeNext, moduleResolution: Resolution.NodeNext };
  expect(await compile({ "original.cts": original }, mode)).toEqual([]);
});

it.each(modes)("compile in %s", async (_name, file, mode) => {
  expect(await compile({ [file]: application }, mode)).toEqual([]);
});

it.each(modes)("of holdfast/journal compile in %s", async (_name, file, mode) => {
  expect(await compile({ [file]: repair }, mode)).toEqual([]);
});

it("know that the CommonJS module is a function", async () => {
  const mode = { module: NodeNext, moduleResolution: Resolution.NodeNext };
  expect(await compile({ "callable.cts": commonJs }, mode)).toEqual([]);
});

it("are the same types for both kinds of modules", async () => {
  const mode = { module: NodeNext, moduleResolution: Resolution.NodeNext };
  expect(await compile({ "library.cts": library, "mixed.mts": mixed }, mode)).toEqual([]);
});

it("refuse what they should, so that the compiler is known to have looked", async () => {
  const mode = { module: NodeNext, moduleResolution: Resolution.NodeNext };
  const wrong = 'import { Server } from "holdfast"; new Server({ pingInterval: "soon" });';
  expect(await compile({ "wrong.mts": wrong }, mode)).not.toEqual([]);
});
