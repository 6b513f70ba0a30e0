/**
 * Shows that the security tests see what they are for: `npm run mutate:security [V4 V17 …]`. With `mutants-only` the
 * tests are not first run on the sources as they are, which `npm test` does.
 *
 * Each guard of mutate-security-guards.ts is taken out of a copy of the sources, and the tests of its V-number are run
 * there: they must fail. Without any mutation they must pass. Guards that are not found are errors.
 */
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Guard, guards, withoutGuard } from "./mutate-security-guards.ts";

const execute = promisify(execFile);
const root = process.cwd();
const trees = 2;
const ourPackages = readdirSync(join(root, "packages")).filter((folder) =>
  existsSync(join(root, "packages", folder, "package.json")),
);

/** What the copies of our own packages have. */
const packageParts = ["package.json", "tsconfig.json", "src"];

/** A copy of what the tests need. Packages are links, but for ours and those that are mutated. */
function makeTree(index: number): string {
  const tree = join(root, "temp/mutants", `${process.pid}-${index}`);
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(join(tree, "node_modules/@holdfast"), { recursive: true });
  const copied = [
    "package.json",
    "vitest.config.ts",
    "tsconfig.base.json",
    "tsconfig.json",
    "tsconfig.tests.json",
    "scripts",
    "conformance/security",
    "conformance/support",
    "node_modules/ws",
    ...ourPackages.flatMap((folder) => packageParts.map((part) => `packages/${folder}/${part}`)),
  ];
  for (const path of copied) {
    cpSync(join(root, path), join(tree, path), { recursive: true, dereference: true });
  }
  const ours = new Set(["ws", "holdfast", "@holdfast", ".vite", ".vitest"]);
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (ours.has(name)) continue;
    symlinkSync(join(root, "node_modules", name), join(tree, "node_modules", name));
  }
  for (const folder of ourPackages) {
    const manifest = readFileSync(join(root, "packages", folder, "package.json"), "utf8");
    const { name } = JSON.parse(manifest) as { name: string };
    symlinkSync(join(tree, "packages", folder), join(tree, "node_modules", name));
  }
  return tree;
}

/** The test files that name a V-number: to start the others only to skip their tests takes most of the time. */
function filesOf(v: string): string[] {
  const folder = "conformance/security";
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => `${folder}/${name}`)
    .filter((file) => readFileSync(join(root, file), "utf8").includes(`"${v}:`));
}

interface Outcome {
  readonly passed: number;
  readonly failed: readonly string[];
  /** What the failed ones said. */
  readonly messages: readonly string[];
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly testResults: {
    readonly status: string;
    readonly name: string;
    readonly assertionResults: {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

/** Runs the tests of a V-number in a tree. */
async function runTests(
  tree: string,
  v: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const report = join(tree, "report.json");
  rmSync(report, { force: true });
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "--project", "security", ...filesOf(v), "-t", `${v}:`];
  const output = await execute(
    process.execPath,
    [...args, "--reporter=json", `--outputFile=${report}`],
    { cwd: tree, env: { ...process.env, ...env }, maxBuffer: 2 ** 26, timeout: 180_000 },
  ).then(
    ({ stdout, stderr }) => stdout + stderr,
    (error: unknown) => String(error),
  );
  if (!existsSync(report)) throw new Error(`${v}: the tests did not end\n${output}`);
  const { numPassedTests, testResults } = JSON.parse(readFileSync(report, "utf8")) as VitestReport;
  const failures = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === "failed"),
  );
  const broken = testResults.filter(({ status, assertionResults }) => {
    return status === "failed" && assertionResults.every(({ status: one }) => one !== "failed");
  });
  if (broken.length > 0) throw new Error(`${v}: the tests did not run\n${output}`);
  return {
    passed: numPassedTests,
    failed: failures.map(({ fullName }) => fullName),
    messages: failures.flatMap(({ fullName, failureMessages = [] }) => [
      fullName,
      ...failureMessages,
    ]),
  };
}

interface Row {
  readonly guard: Guard;
  readonly result: "caught" | "MISSED" | "BROKEN";
  /** The test that saw it, or why the tests did not run. */
  readonly by: string;
}

async function tryWithout(tree: string, guard: Guard): Promise<Row> {
  try {
    const [by] = await failuresWithout(tree, guard);
    return by === undefined
      ? { guard, result: "MISSED", by: "" }
      : { guard, result: "caught", by: by.slice(0, 60) };
  } catch (error) {
    // Not caught: a mutation that does not run shows nothing. The others are tried all the same.
    return { guard, result: "BROKEN", by: String(error) };
  }
}

async function failuresWithout(tree: string, guard: Guard): Promise<readonly string[]> {
  if (guard.file === undefined) return (await runTests(tree, guard.test, guard.env)).failed;
  const file = join(tree, guard.file);
  const original = readFileSync(file, "utf8");
  try {
    writeFileSync(file, withoutGuard(guard, original));
    return (await runTests(tree, guard.test)).failed;
  } finally {
    writeFileSync(file, original);
  }
}

/** Does `work` for every item, as many at a time as there are trees. */
async function spread<Item, Result>(
  items: readonly Item[],
  work: (tree: string, item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let index = 0;
  await Promise.all(
    Array.from({ length: trees }, async (_none, tree) => {
      const folder = makeTree(tree);
      try {
        for (let at = index++; at < items.length; at = index++) {
          const item = items[at];
          if (item !== undefined) results[at] = await work(folder, item);
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }),
  );
  return results;
}

const wanted = new Set(process.argv.slice(2).filter((word) => word !== "mutants-only"));
const mutantsOnly = process.argv.includes("mutants-only");
const chosen = guards.filter(({ test }) => wanted.size === 0 || wanted.has(test));
// A guard that has moved is told before anything runs.
for (const guard of chosen) {
  if (guard.file !== undefined) withoutGuard(guard, readFileSync(join(root, guard.file), "utf8"));
}

const numbers = [...new Set(chosen.map(({ test }) => test))];
const untouched = mutantsOnly ? [] : await spread(numbers, (tree, v) => runTests(tree, v));
const wrong = (mutantsOnly ? [] : numbers).filter((_v, at) => {
  const outcome = untouched[at];
  return outcome === undefined || outcome.passed === 0 || outcome.failed.length > 0;
});
if (wrong.length > 0) {
  console.error(`without any mutation these fail, or have no test: ${wrong.join(", ")}`);
  for (const outcome of untouched) for (const line of outcome.messages) console.error(line);
  process.exit(1);
}

const rows = await spread(chosen, async (tree, guard) => {
  const row = await tryWithout(tree, guard);
  console.log(`${guard.test.padEnd(4)} ${row.result}  ${guard.what}  <-  ${row.by}`);
  return row;
});
const missed = rows.filter(({ result }) => result !== "caught");
console.log(`${rows.length} guards of ${numbers.length} numbers, ${missed.length} missed`);
for (const { guard, result } of missed) console.log(`${result}: ${guard.test} ${guard.what}`);
process.exit(missed.length > 0 ? 1 : 0);
