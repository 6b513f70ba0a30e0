/** What a call threw, for tests that look at the code of a ProtocolError. */
import { ProtocolError, type ProtocolErrorCode } from "../errors.ts";

/** @returns the code of the error, or undefined when the call returned. Other errors are let through. */
export function codeOf(call: () => unknown): ProtocolErrorCode | undefined {
  try {
    call();
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  return undefined;
}
