/** For whoever tests a journal, or something on top of one: the suite of the seam, time and chance from a seed. */
export { journalSuite } from "./journal-suite.ts";
export { ManualClock } from "./manual-clock.ts";
export { entry, RecordingFollower, session } from "./recording-follower.ts";
export { SeededRandom } from "./seeded-random.ts";
export {
  type DiskCall,
  type DiskCallName,
  type DiskFault,
  type PowerCut,
  SimulatedDisk,
  type SimulatedDiskOptions,
} from "./simulated-disk.ts";
export type { JournalPlace, JournalUnderTest, PlaceOptions } from "./suite-tools.ts";
export { everything } from "./suite-tools.ts";
export { collectUncaught } from "./uncaught.ts";
