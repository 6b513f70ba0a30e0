/** What an application throws where something of ours must not end halfway. */
import type { EventEmitter } from "node:events";

/**
 * Runs what is the application's. Its error goes to the process, a moment later, as that of a handler does.
 *
 * @param later false: to the caller, as always
 */
export function throwLater(run: () => void, later = true): void {
  try {
    run();
  } catch (error) {
    if (!later) throw error;
    process.nextTick(() => {
      throw error;
    });
  }
}

/** Emits from where others wait behind this one: an event that goes to many, the writes of a turn. */
export function emitAside(emitter: EventEmitter, event: string, ...args: unknown[]): void {
  throwLater(() => void emitter.emit(event, ...args));
}
