/**
 * `npm test`: the static checks, the build, then each category of tests.
 *
 *   npm test -- --only security,protocol    these categories, without the static checks
 *   npm test -- --only behaviour rooms      of a category the files whose path contains a word
 *   npm test -- --no-check                  all categories, without the static checks
 *   npm test -- --update-floors             commit to the number of tests that ran
 *
 * It fails when a test fails, and when a category has fewer tests than scripts/test-floors.json says: a test that
 * silently stopped running is found here. Nothing is skipped silently; `HOLDFAST_SKIP` in conformance/support/needs.ts.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { type Category, categories, type Need } from "./categories.ts";
import { forbidden, provide } from "./machine.ts";
import { run } from "./run-command.ts";

const floorsFile = "scripts/test-floors.json";
/** No category takes a third of this; one that hangs ends here. */
const categoryLimitMs = 15 * 60_000;

interface Result {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly skippedNames: readonly string[];
}

/** The part of vitest's JSON report that is read here. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

const { values: options, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string" },
    "no-check": { type: "boolean", default: false },
    "update-floors": { type: "boolean", default: false },
  },
});

const leftOut = (process.env["HOLDFAST_SKIP"] ?? "")
  .split(",")
  .map((name) => name.trim())
  .filter((name) => name !== "");
const needNames: readonly string[] = [
  "browser",
  "redis",
  "python",
  "mount",
  "strace",
] satisfies Need[];
const unknownNeeds = leftOut.filter((name) => !needNames.includes(name));
if (unknownNeeds.length > 0) {
  console.error(`HOLDFAST_SKIP=${unknownNeeds.join()}: expected some of ${needNames.join(", ")}`);
  process.exit(2);
}
const isLeftOut = (need: Need): boolean => leftOut.includes(need);

function chosenCategories(): readonly Category[] {
  if (options.only === undefined) return categories;
  const names = options.only.split(",");
  const unknown = names.filter((name) => !categories.some((category) => category.name === name));
  if (unknown.length > 0) {
    const known = categories.map(({ name }) => name).join(", ");
    console.error(`--only ${unknown.join(",")}: expected some of ${known}`);
    process.exit(2);
  }
  return categories.filter(({ name }) => names.includes(name));
}

function readFloors(): Record<string, number> {
  if (!existsSync(floorsFile)) return {};
  return JSON.parse(readFileSync(floorsFile, "utf8")) as Record<string, number>;
}

async function runCategory({ name, alone }: Category): Promise<Result> {
  const outputFile = `temp/test-results/${name}.json`;
  rmSync(outputFile, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${outputFile}`];
  const args = ["run", `--project=${name}`, ...reporters, "--allowOnly=false", "--passWithNoTests"];
  if (alone) args.push("--no-file-parallelism");
  const { ok, seconds } = await run(
    process.execPath,
    ["node_modules/vitest/vitest.mjs", ...args, ...words],
    { timeoutMs: categoryLimitMs },
  );

  const report: Report = existsSync(outputFile)
    ? (JSON.parse(readFileSync(outputFile, "utf8")) as Report)
    : { testResults: [] };
  const tests = report.testResults.flatMap(({ name: file, assertionResults }) =>
    assertionResults.map((test) => ({ ...test, file: relative(process.cwd(), file) })),
  );
  const passed = tests.filter(({ status }) => status === "passed").length;
  // A file that did not load, or whose hook failed, has no failed test to its name.
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  );
  const failed = tests.filter(({ status }) => status === "failed").length + brokenFiles.length;
  const rest = tests.filter(({ status }) => status !== "passed" && status !== "failed");
  return {
    name,
    passed,
    // Nor has an error outside of any test.
    failed: failed === 0 && !ok ? 1 : failed,
    skipped: rest.length,
    seconds,
    skippedNames: rest.map(({ file, fullName }) => `${file}: ${fullName}`),
  };
}

/** What is not as it must be: failed tests, too few of them, skipped ones that nobody asked to skip. */
function complaints(result: Result, floor: number): string[] {
  const { name, failed, skipped } = result;
  const count = result.passed + failed + skipped;
  const list: string[] = [];
  if (failed > 0) list.push(`${name}: ${failed} failed`);
  if (count < floor && words.length === 0) {
    list.push(`${name}: ${count} tests, but there were ${floor} (${floorsFile})`);
  }
  if (skipped > 0 && leftOut.length === 0 && words.length === 0) {
    list.push(`${name}: ${skipped} skipped, and HOLDFAST_SKIP does not ask for it`);
  }
  return list;
}

function printTable(results: readonly Result[], floors: Record<string, number>): void {
  console.log(`\nnode ${process.version}`);
  const row = (cells: readonly (string | number)[]): string =>
    cells.map((cell, i) => (i === 0 ? String(cell).padEnd(12) : String(cell).padStart(9))).join("");
  console.log(row(["category", "passed", "failed", "skipped", "at least", "seconds"]));
  for (const { name, passed, failed, skipped, seconds } of results) {
    console.log(row([name, passed, failed, skipped, floors[name] ?? 0, seconds.toFixed(1)]));
  }
}

function updateFloors(results: readonly Result[], floors: Record<string, number>): void {
  const updated: Record<string, number> = {};
  for (const { name } of categories) {
    const result = results.find((candidate) => candidate.name === name);
    const count = result === undefined ? floors[name] : result.passed + result.skipped;
    if (count !== undefined) updated[name] = count;
  }
  writeFileSync(floorsFile, `${JSON.stringify(updated, undefined, 2)}\n`);
}

async function prepare(chosen: readonly Category[]): Promise<string[]> {
  const failed: string[] = [];
  if (options.only === undefined && !options["no-check"]) {
    const check = await run(process.execPath, ["scripts/run.mjs", "check", "--static"]);
    if (!check.ok) failed.push("the static checks failed");
  }
  if (chosen.some(({ built }) => built)) {
    console.log("\n== build");
    const build = await run(process.execPath, ["scripts/run.mjs", "build"]);
    if (!build.ok) failed.push("the build failed");
  }
  return failed;
}

const chosen = chosenCategories();
const needs = chosen.flatMap((category) => [...category.needs, ...category.partlyNeeds]);
if (!provide(needs.filter((need) => !isLeftOut(need)))) process.exit(1);
leftOut.push(...forbidden(needs.filter((need) => !isLeftOut(need))));
// The tests ask there.
process.env["HOLDFAST_SKIP"] = leftOut.join();

mkdirSync("temp/test-results", { recursive: true });
const floors = readFloors();
const problems = await prepare(chosen);
const results: Result[] = [];
for (const category of chosen) {
  const { name } = category;
  const floor = floors[name] ?? 0;
  if (category.needs.some(isLeftOut)) {
    const skippedNames = [`the whole category ${name}: HOLDFAST_SKIP=${leftOut.join(",")}`];
    results.push({ name, passed: 0, failed: 0, skipped: floor, seconds: 0, skippedNames });
    continue;
  }
  console.log(`\n== ${name}`);
  const result = await runCategory(category);
  results.push(result);
  problems.push(...complaints(result, floor));
}

for (const { skippedNames } of results) {
  for (const skippedName of skippedNames) console.log(`SKIPPED ${skippedName}`);
}
printTable(results, floors);
if (options["update-floors"] && problems.every((problem) => !problem.includes("failed"))) {
  updateFloors(results, floors);
}
for (const problem of problems) console.error(`FAILED ${problem}`);
if (problems.length > 0) process.exitCode = 1;

const sum = (key: "passed" | "failed" | "skipped"): number =>
  results.reduce((total, result) => total + result[key], 0);
console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
