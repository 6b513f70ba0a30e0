/** The categories of tests: one vitest project each, run one after the other by scripts/test.ts. */

/** What a category may need from the machine besides Node. `HOLDFAST_SKIP` names those to do without. */
export type Need = "browser" | "redis" | "python" | "mount" | "strace";

export interface Category {
  readonly name: string;
  readonly include: readonly string[];
  readonly exclude?: readonly string[];
  readonly timeoutMs: number;
  /** The whole category is left out when one of these is. */
  readonly needs: readonly Need[];
  /** Single tests of it are, and skip themselves: conformance/support/needs.ts. */
  readonly partlyNeeds: readonly Need[];
  /** It uses the package as it is built, not the sources. */
  readonly built: boolean;
  /** Its files run one after the other: they measure time and memory. */
  readonly alone: boolean;
}

/** They lie beside what they test, but are too long for the gate before a commit. */
const fuzzers = "packages/*/src/**/*.fuzz.test.ts";
const durability = "packages/*/src/**/*.durability.test.ts";
const vulnerabilities = "packages/*/src/**/vulnerabilities.test.ts";

export const categories: readonly Category[] = [
  {
    name: "unit",
    include: ["packages/*/src/**/*.test.ts", "scripts/**/*.test.ts"],
    exclude: [fuzzers, durability, vulnerabilities],
    timeoutMs: 20_000,
    needs: [],
    partlyNeeds: [],
    built: false,
    alone: false,
  },
  {
    name: "protocol",
    include: ["conformance/protocol/**/*.test.ts", fuzzers],
    timeoutMs: 60_000,
    needs: [],
    partlyNeeds: [],
    built: false,
    alone: false,
  },
  {
    name: "durability",
    include: [durability],
    timeoutMs: 60_000,
    needs: [],
    partlyNeeds: [],
    built: false,
    alone: false,
  },
  {
    name: "behaviour",
    include: ["conformance/behaviour/**/*.test.ts", "conformance/support/**/*.test.ts"],
    timeoutMs: 60_000,
    needs: [],
    partlyNeeds: [],
    built: false,
    alone: false,
  },
  {
    name: "third-party",
    include: ["conformance/third-party/**/*.test.ts"],
    timeoutMs: 120_000,
    needs: [],
    partlyNeeds: ["redis", "python"],
    built: true,
    alone: false,
  },
  {
    name: "security",
    include: ["conformance/security/**/*.test.ts", vulnerabilities],
    timeoutMs: 120_000,
    needs: [],
    partlyNeeds: [],
    built: false,
    alone: true,
  },
  {
    name: "browser",
    include: ["conformance/browser/**/*.test.ts", "examples/*/test/**/*.test.ts"],
    timeoutMs: 120_000,
    needs: ["browser"],
    partlyNeeds: [],
    built: true,
    alone: false,
  },
  {
    name: "simulation",
    include: ["simulation/**/*.test.ts"],
    timeoutMs: 400_000,
    needs: [],
    partlyNeeds: [],
    built: false,
    alone: true,
  },
  {
    name: "prove",
    include: ["prove/**/*.test.ts"],
    timeoutMs: 120_000,
    needs: [],
    partlyNeeds: [],
    built: false,
    alone: true,
  },
  {
    name: "crash",
    include: ["crash/**/*.test.ts"],
    timeoutMs: 300_000,
    needs: [],
    partlyNeeds: ["python", "mount", "strace"],
    built: false,
    alone: true,
  },
];
