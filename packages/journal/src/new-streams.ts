/** Which streams a journal makes. Those that are there are opened, whatever their names and their number. */
import { JournalError } from "./errors.ts";

/** In characters: each file of the record, and each checkpoint, names all streams. */
export const streamNameMax = 1024;

export const defaultStreamsMax = 100_000;

/** @param count how many there are @returns why there will be no stream of this name; undefined when it may be made */
export function refusalOf(
  name: string,
  count: number,
  streamsMax: number,
): JournalError | undefined {
  if (name.length > streamNameMax) {
    const detail = `${name.length} characters; at most ${streamNameMax}`;
    return new JournalError("HF_STREAM_NAME_TOO_LONG", { detail });
  }
  if (count < streamsMax) return undefined;
  return new JournalError("HF_STREAMS_TOO_MANY", { detail: `at most ${streamsMax}` });
}
