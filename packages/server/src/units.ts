/** Durations and sizes in options: numbers in milliseconds or bytes, or strings with a unit. */
import { ServerError } from "./errors.ts";

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** @returns milliseconds. @throws ServerError HF_OPTION_INVALID */
export function parseDuration(option: string, value: number | string): number {
  return parseWithUnit(
    option,
    value,
    durationUnits,
    'milliseconds or a string like "10s", "5m", "7d"',
  );
}

/** @returns bytes. @throws ServerError HF_OPTION_INVALID */
export function parseSize(option: string, value: number | string): number {
  return parseWithUnit(option, value, sizeUnits, 'bytes or a string like "64KiB", "1MiB"');
}

function parseWithUnit(
  option: string,
  value: number | string,
  units: Readonly<Record<string, number>>,
  accepted: string,
): number {
  if (typeof value === "number" && value >= 0) return value;
  const found =
    typeof value === "string" ? /^(\d{1,12}(?:\.\d{1,6})?) ?([A-Za-z]{1,3})$/.exec(value) : null;
  const unit = found?.[2] === undefined ? undefined : units[found[2]];
  if (found === null || unit === undefined) {
    throw new ServerError(
      "HF_OPTION_INVALID",
      `"${option}" is ${show(value)}; accepted: ${accepted}`,
    );
  }
  return Number(found[1]) * unit;
}

/** A value as an error message shows it: short, on one line. */
export function show(value: unknown): string {
  if (typeof value === "function") return "a function";
  let text: string | undefined;
  try {
    text = typeof value === "bigint" ? `${value}n` : JSON.stringify(value);
  } catch {
    text = undefined;
  }
  text ??= String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
