/** Errors that end up with nobody: what a process policy would see, while a test looks. */
import { onTestFinished } from "vitest";

/** @returns the errors, as they come, until the test is finished */
export function collectUncaught(): unknown[] {
  const errors: unknown[] = [];
  const others = process.listeners("uncaughtException");
  const collect = (error: unknown): void => {
    errors.push(error);
  };
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", collect);
  onTestFinished(() => {
    process.removeListener("uncaughtException", collect);
    for (const other of others) process.on("uncaughtException", other);
  });
  return errors;
}
