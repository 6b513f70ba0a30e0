/**
 * Who may import whom: rules 1-7 and 9 of the house. Run by `npm run check`; CONTRIBUTING.md explains them.
 *
 * Arrows between packages are seen because the condition @holdfast/source leads to their sources.
 */

/** Code that ships: everything in packages/ but tests, fuzzers and what is exported for tests. */
const product = "^packages/[^/]+/src/";
const testCode =
  "(\\.test\\.ts|\\.fuzz\\.ts)$|^packages/[^/]+/src/testing/|^(conformance|crash|prove|bench|examples|scripts)/";

/** A rule with its reason; every rule is an error. */
const rule = (name, comment, from, to) => ({ name, severity: "error", comment, from, to });

/** Inside the server: `folder` imports only itself and what is named. */
const serverFolder = (folder, may, comment) =>
  rule(
    `server-${folder}`,
    comment,
    { path: `^packages/server/src/${folder}/`, pathNot: testCode },
    {
      path: "^packages/server/src/",
      pathNot: `^packages/server/src/(${folder}/|${may.join("|")})`,
    },
  );

/** Files of the server that know nothing of what it does: anybody may import them. */
const base = ["(errors|limits|option-checks|units|observed-emitter)\\.ts"];

/** What a package may import besides its own files, as paths and names. */
const packageImports = (name, allowed) =>
  rule(
    `${name}-imports`,
    `${name} imports ${allowed.length === 0 ? "nothing of ours" : allowed.join(" and ")}`,
    { path: `^packages/${name}/`, pathNot: testCode },
    { path: "^packages/", pathNot: `^packages/(${[name, ...allowed].join("|")})/` },
  );

module.exports = {
  forbidden: [
    rule(
      "protocol-is-pure",
      "protocol imports nothing, not even node:*, so it runs anywhere and needs no set-up in a test",
      { path: "^packages/protocol/src/", pathNot: testCode },
      { pathNot: "^packages/protocol/src/" },
    ),
    packageImports("journal", []),
    packageImports("client", ["protocol"]),
    packageImports("server", ["protocol", "journal"]),
    packageImports("cli", ["server", "journal"]),
    rule(
      "by-name",
      "another package is imported by its name, never by a path into its sources",
      { path: "^packages/([^/]+)/" },
      { path: "^packages/", pathNot: "^packages/$1/", dependencyTypesNot: ["aliased-workspace"] },
    ),
    rule(
      "entry-only",
      "another package is used through what it exports",
      { path: "^packages/([^/]+)/" },
      {
        path: "^packages/[^/]+/src/",
        pathNot:
          "^packages/$1/|^packages/[^/]+/src/(index|engine-entry|journal-entry|testing/index)\\.ts$",
      },
    ),
    rule(
      "no-cycles",
      "no file imports itself over a detour; a type may point back, it is gone at run time",
      { path: product, pathNot: testCode },
      { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    ),
    rule("resolvable", "an import leads somewhere", { path: product }, { couldNotResolve: true }),
    rule(
      "declared",
      "what a package imports stands in its package.json as a dependency",
      { path: product, pathNot: testCode },
      {
        dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown", "unknown", "undetermined"],
        dependencyTypesNot: ["type-only", "aliased-workspace"],
      },
    ),
    rule(
      "no-socket-io-at-run-time",
      "no package of the socket.io organisation in code that ships",
      { path: product, pathNot: testCode },
      { path: "node_modules/(socket\\.io|engine\\.io|@socket\\.io)" },
    ),
    rule(
      "no-test-code",
      "code that ships never imports code of tests",
      { path: product, pathNot: testCode },
      { path: testCode },
    ),
    rule(
      "outside-by-name",
      "tests from outside, benches and examples see packages as users do: by name",
      { path: "^(conformance|crash|prove|bench|examples)/" },
      { path: product, dependencyTypesNot: ["aliased-workspace"] },
    ),
    rule(
      "simulation-by-the-door",
      "the simulation replaces what is below the server; what it needs for that is in one place",
      { path: "^simulation/" },
      {
        path: product,
        pathNot: "^packages/server/src/testing/index\\.ts$",
        dependencyTypesNot: ["aliased-workspace"],
      },
    ),
    rule(
      "server-base",
      "the base knows nothing of what the server does",
      { path: `^packages/server/src/${base[0]}`, pathNot: testCode },
      { path: "^packages/server/src/", pathNot: `^packages/server/src/${base[0]}` },
    ),
    serverFolder("host", base, "host is the bottom: time, chance, disk and network"),
    serverFolder(
      "transports",
      ["host/", "delivery/(outbox|outgoing-packet)\\.ts", ...base],
      "transports know packets and the outbox they drain, not connections or namespaces",
    ),
    serverFolder(
      "engine",
      ["transports/", "host/", "delivery/(outbox|outgoing-packet)\\.ts", ...base],
      "the engine knows connections, not namespaces",
    ),
    rule(
      "journal-behind-delivery",
      "only delivery/, server.ts and the entry of the journal's own tools know the journal",
      {
        path: "^packages/server/src/",
        pathNot: `^packages/server/src/(delivery/|(server|journal-entry)\\.ts$)|${testCode}`,
      },
      { path: "^packages/journal/" },
    ),
    rule(
      "journal-seams",
      "memory/ and files/ know the seams, nobody in the journal knows them",
      { path: "^packages/journal/src/(?!memory/|files/|index\\.ts)", pathNot: testCode },
      { path: "^packages/journal/src/(memory|files)/" },
    ),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(packages/[^/]+/(dist|build|client-dist)|bench/build|temp)/" },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      conditionNames: ["@holdfast/source", "import", "node", "require", "default"],
      exportsFields: ["exports"],
      extensions: [".ts", ".mts", ".cts", ".js", ".mjs", ".cjs", ".json"],
    },
    skipAnalysisNotInRules: false,
  },
};
