/**
 * Sums what `perf record -g` saw of a Node process: kernel, native code and JavaScript in one.
 *
 * A builtin of V8 is charged to the JavaScript function that runs it, the kernel to the system call
 * it was in.
 */
import type { JitMap } from "./jit-map.ts";
import type { Place, Places } from "./places.ts";
import { ProfileSums } from "./sums.ts";

interface Frame {
  readonly symbol: string;
  readonly javaScript: Place | undefined;
  readonly kernel: boolean;
}

export interface PerfOptions {
  /** Output of `perf script -F tid,ip,sym,dso`. */
  readonly script: string;
  readonly pid: number;
  readonly jit: JitMap;
  readonly places: Places;
}

const collector =
  /Scavenge|MarkCompact|Marking|CollectGarbage|Sweep|Evacuat|GCTracer|ArrayBufferSweeper/;
const compiler =
  /v8::internal::(?:compiler|maglev|baseline|interpreter|parsing|Compiler|Optimi[sz]ed|Parser)/;

export function sumPerfProfile(options: PerfOptions): ProfileSums {
  const sums = new ProfileSums();
  for (const sample of options.script.split("\n\n")) {
    const [head = "", ...lines] = sample.split("\n").filter((line) => line.trim() !== "");
    if (head === "" || lines.length === 0) continue;
    const frames = lines
      .map((line) => frameOf(line, options))
      .filter((frame) => frame !== undefined);
    addSample(sums, frames, Number.parseInt(head, 10) === options.pid);
  }
  return sums;
}

function addSample(sums: ProfileSums, frames: readonly Frame[], mainThread: boolean): void {
  const caller = frames.find(({ javaScript }) => javaScript !== undefined)?.javaScript;
  const leaf = sums.costOf(leafPlace(frames, mainThread));
  sums.addSelf(leaf, 1, leaf.place === caller ? undefined : caller);
  const seen = new Set([leaf]);
  for (const { javaScript } of frames)
    if (javaScript !== undefined) seen.add(sums.costOf(javaScript));
  for (const cost of seen) cost.total += 1;
}

function leafPlace(frames: readonly Frame[], mainThread: boolean): Place {
  const leaf = frames[0];
  const has = (pattern: RegExp) => frames.some(({ symbol }) => pattern.test(symbol));
  if (has(collector)) return native(`garbage collector${mainThread ? "" : ", helper threads"}`);
  if (has(compiler)) return native(`V8 compiler${mainThread ? "" : ", helper threads"}`);
  if (leaf === undefined || !mainThread) return native("other threads");
  if (leaf.kernel) return native(`kernel: ${kernelPart(frames)}`);
  if (leaf.javaScript !== undefined) return leaf.javaScript;
  const below = frames.find(({ symbol }) => !symbol.startsWith("Builtins_"));
  if (below?.javaScript !== undefined) return below.javaScript;
  return { ...native("node and V8, native code"), name: below?.symbol ?? leaf.symbol };
}

function native(group: string): Place {
  return { group, name: group, at: "", file: "" };
}

function kernelPart(frames: readonly Frame[]): string {
  for (const { symbol } of frames) {
    const call = /^__(?:x64|arm64|se|ia32)_sys_(\w+)$|^ksys_(\w+)$/.exec(symbol);
    if (call !== null) return call[1] ?? call[2] ?? symbol;
  }
  if (frames.some(({ symbol }) => symbol.includes("page_fault"))) return "page faults";
  const entry = frames.find(({ symbol, kernel }) => !kernel && /^(?:__GI_)?_*[a-z]+$/.test(symbol));
  return entry?.symbol.replace(/^(?:__GI_)?_*/, "") ?? "interrupts";
}

function frameOf(line: string, { jit, places }: PerfOptions): Frame | undefined {
  const found = /^\s*([0-9a-f]+) (.*) \((.*)\)$/.exec(line);
  if (found?.[1] === undefined || found[2] === undefined || found[3] === undefined)
    return undefined;
  const [, address, name, origin] = found;
  const compiled = origin.includes("/perf-") || origin.includes("[JIT]") || name === "[unknown]";
  const symbol = (compiled ? jit.nameOf(BigInt(`0x${address}`)) : undefined) ?? name;
  const kernel = origin === "[kernel.kallsyms]" || address.startsWith("ffff");
  return { symbol, javaScript: kernel ? undefined : javaScriptPlace(symbol, places), kernel };
}

/** `JS:*name file:line:column`; the mark tells the tier that compiled it. */
function javaScriptPlace(symbol: string, places: Places): Place | undefined {
  const found = /^\w+:[*~^+']*(.*?) ?((?:file:|node:|\/)\S*):(\d+):(\d+)$/.exec(symbol);
  if (found === null) return undefined;
  const [, functionName = "", url = "", line, column] = found;
  return places.of({
    functionName,
    url,
    lineNumber: Number(line) - 1,
    columnNumber: Number(column) - 1,
  });
}
