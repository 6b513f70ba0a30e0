/** Calls what is not ours: followers and listeners. */

/** An error of the application must be seen by the process, and nothing here may end halfway because of it. */
export function guarded(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
