/** What can be done with the folder of a store while no server has it open. `import { verify, salvage } from "holdfast/journal"`. */
import {
  type SalvageReport,
  type StoreReport,
  salvage as salvageFolder,
  verify as verifyFolder,
} from "@holdfast/journal";

export {
  JournalError,
  type JournalErrorCode,
  type SalvageReport,
  type StoreProblem,
  type StoreReport,
} from "@holdfast/journal";

/**
 * Reads all of a store and says what is damaged, without changing anything.
 *
 * @param folder what the option `store` names
 * @throws JournalError HF_STORE_LOCKED while a server has it open, HF_STORE_FORMAT, HF_STORE_INVALID
 */
export function verify(folder: string): Promise<StoreReport> {
  return verifyFolder(folder);
}

/**
 * Makes a store that is refused as damaged one that opens, with all that is whole, also what is past retention. What was
 * damaged is gone then: copy the folder first. Clients that had seen more are told, with the gap "reset".
 *
 * @param folder what the option `store` names
 * @throws JournalError HF_STORE_LOCKED while a server has it open; HF_STORE_CORRUPT when its file `store` is damaged,
 * without which nothing in it can be told from noise; HF_STORE_FORMAT, HF_STORE_INVALID
 */
export function salvage(folder: string): Promise<SalvageReport> {
  return salvageFolder(folder);
}
