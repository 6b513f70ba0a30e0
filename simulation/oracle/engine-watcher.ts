/** Told what leaves and what reaches the server, below the code that is tested: packets of Engine.IO, by connection. */
import type { EnginePacket } from "@holdfast/protocol";

export interface EngineWatcher {
  leaves(connectionId: string, packet: EnginePacket): void;
  /** How much waits in the memory of the process: what was not handed to the network, and what that has not taken. */
  holds(connectionId: string, bytes: number): void;
  arrives(connectionId: string, packet: EnginePacket): void;
}
