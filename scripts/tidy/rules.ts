/** The rules of the house that a look at one source file decides. Each gives its complaints: place, and what is wrong. */
import ts from "typescript";
import { isTestCode, place, type SourceFile, walk } from "./tree.ts";

export type Rule = (file: SourceFile) => string[];

/** Time and chance have one door: `host/` of the server, `clock.ts`, `disk.ts`, `disk-lock.ts` and `random.ts` of the journal. */
const doors = /^packages\/(server\/src\/host\/|journal\/src\/(clock|disk|disk-lock|random)\.ts$)/;

const hostGlobals = new Set([
  "Date",
  "performance",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "clearImmediate",
  "fetch",
  "WebSocket",
]);

const hostMembers = new Set(["Math.random", "process.hrtime", "process.uptime"]);

const hostModules =
  /^(node:)?(fs|fs\/promises|net|tls|dgram|dns|http|https|http2|timers|timers\/promises|child_process|worker_threads|cluster|perf_hooks)$/;

const randomNames = /^(random|getRandomValues|webcrypto|generateKey)/;

/** Rule 8: so that one seed replays a failure, nothing else reads a clock, rolls dice, or opens files and connections. */
export const hostOnly: Rule = (file) => {
  if (isTestCode(file.path) || doors.test(file.path)) return [];
  const complaints: string[] = [];
  const complain = (node: ts.Node, what: string): void => {
    complaints.push(`${place(file, node)} uses ${what}, which only host/ may`);
  };

  walk(file, (node) => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const module = node.moduleSpecifier.text;
      const names = valueImports(node);
      if (hostModules.test(module) && names.length > 0) complain(node, module);
      if (/^(node:)?crypto$/.test(module)) {
        for (const name of names.filter((candidate) => randomNames.test(candidate))) {
          complain(node, `${name} of ${module}`);
        }
      }
    } else if (ts.isPropertyAccessExpression(node)) {
      const name = node.getText(file.tree);
      const member = node.name.text;
      if (hostMembers.has(name)) complain(node, name);
      if (/crypto$/i.test(node.expression.getText(file.tree)) && randomNames.test(member)) {
        complain(node, name);
      }
    } else if (ts.isIdentifier(node) && hostGlobals.has(node.text) && isValue(node)) {
      complain(node, node.text);
    }
  });
  return complaints;
};

/** The names that an import brings at run time; `*` for the whole module. */
function valueImports(node: ts.ImportDeclaration): string[] {
  const clause = node.importClause;
  if (clause === undefined) return ["*"];
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return [];
  const names = clause.name === undefined ? [] : [clause.name.text];
  const bindings = clause.namedBindings;
  if (bindings === undefined) return names;
  if (ts.isNamespaceImport(bindings)) return [...names, "*"];
  for (const element of bindings.elements) {
    if (!element.isTypeOnly) names.push((element.propertyName ?? element.name).text);
  }
  return names;
}

/** Whether an identifier stands for the global of its name: not a member, a declared name or a type. */
function isValue(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) {
    const { expression } = parent;
    return expression === node || (ts.isIdentifier(expression) && expression.text === "globalThis");
  }
  if (ts.isTypeReferenceNode(parent) || ts.isTypeQueryNode(parent)) return false;
  // To know a date when it sees one, code need not read the clock.
  if (ts.isBinaryExpression(parent)) {
    return parent.operatorToken.kind !== ts.SyntaxKind.InstanceOfKeyword;
  }
  if (ts.isExpressionWithTypeArguments(parent)) return ts.isClassLike(parent.parent.parent);
  // `new Date(ms)` is arithmetic; `new Date()` reads the clock.
  if (ts.isNewExpression(parent)) return (parent.arguments ?? []).length === 0;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return false;
  const named: ts.Node & { readonly name?: ts.Node } = parent;
  return named.name !== node;
}

/** The compiler's word is not bent: no `any`, no `!`, no silenced line, nothing that Node's type stripping cannot erase. */
export const honestTypes: Rule = (file) => {
  const complaints: string[] = [];
  walk(file, (node) => {
    if (node.kind === ts.SyntaxKind.AnyKeyword && !hasReason(file, node)) {
      complaints.push(`${place(file, node)} says any without a biome-ignore that tells why`);
    } else if (ts.isNonNullExpression(node)) {
      complaints.push(`${place(file, node)} says !, which the compiler cannot check`);
    } else if (ts.isEnumDeclaration(node)) {
      complaints.push(`${place(file, node)} declares an enum; use an object or a union of strings`);
    } else if (ts.isParameter(node) && ts.isParameterPropertyDeclaration(node, node.parent)) {
      complaints.push(`${place(file, node)} has a parameter property; write the field out`);
    }
  });
  for (const match of file.text.matchAll(/@ts-(ignore|nocheck)\b/g)) {
    const { line } = file.tree.getLineAndCharacterOfPosition(match.index);
    if (isInComment(file, match.index)) {
      complaints.push(
        `${file.path}:${line + 1} says ${match[0]}; use @ts-expect-error with a reason`,
      );
    }
  }
  return complaints;
};

