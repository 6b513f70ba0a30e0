/** Reads a journal whose process was killed: everything that was acknowledged must be in it. */
import type * as JournalModule from "@holdfast/journal";

const pageBytes = 4 * 1024 * 1024;

export async function countStored(
  journalModule: string,
  folder: string,
  tag: string,
): Promise<number> {
  const { openFilesJournal } = (await import(journalModule)) as typeof JournalModule;
  const journal = await openFilesJournal(folder);
  try {
    const stream = await journal.stream("/");
    const request = { direction: "forward", untagged: false, maxEntries: 100_000 } as const;
    let count = 0;
    for (let from = 0; from < stream.head; ) {
      const page = await stream.read({
        ...request,
        from,
        tags: new Set([tag]),
        maxBytes: pageBytes,
      });
      if (page.gaps.length > 0) throw new Error(`a gap after ${from}`);
      count += page.entries.length;
      from = page.next;
    }
    return count;
  } finally {
    await journal.close();
  }
}
