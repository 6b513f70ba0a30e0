/**
 * Checks of options at construction: a known option of a wrong form is an error that names it, its value and
 * the accepted form; an unknown one is a warning with the nearest name that is known.
 */
import { isDuration, isSize, refuse } from "./units.ts";

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;
const isFunction = (value: unknown): boolean => typeof value === "function";
const isBoolean = (value: unknown): boolean => typeof value === "boolean";
const isCount = (value: unknown): boolean => typeof value === "number" && value >= 0;
const transportNames = ["polling", "websocket", "webtransport"];

const checks = {
  boolean: { accepts: isBoolean, form: "true or false" },
  string: { accepts: (value: unknown) => typeof value === "string", form: "a string" },
  function: { accepts: isFunction, form: "a function or class" },
  object: { accepts: isObject, form: "an object" },
  duration: { accepts: isCount, form: "a number of milliseconds, 0 or more" },
  size: { accepts: isCount, form: "a number of bytes, 0 or more" },
  count: { accepts: isCount, form: "a number, 0 or more" },
  "count from 1": {
    accepts: (value: unknown) => isCount(value) && Number(value) >= 1,
    form: "a number, 1 or more",
  },
  "duration or string": {
    accepts: isDuration,
    form: 'a number of milliseconds or a string like "10s"',
  },
  "size or string": {
    accepts: isSize,
    form: 'a number of bytes or a string like "1MiB"',
  },
  "boolean or object": {
    accepts: (value: unknown) => isBoolean(value) || isObject(value),
    form: "true, false or an object",
  },
  "boolean, object or function": {
    accepts: (value: unknown) => isBoolean(value) || isObject(value) || isFunction(value),
    form: "true, false, an object or a function",
  },
  "text or bytes": {
    accepts: (value: unknown) =>
      typeof value === "string" || value instanceof Uint8Array || value instanceof ArrayBuffer,
    form: "a string, a Buffer or a Uint8Array",
  },
  keep: {
    accepts: (value: unknown) => isDuration(value) || value === false || isObject(value),
    form: 'a number of milliseconds, a string like "7d", false, or { age, bytes, entries }',
  },
  offsets: {
    accepts: (value: unknown) => ["event", "argument", "none"].includes(String(value)),
    form: '"event", "argument" or "none"',
  },
  transports: {
    accepts: (value: unknown) =>
      Array.isArray(value) && value.every((name) => transportNames.includes(name)),
    form: `an array of ${transportNames.map((name) => `"${name}"`).join(", ")}`,
  },
} as const;

export type OptionCheck = keyof typeof checks;

/** Checks the options that are known. Absent ones (undefined, null) keep their defaults. @throws ServerError HF_OPTION_INVALID */
export function checkOptions(
  options: object,
  known: Readonly<Record<string, OptionCheck>>,
  prefix = "",
): void {
  const given = new Map<string, unknown>(Object.entries(options));
  for (const [name, check] of Object.entries(known)) {
    const value = given.get(name);
    if (value === undefined || value === null) continue;
    const { accepts, form } = checks[check];
    if (!accepts(value)) refuse(`${prefix}${name}`, value, form);
  }
}

const warned = new Set<string>();

/** Warns once per name about options that nobody reads. */
export function warnUnknownOptions(options: object, known: readonly string[], prefix = ""): void {
  for (const key of Object.keys(options)) {
    const name = `${prefix}${key}`;
    if (known.includes(key) || warned.has(name)) continue;
    warned.add(name);
    const nearest = nearestName(key, known);
    const hint = nearest === undefined ? "" : `; did you mean "${prefix}${nearest}"?`;
    process.emitWarning(`the option "${name}" is not known and has no effect${hint}`, {
      type: "HoldfastWarning",
      code: "HF_OPTION_UNKNOWN",
    });
  }
}

/** Warns once about an option of Socket.IO that has no effect here. */
export function warnUnsupportedOption(name: string, consequence: string): void {
  if (warned.has(name)) return;
  warned.add(name);
  process.emitWarning(`the option "${name}" is not supported: ${consequence}`, {
    type: "HoldfastWarning",
    code: "HF_OPTION_UNSUPPORTED",
  });
}

/** The known name with the fewest edits to `name`, if they are few. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let fewest = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < fewest) {
      fewest = edits;
      nearest = candidate;
    }
  }
  return nearest;
}

function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const substitution =
        (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      current.push(
        Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1),
      );
    }
    previous = current;
  }
  return previous[right.length] ?? 0;
}
