/** What an entry counts for against a limit: its body, and the texts that go with it. */
import type { EntryRecord } from "./journal.ts";

export function entrySize({ body, tags, except, messageId: id }: EntryRecord): number {
  let bytes = body.length;
  for (const tag of tags) bytes += tag.length;
  for (const tag of except) bytes += tag.length;
  if (id !== undefined) bytes += id.producer.length + id.id.length + id.digest.length;
  return bytes;
}
