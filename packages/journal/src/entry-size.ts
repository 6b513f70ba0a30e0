/** What an entry counts for against a limit, and what of it no store takes. */
import type { EntryRecord } from "./journal.ts";

/** So many characters may a tag have, or a part of a message id: files have two bytes for each, and 15 bits for a length. */
export const textCharactersMax = 16_383;
export const tagsMax = 65_535;

/** Its body, and the texts that go with it. */
export function entrySize({ body, tags, except, messageId: id }: EntryRecord): number {
  let bytes = body.length;
  for (const tag of tags) bytes += tag.length;
  for (const tag of except) bytes += tag.length;
  if (id !== undefined) bytes += id.producer.length + id.id.length + id.digest.length;
  return bytes;
}

/** @returns what of an entry is too much for every store, whatever its limits are */
export function excessOf({ tags, except, messageId: id }: EntryRecord): string | undefined {
  if (tags.length > tagsMax || except.length > tagsMax) return `more than ${tagsMax} tags`;
  if (tags.some(isLong) || except.some(isLong)) {
    return `a tag of more than ${textCharactersMax} characters`;
  }
  if (id !== undefined && (isLong(id.producer) || isLong(id.id) || isLong(id.digest))) {
    return `a message id of more than ${textCharactersMax} characters`;
  }
  return undefined;
}

function isLong(text: string): boolean {
  return text.length > textCharactersMax;
}
