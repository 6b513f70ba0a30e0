/** How long entries are kept when nothing else is said. */
import type { Retention } from "./journal.ts";

export const defaultRetention: Retention = {
  ageMs: 7 * 86_400_000,
  bytes: 1024 * 1024 * 1024,
  entries: 10_000_000,
};
