/**
 * Which server a conformance test talks to: ours, or the npm original whose behaviour is the reference.
 *
 * `HOLDFAST_TARGET=socket.io` runs the same test against npm socket.io / engine.io. A behaviour test is
 * trusted only when it passes there first, unless it tests a documented difference.
 */

export type TargetName = "holdfast" | "socket.io";

export const targetName: TargetName =
  process.env["HOLDFAST_TARGET"] === "socket.io" ? "socket.io" : "holdfast";

export type SocketIoModule = typeof import("holdfast");
export type EngineIoModule = typeof import("holdfast/engine");

/** The Socket.IO server module of a target: `{ Server, Namespace, Socket }`. */
export async function loadSocketIo(name: TargetName = targetName): Promise<SocketIoModule> {
  if (name === "holdfast") return import("holdfast");
  return (await import("socket.io")) as unknown as SocketIoModule;
}

/** The Engine.IO server module of a target: `{ Server, Socket, Transport, transports, listen, attach, parser, protocol }`. */
export async function loadEngineIo(name: TargetName = targetName): Promise<EngineIoModule> {
  if (name === "holdfast") return import("holdfast/engine");
  return (await import("engine.io")) as unknown as EngineIoModule;
}
