/** What the tidy tests read in the docs, and what the code says about the same. */
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";
import { isTestCode, type SourceFile, type TextFile, walk } from "./tree.ts";

/** The anchor that GitHub gives a heading. */
function slug(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");
}

function withoutCode(markdown: string): string {
  return markdown.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").replace(/`[^`\n]*`/g, "");
}

function anchors(markdown: string): Set<string> {
  const found = new Set<string>();
  const headings = markdown.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").matchAll(/^#{1,6} +(.*)$/gm);
  for (const [, heading = ""] of headings) {
    const anchor = slug(heading);
    let unique = anchor;
    for (let n = 1; found.has(unique); n++) unique = `${anchor}-${n}`;
    found.add(unique);
  }
  for (const [, id = ""] of markdown.matchAll(/<a (?:id|name)="([^"]+)"/g)) found.add(id);
  return found;
}

/** Links of a page to other files and to headings that lead nowhere. Addresses outside of the repository are not tried. */
export function deadLinks(page: TextFile, root: string, pages: readonly TextFile[]): string[] {
  const complaints: string[] = [];
  const links = withoutCode(page.text).matchAll(
    /\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)|(?:src|href)="([^"]+)"/g,
  );
  for (const [, inline, attribute] of links) {
    const link = inline ?? attribute ?? "";
    if (/^[a-z]+:/i.test(link)) continue;
    const [file = "", anchor] = link.split("#");
    const path = file === "" ? page.path : normalize(join(dirname(page.path), decodeURI(file)));
    if (file !== "" && !existsSync(join(root, path))) {
      complaints.push(`${page.path} links to ${link}, which does not exist`);
      continue;
    }
    const target = pages.find((candidate) => candidate.path === path);
    if (anchor !== undefined && target !== undefined && !anchors(target.text).has(anchor)) {
      complaints.push(`${page.path} links to ${link}, but ${path} has no such heading`);
    }
  }
  return complaints;
}

/** Pages that comments and messages in the code send a reader to, and that do not exist. */
export function deadReferences(file: SourceFile, root: string): string[] {
  return [...file.text.matchAll(/\bdocs\/[\w./-]+\.md\b/g)]
    .filter(([path]) => !existsSync(join(root, path)))
    .map(([path]) => `${file.path} speaks of ${path}, which does not exist`);
}

/** The codes that a package's errors.ts declares. */
export function declaredCodes(files: readonly SourceFile[]): Set<string> {
  const codes = new Set<string>();
  for (const file of files.filter(({ path }) => /^packages\/[^/]+\/src\/errors\.ts$/.test(path))) {
    walk(file, (node) => {
      if (ts.isPropertyAssignment(node) && /^HF_[A-Z0-9_]+$/.test(node.name.getText(file.tree))) {
        codes.add(node.name.getText(file.tree));
      }
    });
  }
  return codes;
}

/** The codes that code which ships mentions outside of errors.ts. */
export function usedCodes(files: readonly SourceFile[]): Set<string> {
  const codes = new Set<string>();
  for (const file of files) {
    if (isTestCode(file.path) || file.path.endsWith("/errors.ts")) continue;
    walk(file, (node) => {
      if (ts.isStringLiteralLike(node) && /^HF_[A-Z0-9_]+$/.test(node.text)) codes.add(node.text);
    });
  }
  return codes;
}

/** All codes on a page. */
export function documentedCodes(page: string): Set<string> {
  return new Set(page.match(/\bHF_[A-Z0-9]+(?:_[A-Z0-9]+)*\b/g) ?? []);
}

/** The names of options that the server checks: the members of its `…Checks` tables. */
export function checkedOptions(files: readonly SourceFile[]): Set<string> {
  const names = new Set<string>();
  for (const file of files.filter(({ path }) => path.startsWith("packages/server/src/"))) {
    if (isTestCode(file.path)) continue;
    walk(file, (node) => {
      if (!ts.isVariableDeclaration(node) || !node.name.getText(file.tree).endsWith("Checks"))
        return;
      if (node.initializer === undefined || !ts.isObjectLiteralExpression(node.initializer)) return;
      for (const member of node.initializer.properties) {
        if (member.name !== undefined) names.add(member.name.getText(file.tree).replace(/"/g, ""));
      }
    });
  }
  return names;
}

/** The names in the first column of a page's tables: `` | `name` | … `` */
export function documentedOptions(page: string): Set<string> {
  const names = new Set<string>();
  for (const [, cell = ""] of page.matchAll(/^\|([^|\n]*)\|/gm)) {
    for (const [, name = ""] of cell.matchAll(/`(?:limits\.)?([A-Za-z]\w*)[^`]*`/g))
      names.add(name);
  }
  return names;
}
