/**
 * The shape of the packed package, as publint and "are the types wrong" judge it, and what its types need to be
 * installed. Goal: no resolution mode of Node, TypeScript or a bundler finds something that is not so.
 */
import { readdir, readFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { join, resolve } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import ts from "typescript";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeProject, type TemporaryProject } from "../../support/packed.ts";

let project: TemporaryProject;
let installed: string;
beforeAll(async () => {
  project = await makeProject();
  installed = join(project.folder, "node_modules/holdfast");
});
afterAll(() => project.remove());

it("passes publint in strict mode", async () => {
  const { messages, pkg } = await publint({
    pkgDir: installed,
    strict: true,
    level: "warning",
    pack: false,
  });
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
});

it("passes are-the-types-wrong in its strict profile", async () => {
  const attw = resolve(
    import.meta.dirname,
    "../../../node_modules/@arethetypeswrong/cli/dist/index.js",
  );
  const args = [attw, project.tarball, "--profile", "strict", "--format", "ascii", "--no-emoji"];
  expect(await project.run(args)).toContain("No problems found");
});

it("packs what is needed and nothing else", async () => {
  const files = await readdir(installed, { recursive: true, withFileTypes: true });
  const names = files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name).slice(installed.length + 1))
    .sort();
  const bundles = ["", ".esm.min", ".min", ".msgpack.min"].flatMap((kind) => [
    `client-dist/socket.io${kind}.js`,
    `client-dist/socket.io${kind}.js.map`,
  ]);
  const wrappers = ["index", "engine", "journal"].flatMap((entry) =>
    ["cjs", "js", "d.cts", "d.ts"].map((ending) => `dist/${entry}.${ending}`),
  );
  const expected = [
    "LICENSE",
    "package.json",
    "client-dist/LICENSE",
    "client-dist/VERSION",
    ...bundles,
    "dist/holdfast.cjs",
    "dist/holdfast.cjs.map",
    "dist/holdfast.d.cts",
    ...wrappers,
  ];
  expect(names.filter((name) => name !== "README.md")).toEqual(expected.sort());
});

it("has types that need only what it declares", async () => {
  const text = await readFile(join(installed, "dist/holdfast.d.cts"), "utf8");
  const declared = Object.keys(project.manifest.dependencies ?? {});
  const unmet: string[] = [];
  for (const { fileName } of ts.preProcessFile(text).importedFiles) {
    if (fileName.startsWith("node:") || builtinModules.includes(fileName)) continue;
    const own = await readFile(
      join(project.folder, "node_modules", fileName, "package.json"),
      "utf8",
    ).catch(() => "{}");
    const { types, typings } = JSON.parse(own) as { types?: string; typings?: string };
    const hasTypes = declared.includes(fileName) && (types ?? typings) !== undefined;
    if (!hasTypes && !declared.includes(`@types/${fileName}`)) unmet.push(fileName);
  }
  expect(unmet).toEqual([]);
});
