/**
 * The rules of the house that are neither format, lint, layers nor types. Each rule is first shown a planted
 * offence, so that a rule that no longer sees anything fails too; then it reads the whole tree.
 */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  checkedOptions,
  deadLinks,
  deadReferences,
  declaredCodes,
  documentedCodes,
  documentedOptions,
  usedCodes,
} from "./tidy/docs.ts";
import { type Lock, missingOptionalPackages } from "./tidy/lock.ts";
import {
  handListedExports,
  honestTypes,
  hostOnly,
  kebabCase,
  noFixedPorts,
  noSilentSkips,
  opensWithComment,
  type Rule,
  tooLong,
} from "./tidy/rules.ts";
import { parse, readTree, type SourceFile } from "./tidy/tree.ts";

const root = process.cwd();
const sources = readTree(root, ".ts").map(parse);
const pages = readTree(root, ".md");

/** A file that does not exist, to show a rule what it is for. */
const planted = (path: string, text: string): SourceFile => parse({ path, text });
const serverFile = "packages/server/src/engine/planted.ts";
const testFile = "conformance/behaviour/planted.test.ts";

const rules: readonly [name: string, rule: Rule, offences: readonly SourceFile[]][] = [
  [
    "only host/ touches time, chance, disk and network",
    hostOnly,
    [
      planted(serverFile, "const now = Date.now();"),
      planted(serverFile, "const now = new Date();"),
      planted(serverFile, "setTimeout(run, 5);"),
      planted(serverFile, "const x = performance.now();"),
      planted(serverFile, "globalThis.setImmediate(run);"),
      planted(serverFile, "const dice = Math.random();"),
      planted(serverFile, 'import { readFileSync } from "node:fs";'),
      planted(serverFile, 'import http, { type IncomingMessage } from "node:http";'),
      planted(serverFile, 'import { randomUUID } from "node:crypto";'),
      planted(serverFile, "const id = crypto.randomUUID();"),
    ],
  ],
  [
    "types are honest",
    honestTypes,
    [
      planted(serverFile, "const x: any = 1;"),
      planted(serverFile, "const x = y!.z;"),
      planted(serverFile, "// @ts-ignore\nconst x = 1;"),
      planted(serverFile, "enum Colour { red }"),
      planted(serverFile, "class X { constructor(private readonly x: number) {} }"),
    ],
  ],
  [
    "a file opens with what it is",
    opensWithComment,
    [planted(serverFile, 'import { x } from "./x.ts";')],
  ],
  ["file names are kebab-case", kebabCase, [planted("packages/server/src/RoomMap.ts", "")]],
  [
    "exports are listed by hand",
    handListedExports,
    [planted("packages/server/src/index.ts", 'export * from "./server.ts";')],
  ],
  [
    "no test is skipped in silence",
    noSilentSkips,
    [
      planted(testFile, 'it.only("x", run);'),
      planted(testFile, 'describe.skip("x", run);'),
      planted(testFile, 'it.todo("x");'),
      planted(testFile, 'it.concurrent.skip("x", run);'),
      planted(testFile, 'it.skipIf(true)("x", run);'),
      planted(testFile, 'it.runIf(targetName === "socket.io")("x", run);'),
      planted(testFile, 'it("x", (ctx) => { ctx.skip(); });'),
    ],
  ],
  ["no test has a port of its own", noFixedPorts, [planted(testFile, "server.listen(3000);")]],
];

describe.each(rules)("%s", (_name, rule, offences) => {
  it.each(offences.map((offence) => [offence.text, offence] as const))("sees %j", (_text, file) => {
    expect(rule(file)).toHaveLength(1);
  });

  it("holds in the whole tree", () => {
    expect(sources.flatMap(rule)).toEqual([]);
  });
});

it("lets types, members and the reasons of Socket.IO's contract pass", () => {
  const harmless = [
    'import type { Server } from "node:http";\nimport { createHash } from "node:crypto";',
    "const isDate = value instanceof Date;",
    "const text = new Date(host.wallMs()).toISOString();",
    "interface Packet { Date: string }\nconst x = packet.Date;",
    "function f(at: Date): typeof setTimeout { return host.setTimeout; }",
    "// biome-ignore lint/suspicious/noExplicitAny: as in Socket.IO\ntype Map = Record<string, any>;",
    'const text = "@ts-ignore";',
  ];
  for (const text of harmless) {
    const file = planted(serverFile, text);
    expect([...hostOnly(file), ...honestTypes(file)]).toEqual([]);
  }
});

