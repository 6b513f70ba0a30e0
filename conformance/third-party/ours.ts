/** Third-party packages name socket.io in their own dependencies: each test proves that the server it met is ours. */
import { Server } from "holdfast";
import { Server as Original } from "socket.io";
import { expect } from "vitest";
import { targetName } from "../support/target.ts";

/** Fails when the server under test is not of the target that was asked for. */
export function expectTarget(io: unknown): void {
  if (targetName === "holdfast") {
    expect(io).toBeInstanceOf(Server);
    expect(io).not.toBeInstanceOf(Original);
  } else {
    expect(io).toBeInstanceOf(Original);
  }
}
