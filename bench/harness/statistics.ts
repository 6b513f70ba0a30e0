/** Medians and ranges: few runs on a noisy machine carry no more than that. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly runs: number;
}

export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const least = sorted[0];
  const most = sorted.at(-1);
  if (least === undefined || most === undefined) return undefined;
  const middle = (sorted.length - 1) / 2;
  const low = sorted[Math.floor(middle)] ?? least;
  const high = sorted[Math.ceil(middle)] ?? most;
  return { median: (low + high) / 2, least, most, runs: sorted.length };
}

/** Three significant digits, no exponent. */
export function short(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 3));
}

export function thousands(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

export function showSpread(spread: Spread | undefined, show = short): string {
  if (spread === undefined) return "no figure";
  if (spread.runs === 1) return show(spread.median);
  return `${show(spread.median)} (${show(spread.least)}–${show(spread.most)})`;
}
