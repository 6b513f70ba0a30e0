/** Where a call frame of a profile comes from: the source file behind a bundle, and its group. */
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

export interface Place {
  /** What the cost is summed under: a package, a part of Node, the collector. */
  readonly group: string;
  readonly name: string;
  /** `file:line`, or nothing for native code. */
  readonly at: string;
  readonly file: string;
}

const internal: Readonly<Record<string, string>> = {
  "(garbage collector)": "garbage collector",
  "(program)": "native code outside JavaScript (loop, kernel)",
  "(root)": "native code outside JavaScript (loop, kernel)",
};

export class Places {
  readonly #root: string;
  readonly #maps = new Map<string, SourceMap | undefined>();

  constructor(root: string) {
    this.#root = root;
  }

  of({ functionName, url, lineNumber, columnNumber }: CallFrame): Place {
    const name = functionName === "" ? "(anonymous)" : functionName;
    if (url === "") {
      const group = internal[functionName] ?? "native functions called from JavaScript";
      return { group, name, at: "", file: group };
    }
    if (url.startsWith("node:")) {
      return { group: "node core", name, at: `${url}:${lineNumber + 1}`, file: url };
    }
    const { file, line } = this.original(url, lineNumber, columnNumber);
    return { group: groupOf(file), name, at: `${file}:${line}`, file };
  }

  /** `line` and `column` count from 0, as in a profile; the answer counts lines from 1. */
  original(url: string, line: number, column: number): { file: string; line: number } {
    const file = url.startsWith("file:") ? fileURLToPath(url) : url;
    const entry = this.#mapOf(file)?.findEntry(line, column);
    if (entry === undefined || !("originalSource" in entry)) {
      return { file: relative(this.#root, file), line: line + 1 };
    }
    const source = resolve(dirname(file), entry.originalSource);
    return { file: relative(this.#root, source), line: entry.originalLine + 1 };
  }

  #mapOf(file: string): SourceMap | undefined {
    if (!this.#maps.has(file)) this.#maps.set(file, readMap(file));
    return this.#maps.get(file);
  }
}

function readMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${file}.map`, "utf8")));
  } catch {
    return undefined;
  }
}

function groupOf(file: string): string {
  const dependency = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(file)?.[1];
  if (dependency !== undefined) return `npm ${dependency}`;
  const own = /^packages\/([^/]+)\/(?:src|dist)\/([^/]+)(\/?)/.exec(file);
  if (own !== null) return `ours: ${own[1]}/${own[3] === "/" ? own[2] : "."}`;
  return file.startsWith("bench/") ? "the bench's app" : file;
}
