/**
 * The packed package, loaded in every way that Node has. Goal: whatever way an application or one of its
 * dependencies loads it, it is the same instance with the names of socket.io. Method: small programs in a project
 * that has nothing but the package and its declared dependencies.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeProject, type TemporaryProject } from "../../support/packed.ts";

let project: TemporaryProject;
beforeAll(async () => {
  project = await makeProject();
});
afterAll(() => project.remove());

/** Runs a program that prints JSON. */
async function evaluate(kind: "commonjs" | "module", program: string): Promise<unknown> {
  const file = kind === "module" ? "program.mjs" : "program.cjs";
  await project.write(file, program);
  return JSON.parse(await project.run([file]));
}

describe("the manifest", () => {
  it("depends on no package of the socket.io organisation and on none of ours", () => {
    const { dependencies, peerDependencies, optionalDependencies } = project.manifest;
    const names = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies });
    expect(names).toContain("ws");
    expect(
      names.filter((name) => /^(@socket\.io\/|socket\.io|engine\.io|@holdfast\/)/.test(name)),
    ).toEqual([]);
  });

  it("is there for require() and import", async () => {
    const required = await evaluate(
      "commonjs",
      'console.log(JSON.stringify(require("holdfast/package.json").name));',
    );
    const imported = await evaluate(
      "module",
      'import p from "holdfast/package.json" with { type: "json" }; console.log(JSON.stringify(p.name));',
    );
    expect([required, imported]).toEqual(["holdfast", "holdfast"]);
  });
});

describe("require", () => {
  it("gives a function that makes a server and carries the names of socket.io", async () => {
    const seen = await evaluate(
      "commonjs",
      `const io = require("holdfast");
       const server = io();
       const made = new io();
       console.log(JSON.stringify([
         typeof io, server instanceof io.Server, made instanceof io.Server,
         typeof io.Server, typeof io.Namespace, typeof io.Socket,
         io.Server.name, io.Namespace.name, io.Socket.name,
       ]));`,
    );
    const names = ["Server", "Namespace", "Socket"];
    expect(seen).toEqual(["function", true, true, "function", "function", "function", ...names]);
  });

  it("works for code that a compiler made out of ES imports", async () => {
    // What TypeScript and Babel make of `import io, { Server } from "holdfast"`.
    const seen = await evaluate(
      "commonjs",
      `const interop = (m) => (m && m.__esModule ? m : { default: m });
       const io_1 = interop(require("holdfast")), holdfast_1 = require("holdfast");
       console.log(JSON.stringify([typeof io_1.default, io_1.default() instanceof holdfast_1.Server]));`,
    );
    expect(seen).toEqual(["function", true]);
  });

  it("of the engine gives the names of engine.io", async () => {
    const seen = await evaluate(
      "commonjs",
      `const engine = require("holdfast/engine");
       console.log(JSON.stringify([
         ...["Server", "Socket", "Transport", "listen", "attach"].map((name) => typeof engine[name]),
         Object.keys(engine.transports).sort(), typeof engine.parser.encodePacket, engine.protocol,
         engine.Server.name, engine.Socket.name, new engine.Server() instanceof engine.Server,
       ]));`,
    );
    const functions = Array.from({ length: 5 }, () => "function");
    expect(seen).toEqual([
      ...functions,
      expect.arrayContaining(["polling", "websocket"]),
      "function",
      4,
      "Server",
      "Socket",
      true,
    ]);
  });
});

/** Makes a store with three events, damages it, and repairs it. Works in both kinds of modules, given `require`. */
const repairing = `
  const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require("node:fs");
  const { join } = require("node:path");
  const folder = mkdtempSync(join(require("node:os").tmpdir(), "holdfast-damaged-"));
  async function repair({ Server }, { JournalError, salvage, verify }) {
    const io = new Server({ store: folder, failFast: false });
    for (const n of [1, 2, 3]) await io.publish("n", n);
    const inUse = await verify(folder).catch((error) => [error instanceof JournalError, error.code]);
    await io.close();
    const whole = await verify(folder);
    const segment = join(folder, "000000000001.segment");
    const bytes = readFileSync(segment);
    bytes[bytes.indexOf('["n",2]') + 1] ^= 1;
    writeFileSync(segment, bytes);
    const { problems } = await verify(folder);
    const refused = await new Server({ store: folder, failFast: false }).ready.catch(({ code }) => code);
    const report = await salvage(folder);
    const again = new Server({ store: folder, failFast: false });
    await again.ready;
    await again.close();
    const left = (await verify(folder)).problems;
    rmSync(folder, { recursive: true });
    return [inUse, whole.records, whole.problems, problems.length, problems[0].file, refused,
      report.problems.length, report.streams.length, left.map(({ harmless }) => harmless)];
  }`;

