/** The names of a store's files, and the error that names one. */
import { JournalError } from "../errors.ts";

const pad = (number: number): string => String(number).padStart(12, "0");

export const segmentName = (number: number): string => `${pad(number)}.segment`;
export const indexName = (number: number): string => `${pad(number)}.index`;
export const idsName = (number: number): string => `${pad(number)}.ids`;
export const checkpointName = (number: number): string => `${pad(number)}.checkpoint`;

/** @returns what a name in the folder of a store stands for; undefined when it is not one of the store's */
export function parseName(
  name: string,
): { readonly number: number; readonly kind: string } | undefined {
  const match = /^(\d{12,15})\.(segment|index|ids|checkpoint)$/.exec(name);
  return match === null ? undefined : { number: Number(match[1]), kind: String(match[2]) };
}

export const isTemporary = (name: string): boolean =>
  /^(\d{12,15}\.(segment|index|ids|checkpoint)|store|salvage)\.temp$/.test(name);

export function corrupt(name: string, what: string): JournalError {
  return new JournalError("HF_STORE_CORRUPT", { detail: `${name}: ${what}` });
}

/** @returns the file of a store that an error speaks of; an empty text when it names none */
export function fileIn(error: unknown): string {
  return /\w+\.(segment|ids|index|checkpoint)|store$/.exec(String(error))?.[0] ?? "";
}
