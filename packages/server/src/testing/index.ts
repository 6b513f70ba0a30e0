/** The door for the simulation: what it replaces, and the real parts that it puts together anew. Not exported to users. */
export type { OutboxNode } from "../delivery/outbox.ts";
export type { Connection } from "../engine/connection.ts";
export { Engine } from "../engine/engine.ts";
export { type Host, type Simulated, simulation, type TimerHandle } from "../host/host.ts";
export { type EngineRequest, parseQuery } from "../transports/request.ts";
export { Transport } from "../transports/transport.ts";
