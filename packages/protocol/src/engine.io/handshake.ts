/** The data of the open packet, with which a server starts a connection. */

export interface Handshake {
  sid: string;
  /** The transports that the client may change to. */
  upgrades: string[];
  /** Milliseconds. */
  pingInterval: number;
  /** Milliseconds. */
  pingTimeout: number;
  /** Bytes. */
  maxPayload: number;
}

/** @returns JSON with exactly the keys that clients look for, whatever else the object carries. */
export function encodeHandshake(handshake: Handshake): string {
  const { sid, upgrades, pingInterval, pingTimeout, maxPayload } = handshake;
  return JSON.stringify({ sid, upgrades, pingInterval, pingTimeout, maxPayload });
}
