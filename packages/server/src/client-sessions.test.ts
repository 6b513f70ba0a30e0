/** How often clients are asked for receipts. */
import { expect, it } from "vitest";
import { receiptInterval } from "./client-sessions.ts";

// A receipt is a packet that the server reads: with many clients they must not become most of what it does.
it.each([
  [1, 100, 100],
  [200, 100, 100],
  [201, 100, 200],
  [1000, 100, 500],
  [2000, 100, 1000],
  [100_000, 100, 1000],
  [40, 20, 20],
  [41, 20, 40],
  [600, 250, 500],
  [100_000, 5000, 5000],
])(
  "asks each of %d clients, with %d ms for few of them, for a receipt at most every %d ms",
  (...given) => {
    const [clients, ownMs, intervalMs] = given;
    expect(receiptInterval(clients, ownMs)).toBe(intervalMs);
  },
);
