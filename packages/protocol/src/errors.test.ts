/** Errors of the protocol: what a log line of one looks like, whatever the peer sent. */
import { expect, it } from "vitest";
import { ProtocolError, protocolErrors } from "./errors.ts";

it("says what was expected and what came", () => {
  const error = new ProtocolError("HF_PACKET_TYPE_UNKNOWN", "9");
  expect(error).toBeInstanceOf(Error);
  expect(error.name).toBe("ProtocolError");
  expect(error.code).toBe("HF_PACKET_TYPE_UNKNOWN");
  expect(error.message).toBe(`${protocolErrors.HF_PACKET_TYPE_UNKNOWN}, got 9`);
});

it("says only what was expected when there is nothing to add", () => {
  expect(new ProtocolError("HF_PACKET_EMPTY").message).toBe(protocolErrors.HF_PACKET_EMPTY);
});

it("shows 64 characters of what came", () => {
  const { detail } = new ProtocolError("HF_PACKET_JSON_INVALID", "x".repeat(1_000_000));
  expect(detail.endsWith(`, got ${"x".repeat(64)}…`)).toBe(true);
  expect(new ProtocolError("HF_PACKET_JSON_INVALID", "x".repeat(64)).detail).not.toContain("…");
});

it("forges no log lines", () => {
  const { detail } = new ProtocolError(
    "HF_PACKET_JSON_INVALID",
    "a\r\n\x1b[31m\x7f\u2028\u0085b\ud800",
  );
  expect(detail.endsWith(", got a\\u000d\\u000a\\u001b[31m\\u007f\\u2028\\u0085b\\ud800")).toBe(
    true,
  );
});

it("says what Socket.IO's parser says where it says something, and keeps the rest as detail", () => {
  const error = new ProtocolError("HF_PACKET_DATA_INVALID", "{}");
  expect(error.message).toBe("invalid payload");
  expect(error.detail).toBe(`${protocolErrors.HF_PACKET_DATA_INVALID}, got {}`);
});
