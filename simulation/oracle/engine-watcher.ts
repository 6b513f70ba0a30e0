/** Told what leaves and what reaches the server, below the code that is tested: packets of Engine.IO, by connection. */
import type { EnginePacket } from "@holdfast/protocol";

export interface EngineWatcher {
  leaves(connectionId: string, packet: EnginePacket): void;
  arrives(connectionId: string, packet: EnginePacket): void;
}
