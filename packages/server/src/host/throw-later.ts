/** What an application throws where something of ours must not end halfway. */

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
