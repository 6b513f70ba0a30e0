/** Reads the journal through the API, as the entry lines of a history: the order that everything is held against. */
import { appendFileSync } from "node:fs";
import type { Server } from "holdfast";
import { offsetOf } from "../history/lines.ts";
import { hashOf } from "../history/recorder.ts";
import { auditRoom } from "./messages.ts";

/** Everything is published to one room as well: what is in it has the one order of all. */
export async function dumpJournal(
  io: Server,
  namespaces: readonly string[],
  file: string,
): Promise<void> {
  for (const stream of namespaces) {
    for await (const { args, position } of io.of(stream).room(auditRoom).history()) {
      const { mid, content } = args[0] as { mid: string; content: string | Uint8Array };
      const hash = hashOf(typeof content === "string" ? content : Buffer.from(content).toString());
      const offset = offsetOf(position);
      const line = { at: 0, kind: "entry", stream, offset, position, mid, hash };
      appendFileSync(file, `${JSON.stringify(line)}\n`);
    }
  }
}