/** Socket.IO's public event maps are `any` by contract: such a line says so in the comment that lets it pass. */
function hasReason(file: SourceFile, node: ts.Node): boolean {
  const { line } = file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree));
  const lines = file.text.split("\n");
  for (let above = line - 1; above >= 0 && above >= line - 6; above--) {
    if (/biome-ignore lint\/suspicious\/noExplicitAny: \S/.test(lines[above] ?? "")) return true;
  }
  return /biome-ignore-all lint\/suspicious\/noExplicitAny: \S/.test(file.text);
}

function isInComment(file: SourceFile, position: number): boolean {
  let inside = true;
  walk(file, (node) => {
    const isLeaf = node.getChildCount(file.tree) === 0;
    if (isLeaf && node.getStart(file.tree) <= position && position < node.getEnd()) inside = false;
  });
  return inside;
}

/** A file opens with a comment that says what it is. */
export const opensWithComment: Rule = (file) => {
  const opening = file.text.replace(/^#!.*\n/, "");
  return /^\s*(\/\*\*?|\/\/)\s*\S/.test(opening)
    ? []
    : [`${file.path} does not open with a comment that says what it is`];
};

/** Names of files are words in kebab-case, so that they are the same on every disk. */
export const kebabCase: Rule = ({ path }) => {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return /^[a-z0-9]+([.-][a-z0-9]+)*\.(test\.|fuzz\.|config\.|d\.)?ts$/.test(name)
    ? []
    : [`${path} is not in kebab-case`];
};

/** What a package exports is listed by hand: nothing becomes public by accident. */
export const handListedExports: Rule = (file) => {
  if (isTestCode(file.path)) return [];
  const complaints: string[] = [];
  walk(file, (node) => {
    if (ts.isExportDeclaration(node) && node.exportClause === undefined) {
      complaints.push(`${place(file, node)} says export *; list the names`);
    }
  });
  return complaints;
};

const testFunctions = new Set(["it", "test", "describe", "suite", "bench"]);
/** Reasons that a test may be left out for: the person asked for it, or it judges ours and the target is the original. */
const knownReasons = /\bleftOut\(|\btargetName === "holdfast"/;

/** A test runs, or somebody said in public why it does not. */
export const noSilentSkips: Rule = (file) => {
  const complaints: string[] = [];
  walk(file, (node) => {
    if (!ts.isPropertyAccessExpression(node)) return;
    const base = node.expression.getText(file.tree).split(/[.(]/)[0] ?? "";
    const modifier = node.name.text;
    if (testFunctions.has(base)) {
      if (["only", "skip", "todo", "fails"].includes(modifier)) {
        complaints.push(`${place(file, node)} says .${modifier}`);
      }
      if (modifier === "skipIf" || modifier === "runIf") {
        const call = node.parent;
        const reason = ts.isCallExpression(call)
          ? call.arguments.map((a) => a.getText(file.tree))
          : [];
        if (!knownReasons.test(reason.join())) {
          complaints.push(
            `${place(file, node)} says .${modifier} for no reason that leftOut() knows`,
          );
        }
      }
    } else if (modifier === "skip" && /^(ctx|context|task|t)$/.test(base)) {
      const call = node.parent;
      if (ts.isCallExpression(call) && call.arguments.length === 0) {
        complaints.push(`${place(file, node)} skips without a reason`);
      }
    }
  });
  return complaints;
};

/** Tests run beside each other and beside whatever else the machine does: no port is theirs. */
export const noFixedPorts: Rule = (file) => {
  if (!file.path.endsWith(".test.ts") && !file.path.startsWith("conformance/")) return [];
  const complaints: string[] = [];
  walk(file, (node) => {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return;
    const [first] = node.arguments;
    if (!["listen", "attach"].includes(node.expression.name.text) || first === undefined) return;
    if (ts.isNumericLiteral(first) && Number(first.text) > 0) {
      complaints.push(`${place(file, node)} takes the fixed port ${first.text}; use 0`);
    }
  });
  return complaints;
};

/** Lines a file may have before it needs a line in lengths.json. */
export const lengthLimit = (path: string): number => (isTestCode(path) ? 600 : 400);

/**
 * The ratchet: a file over the limit may shrink, never grow. `known` are the lengths that were accepted; one that
 * is 20 lines too generous is a complaint too, so that what was gained stays gained.
 */
export function tooLong(file: SourceFile, known: Readonly<Record<string, number>>): string[] {
  const lines = file.text.split("\n").length - 1;
  const limit = lengthLimit(file.path);
  const accepted = known[file.path];
  if (lines > (accepted ?? limit)) {
    return [`${file.path} has ${lines} lines, more than ${accepted ?? limit}: cut it in two`];
  }
  if (accepted !== undefined && (accepted <= limit || lines < accepted - 20)) {
    return [`${file.path} has ${lines} lines: lower its ${accepted} in scripts/tidy/lengths.json`];
  }
  return [];
}
