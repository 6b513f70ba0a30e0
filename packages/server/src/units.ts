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

const accepted = {
  duration: 'milliseconds or a string like "10s", "5m", "7d"',
  size: 'bytes or a string like "64KiB", "1MiB"',
} as const;

/** Whether it can be parsed as a duration. */
export function isDuration(value: unknown): value is number | string {
  return amountOf(value, durationUnits) !== undefined;
}

/** Whether it can be parsed as a size. */
export function isSize(value: unknown): value is number | string {
  return amountOf(value, sizeUnits) !== undefined;
}

/** @returns milliseconds. @throws ServerError HF_OPTION_INVALID */
export function parseDuration(option: string, value: number | string): number {
  return amountOf(value, durationUnits) ?? refuse(option, value, accepted.duration);
}

/** @returns bytes. @throws ServerError HF_OPTION_INVALID */
export function parseSize(option: string, value: number | string): number {
  return amountOf(value, sizeUnits) ?? refuse(option, value, accepted.size);
}

function amountOf(value: unknown, units: Readonly<Record<string, number>>): number | undefined {
  if (typeof value === "number") return value >= 0 ? value : undefined;
  if (typeof value !== "string") return undefined;
  const [, amount, name = ""] = /^(\d{1,12}(?:\.\d{1,6})?) ?([A-Za-z]{1,3})$/.exec(value) ?? [];
  const unit = units[name];
  return unit === undefined ? undefined : Number(amount) * unit;
}

/** @throws ServerError HF_OPTION_INVALID */
export function refuse(option: string, value: unknown, form: string): never {
  throw new ServerError("HF_OPTION_INVALID", `"${option}" is ${show(value)}; accepted: ${form}`);
}

/** A value as an error message shows it: short, on one line. */
export function show(value: unknown): string {
  if (typeof value === "function") return "a function";
  // JSON has no NaN and no Infinity: it says null.
  if (typeof value === "number") return String(value);
  let text: string | undefined;
  try {
    text = typeof value === "bigint" ? `${value}n` : JSON.stringify(value);
  } catch {
    text = undefined;
  }
  text ??= String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
