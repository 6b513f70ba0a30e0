/** One Socket.IO packet, protocol revision 5. Inside Engine.IO it is the data of a message. */

/** The digit of each type on the wire. */
export const PacketType = {
  CONNECT: 0,
  DISCONNECT: 1,
  EVENT: 2,
  ACK: 3,
  CONNECT_ERROR: 4,
  BINARY_EVENT: 5,
  BINARY_ACK: 6,
} as const;

export type PacketType = (typeof PacketType)[keyof typeof PacketType];

/** The names and the looseness are Socket.IO's: adapters and applications read and write these. */
export interface SocketPacket {
  type: number;
  nsp: string;
  data?: unknown;
  /** An acknowledgement is asked for, or given, under this number. */
  id?: number | undefined;
  attachments?: number | undefined;
}

/** Names that mean something to sockets or to event emitters, so no peer may send them. */
export const reservedEventNames: ReadonlySet<string> = new Set([
  "connect",
  "connect_error",
  "disconnect",
  "disconnecting",
  "newListener",
  "removeListener",
]);

export function isReservedEventName(name: unknown): boolean {
  return typeof name === "string" && reservedEventNames.has(name);
}

/** What every stock decoder takes; a packet with more ends its connection. */
export const attachmentsMaxDefault = 10;
