/**
 * Builds the npm package `holdfast` into packages/server/dist: `npm run build`, or with `--js` only what runs (no types).
 *
 *   holdfast.cjs    all code of the server, of @holdfast/protocol and @holdfast/journal; the one instance, whatever way it is loaded
 *   index.cjs/js    `require("holdfast")` (callable, as socket.io's) and `import … from "holdfast"`: thin wrappers
 *   engine.cjs/js   the same for `holdfast/engine`, journal.cjs/js for `holdfast/journal`
 *   *.d.cts, *.d.ts the same picture in types: one holdfast.d.cts, and wrappers, so that a type has one identity too
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";
import { rollUpTypes } from "./api-extractor.ts";
import { copyClient } from "./copy-client.ts";
import { exportedNames } from "./exported-names.ts";
import { runOrExit } from "./run-command.ts";

const root = process.cwd();
const server = join(root, "packages/server");
const dist = join(server, "dist");
const types = join(server, "build");

const manifest = JSON.parse(readFileSync(join(server, "package.json"), "utf8")) as {
  version: string;
  dependencies: Record<string, string>;
};

/** The bundle: both entries in one file, whose classes keep the names under which they are exported. */
async function bundle(): Promise<void> {
  await build({
    stdin: {
      contents: `
        import * as main from "./src/index.ts";
        import * as engine from "./src/engine-entry.ts";
        import * as journal from "./src/journal-entry.ts";
        // Two entries have a Server and a Socket, so the bundler renames one of each. \`name\` is what users see in logs.
        for (const entry of [engine, journal, main]) {
          for (const [name, value] of Object.entries(entry)) {
            if (typeof value === "function" && value.name !== name && /^class\\b/.test(String(value))) {
              Object.defineProperty(value, "name", { value: name, configurable: true });
            }
          }
        }
        export { engine, journal, main };
      `,
      resolveDir: server,
      sourcefile: "holdfast.ts",
      loader: "ts",
    },
    outfile: join(dist, "holdfast.cjs"),
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20.19",
    conditions: ["@holdfast/source"],
    external: Object.keys(manifest.dependencies),
    // The one thing of an ES module that the sources use and CommonJS lacks.
    banner: {
      js: `"use strict";\nconst __bundle_url = require("node:url").pathToFileURL(__filename).href;`,
    },
    define: { "import.meta.url": "__bundle_url" },
    sourcemap: true,
    sourcesContent: true,
    legalComments: "inline",
    logLevel: "warning",
  });
}

interface Entry {
  /** Name of the files. */
  readonly file: string;
  /** Name in the bundle. */
  readonly namespace: "main" | "engine" | "journal";
  /** Name of its source. */
  readonly source: string;
  readonly specifier: string;
}

const entries: readonly Entry[] = [
  { file: "index", namespace: "main", source: "index", specifier: "holdfast" },
  { file: "engine", namespace: "engine", source: "engine-entry", specifier: "holdfast/engine" },
  { file: "journal", namespace: "journal", source: "journal-entry", specifier: "holdfast/journal" },
];

function writeWrappers({ file, namespace, specifier }: Entry): void {
  const load = createRequire(join(dist, "package.json"));
  const loaded = load("./holdfast.cjs") as Record<string, Record<string, unknown>>;
  const names = Object.keys(loaded[namespace] ?? {}).sort();

  const members = names.map((name) => `module.exports.${name} = ${namespace}.${name};\n`).join("");
  const commonJs =
    file === "index"
      ? `module.exports = function holdfast(srv, opts) {\n  return new main.Server(srv, opts);\n};\n${members}`
      : members;
  writeFileSync(
    join(dist, `${file}.cjs`),
    `"use strict";\n// require("${specifier}")\nconst { ${namespace} } = require("./holdfast.cjs");\n${commonJs}`,
  );
  writeFileSync(
    join(dist, `${file}.js`),
    `// import … from "${specifier}": the same instance as require("${specifier}").\n` +
      `import ${namespace} from "./${file}.cjs";\n\n` +
      `export const {\n${names.map((name) => `  ${name},\n`).join("")}} = ${namespace};\n`,
  );
}

function writeTypeWrappers({ file, namespace, source, specifier }: Entry): void {
  const names = exportedNames(join(types, `${source}.d.ts`));
  const from = namespace === "main" ? "api" : `api.${namespace}`;

  const aliases = (indent: string): string =>
    names.map((name) => `${indent}export import ${name} = ${from}.${name};\n`).join("");
  const header = `// Types of require("${specifier}").\nimport api = require("./holdfast.cjs");\n`;
  const commonJs =
    namespace === "main"
      ? `${header}/** \`require("holdfast")(srv, opts)\` is \`new Server(srv, opts)\`. */\n` +
        "declare function holdfast(opts?: Partial<api.ServerOptions>): api.Server;\n" +
        "declare function holdfast(srv?: api.AttachableServer | number, opts?: Partial<api.ServerOptions>): api.Server;\n" +
        `declare namespace holdfast {\n${aliases("  ")}}\nexport = holdfast;\n`
      : `${header}${aliases("")}`;
  writeFileSync(join(dist, `${file}.d.cts`), commonJs);
  writeFileSync(
    join(dist, `${file}.d.ts`),
    `// Types of import … from "${specifier}": those of require("${specifier}").\n` +
      `export {\n${names.map((name) => `  ${name},\n`).join("")}} from "./${file}.cjs";\n`,
  );
}

/** What an earlier build left. The folder itself stays: a running test may be reading from it. */
function removeStrangers(): void {
  const ours = new Set(["holdfast.cjs", "holdfast.cjs.map", "holdfast.d.cts"]);
  for (const { file } of entries) {
    for (const ending of ["cjs", "js", "d.cts", "d.ts"]) ours.add(`${file}.${ending}`);
  }
  for (const name of readdirSync(dist)) {
    if (!ours.has(name)) rmSync(join(dist, name), { recursive: true });
  }
}

const onlyJs = process.argv.includes("--js");
const clientVersion = copyClient(root);
if (!onlyJs) runOrExit("node_modules/.bin/tsc", ["--build", "packages/server"]);
mkdirSync(dist, { recursive: true });
await bundle();
for (const entry of entries) writeWrappers(entry);
if (!onlyJs) {
  writeFileSync(
    join(types, "rollup.d.ts"),
    'export * from "./index.js";\nexport * as engine from "./engine-entry.js";\nexport * as journal from "./journal-entry.js";\n',
  );
  rollUpTypes(root, join(types, "rollup.d.ts"), join(dist, "holdfast.d.cts"));
  for (const entry of entries) writeTypeWrappers(entry);
}
removeStrangers();
console.log(`holdfast ${manifest.version} built, with the client bundles of ${clientVersion}`);