describe("files stay readable", () => {
  const lengths = JSON.parse(readFileSync("scripts/tidy/lengths.json", "utf8")) as Record<
    string,
    number
  >;

  it("sees a file that is too long, that grew, and a ratchet that can be tightened", () => {
    const file = planted(serverFile, "\n".repeat(450));
    expect(tooLong(file, {})).toHaveLength(1);
    expect(tooLong(file, { [serverFile]: 449 })).toHaveLength(1);
    expect(tooLong(file, { [serverFile]: 450 })).toEqual([]);
    expect(tooLong(file, { [serverFile]: 480 })).toHaveLength(1);
  });

  it("holds in the whole tree", () => {
    expect(sources.flatMap((file) => tooLong(file, lengths))).toEqual([]);
  });

  it("names no file that is gone", () => {
    expect(Object.keys(lengths).filter((path) => !existsSync(path))).toEqual([]);
  });
});

describe("errors", () => {
  const declared = declaredCodes(sources);

  it("finds the codes", () => {
    expect(declared.size).toBeGreaterThan(10);
  });

  it("are all on the page, and the page has no others", () => {
    const page = readFileSync("docs/reference/errors.md", "utf8");
    expect([...documentedCodes(page)].sort()).toEqual([...declared].sort());
  });

  it("of every package are found", () => {
    for (const code of ["HF_OPTION_INVALID", "HF_STORE_FULL"]) expect(declared).toContain(code);
  });

  it("are all used, and no others are", () => {
    expect([...usedCodes(sources)].sort()).toEqual([...declared].sort());
  });
});

describe("options", () => {
  it("are all in a table, and the tables have no others", () => {
    const checked = checkedOptions(sources);
    expect(checked.size).toBeGreaterThan(20);
    const documented = documentedOptions(
      readFileSync("docs/reference/options.md", "utf8") +
        readFileSync("docs/reference/limits.md", "utf8"),
    );
    expect([...checked].filter((name) => !documented.has(name))).toEqual([]);
    expect([...documented].filter((name) => !checked.has(name))).toEqual([]);
  });
});

describe("docs", () => {
  it("sees a dead link, a dead heading and a dead reference", () => {
    const page = {
      path: "planted.md",
      text: "# A\n[x](gone.md) [y](#b) [z](#a) [w](https://x.y)",
    };
    expect(deadLinks(page, root, [page])).toHaveLength(2);
    expect(deadReferences(planted(serverFile, `// see ${"docs"}/gone.md`), root)).toHaveLength(1);
  });

  it("have links that lead somewhere", () => {
    expect(pages.flatMap((page) => deadLinks(page, root, pages))).toEqual([]);
  });

  it("exist where the code says so", () => {
    expect(sources.flatMap((file) => deadReferences(file, root))).toEqual([]);
  });
});

describe("the lock file", () => {
  it("names all platforms of optional packages, without which npm ci refuses it", () => {
    const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as Lock;
    expect(missingOptionalPackages(lock)).toEqual([]);
    const [name = ""] = Object.keys(lock.packages).filter((path) => path.includes("win32"));
    delete lock.packages[name];
    expect(missingOptionalPackages(lock)).toHaveLength(1);
  });
});

describe("packages", () => {
  interface Manifest {
    readonly name: string;
    readonly version: string;
    readonly dependencies?: Record<string, string>;
    readonly devDependencies?: Record<string, string>;
  }
  const manifests = readTree(root, "package.json")
    .filter(({ path }) => /^(packages\/[^/]+\/)?package\.json$/.test(path))
    .map(({ text }) => JSON.parse(text) as Manifest);

  it("have one version", () => {
    expect(new Set(manifests.map(({ version }) => version)).size).toBe(1);
    const versions = new Map(manifests.map(({ name, version }) => [name, version]));
    for (const { dependencies = {}, devDependencies = {} } of manifests) {
      for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies })) {
        if (versions.has(name)) expect(range).toBe(versions.get(name));
      }
    }
  });

  it("need nothing of the socket.io organisation at run time", () => {
    const shipped = manifests.filter(({ name }) => name !== "holdfast-workspace");
    expect(shipped.length).toBeGreaterThan(1);
    for (const { dependencies = {} } of shipped) {
      const names = Object.keys(dependencies);
      expect(names.filter((name) => /^(@socket\.io\/|socket\.io|engine\.io)/.test(name))).toEqual(
        [],
      );
    }
  });
});
