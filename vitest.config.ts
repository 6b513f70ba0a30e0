import { defineConfig } from "vitest/config";

// Sources of sibling packages are read directly: nothing needs to be built before a test runs.
const source = { ssr: { resolve: { conditions: ["@holdfast/source", "node", "import"] } } };

/** One project per category; the committed floor of each count stands in scripts/test-floors.json. */
const project = (name: string, include: string[], timeoutMs: number) => ({
  ...source,
  resolve: { conditions: ["@holdfast/source", "node", "import"] },
  test: {
    name,
    include,
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    pool: "forks" as const,
  },
});

export default defineConfig({
  test: {
    projects: [
      project("unit", ["packages/*/src/**/*.test.ts", "scripts/**/*.test.ts"], 20_000),
      project("protocol", ["conformance/protocol/**/*.test.ts"], 60_000),
      project("behaviour", ["conformance/behaviour/**/*.test.ts"], 60_000),
      project("third-party", ["conformance/third-party/**/*.test.ts"], 120_000),
      project("security", ["conformance/security/**/*.test.ts"], 120_000),
      project("browser", ["conformance/browser/**/*.test.ts", "examples/*/test/**/*.test.ts"], 120_000),
    ],
  },
});
