/** How often clients are asked for receipts. */
import { expect, it } from "vitest";
import { receiptInterval } from "./client-sessions.ts";

// A receipt is a packet that the server reads: with many clients they must not become most of what it does.
it.each([
  [1, 100],
  [200, 100],
  [201, 200],
  [1000, 500],
  [2000, 1000],
  [100_000, 1000],
])("asks each of %d clients for a receipt at most every %d ms", (clients, intervalMs) => {
  expect(receiptInterval(clients)).toBe(intervalMs);
});
