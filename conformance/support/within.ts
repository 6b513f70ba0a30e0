/** Waiting with an end to it. Knows nothing of a test runner, so that programs may use it too. */

/** How long a test waits for anything. Nothing here takes a tenth of it unless it is broken. */
export const waitMs = 8_000;

/** The promise, or an error that says what did not happen. */
export async function within<T>(promise: Promise<T>, what: string, ms = waitMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
