/** The journal: what keeps events, and the seam that every implementation has. */
export { type Clock, systemClock } from "./clock.ts";
export { type Disk, type DiskFile, type DiskLock, systemDisk } from "./disk.ts";
export { JournalError, type JournalErrorCode, journalErrors } from "./errors.ts";
export { openFilesJournal } from "./files/open.ts";
export type { FilesJournalOptions } from "./files/options.ts";
export { type SalvageReport, salvage } from "./files/salvage.ts";
export {
  type StoreProblem,
  type StoreReport,
  type VerifyOptions,
  verify,
} from "./files/verify.ts";
export type {
  DeduplicationWindow,
  Durability,
  EntryContent,
  EntryRecord,
  Epoch,
  Journal,
  JournalStatus,
  MessageId,
  Page,
  Position,
  ReadRequest,
  Restored,
  Retention,
  SessionContent,
  SessionRecord,
  Stream,
  StreamFollower,
  StreamRecord,
  UnreadableRange,
} from "./journal.ts";
export { MemoryJournal, type MemoryJournalOptions } from "./memory/memory-journal.ts";
export { type Random, systemRandom } from "./random.ts";
