/** A store that fails is told of, and ends the process unless the application said otherwise. */
import { JournalError, MemoryJournal, systemClock } from "@holdfast/journal";
import { expect, it } from "vitest";
import { nodeHost } from "./host/host.ts";
import { watchStore } from "./store-failure.ts";

function setUp(failFast: boolean) {
  const said: string[] = [];
  const exits: number[] = [];
  const timers: (() => void)[] = [];
  const host = {
    ...nodeHost,
    startTimer(_delayMs: number, run: () => void) {
      timers.push(run);
      return { cancel: () => undefined };
    },
  };
  const say = (text: string) => void said.push(text);
  const exit = (code: number) => void exits.push(code);
  const watch = { failFast, host, say, exit };
  return { said, exits, timers, watch };
}

const error = new JournalError("HF_STORE_FAILED", { detail: "EIO" });

async function failing(failFast: boolean) {
  const set = setUp(failFast);
  const journal = new MemoryJournal({ clock: systemClock });
  watchStore(Promise.resolve(journal), set.watch);
  await Promise.resolve();
  journal.onStatus?.({ ...journal.status, state: "full", error: undefined });
  expect(set.said).toEqual([]);
  journal.onStatus?.({ ...journal.status, state: "failed", error });
  return set;
}

it("says that the store has failed, leaves time for the last answers, and ends the process", async () => {
  const { said, exits, timers } = await failing(true);
  expect(said).toEqual([expect.stringMatching(/EIO \(HF_STORE_FAILED\); the process ends/)]);
  expect(exits).toEqual([]);
  for (const run of timers) run();
  expect(exits).toEqual([1]);
});

it("only says so without failFast", async () => {
  const { said, timers } = await failing(false);
  expect(said).toHaveLength(1);
  expect(timers).toEqual([]);
});

it("ends the process when the store does not open", async () => {
  const { said, timers, watch } = setUp(true);
  watchStore(Promise.reject(new JournalError("HF_STORE_LOCKED")), watch);
  await new Promise((resolve) => setImmediate(resolve));
  expect(said).toEqual([expect.stringContaining("does not open")]);
  expect(timers).toHaveLength(1);
});
