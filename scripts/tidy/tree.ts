/** The files of the repository as the tidy tests read them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** Never ours to judge: installed, built, or data. */
const skippedFolders = new Set([
  "node_modules",
  ".git",
  "dist",
  "build",
  "temp",
  "client-dist",
  "corpus",
  "coverage",
  "results",
  ".ci",
]);

export interface TextFile {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
}

export interface SourceFile extends TextFile {
  readonly tree: ts.SourceFile;
}

/** All files below `root` whose name ends with `ending`. */
export function readTree(root: string, ending: string): TextFile[] {
  const files: TextFile[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!skippedFolders.has(entry.name)) visit(path);
      } else if (entry.name.endsWith(ending)) {
        files.push({ path, text: readFileSync(join(root, path), "utf8") });
      }
    }
  };
  visit("");
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function parse(file: TextFile): SourceFile {
  const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true);
  return { ...file, tree };
}

/** Code that only tests run: it may sleep, roll dice and open files. */
export function isTestCode(path: string): boolean {
  return (
    /\.(test|fuzz)\.ts$/.test(path) ||
    /^packages\/[^/]+\/src\/testing\//.test(path) ||
    !path.startsWith("packages/")
  );
}

/** Calls `visit` for every node of a file. */
export function walk(file: SourceFile, visit: (node: ts.Node) => void): void {
  const descend = (node: ts.Node): void => {
    visit(node);
    ts.forEachChild(node, descend);
  };
  descend(file.tree);
}

/** "path:line", where a complaint points to. */
export function place(file: SourceFile, node: ts.Node): string {
  const { line } = file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree));
  return `${file.path}:${line + 1}`;
}
