/** An entry with nothing but a tag and a body, as the benches of the journal append it. */
import type { EntryRecord } from "@holdfast/journal";

export function plainEntry(tag: string, body: Uint8Array): EntryRecord {
  return {
    kind: "entry",
    tags: [tag],
    except: [],
    body,
    format: 0,
    messageId: undefined,
    expiresMs: undefined,
    offset: 0,
    timeMs: 0,
  };
}