const repaired = [
  [true, "HF_STORE_LOCKED"],
  3,
  [],
  1,
  "000000000001.segment",
  "HF_STORE_CORRUPT",
  1,
  1,
  [true],
];

describe("holdfast/journal", () => {
  it("verifies and salvages a store, by require()", async () => {
    const program = `${repairing}
      repair(require("holdfast"), require("holdfast/journal")).then((seen) => console.log(JSON.stringify(seen)));`;
    expect(await evaluate("commonjs", program)).toEqual(repaired);
  });

  it("and by import: the same functions, the same class of errors", async () => {
    const program = `
      import * as server from "holdfast"; import * as journal from "holdfast/journal";
      import { createRequire } from "node:module";
      const require = createRequire(import.meta.url);
      ${repairing}
      const same = journal.verify === require("holdfast/journal").verify && journal.JournalError === server.JournalError;
      console.log(JSON.stringify([same, await repair(server, journal)]));`;
    expect(await evaluate("module", program)).toEqual([true, repaired]);
  });
});

describe("import", () => {
  it("gives the same names, and no default", async () => {
    const seen = (await evaluate(
      "module",
      `import * as esm from "holdfast"; import { createRequire } from "node:module";
       const cjs = createRequire(import.meta.url)("holdfast");
       console.log(JSON.stringify([Object.keys(esm).sort(), Object.keys(cjs).sort()]));`,
    )) as [string[], string[]];
    const [imported, required] = seen;
    expect(imported).toEqual(required);
    expect(imported).toEqual(expect.arrayContaining(["Namespace", "Server", "Socket"]));
    expect(imported).not.toContain("default");
  });

  it("and require give one instance of server and engine", async () => {
    const seen = await evaluate(
      "module",
      `import * as esm from "holdfast"; import * as engine from "holdfast/engine";
       import { createRequire } from "node:module"; import { createServer } from "node:http";
       const require = createRequire(import.meta.url);
       const http = createServer();
       const io = new esm.Server(http);
       console.log(JSON.stringify([
         esm.Server === require("holdfast").Server,
         engine.Server === require("holdfast/engine").Server,
         io.engine instanceof engine.Server,
       ]));
       await io.close();`,
    );
    expect(seen).toEqual([true, true, true]);
  });
});

describe("the installed package", () => {
  it("talks to a stock client and serves the client bundles", async () => {
    await project.link(["socket.io-client"]);
    const seen = await evaluate(
      "module",
      `import { Server } from "holdfast"; import { createServer } from "node:http"; import { io as connect } from "socket.io-client";
       const http = createServer();
       const io = new Server(http);
       io.on("connection", (socket) => socket.on("add", (a, b, reply) => reply(a + b)));
       await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
       const url = "http://127.0.0.1:" + http.address().port;
       const client = connect(url);
       const sum = await client.timeout(5000).emitWithAck("add", 1, 2);
       const files = [];
       for (const name of ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"]) {
         const bundle = await fetch(url + "/socket.io/" + name);
         const map = await fetch(url + "/socket.io/" + name + ".map");
         files.push([bundle.status, bundle.headers.get("etag"), (await bundle.text()).length > 10000, map.status]);
         await map.body.cancel();
       }
       client.close();
       await io.close();
       console.log(JSON.stringify([sum, files]));
       process.exit(0);`,
    );
    const clientVersion = (
      await readFile(join(project.folder, "node_modules/holdfast/client-dist/VERSION"), "utf8")
    ).trim();
    const served = [200, `"${clientVersion}"`, true, 200];
    expect(seen).toEqual([3, [served, served, served, served]]);
  });

  it("carries the licence of what it serves", async () => {
    const licence = await readFile(
      join(project.folder, "node_modules/holdfast/client-dist/LICENSE"),
      "utf8",
    );
    expect(licence).toContain("Permission is hereby granted");
  });
});
