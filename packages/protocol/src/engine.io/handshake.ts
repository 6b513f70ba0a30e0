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

/** The part that all clients of a server are told alike, and what it was made of. */
let latest = { upgrades: "", pingInterval: -1, pingTimeout: -1, maxPayload: -1, json: "" };

/** @returns JSON with exactly the keys that clients look for, whatever else the object carries. */
export function encodeHandshake(handshake: Handshake): string {
  const { pingInterval, pingTimeout, maxPayload } = handshake;
  const upgrades = handshake.upgrades.length === 0 ? "[]" : JSON.stringify(handshake.upgrades);
  const same =
    latest.upgrades === upgrades &&
    latest.pingInterval === pingInterval &&
    latest.pingTimeout === pingTimeout &&
    latest.maxPayload === maxPayload;
  if (!same) {
    const json = `"upgrades":${upgrades},${JSON.stringify({ pingInterval, pingTimeout, maxPayload }).slice(1)}`;
    latest = { upgrades, pingInterval, pingTimeout, maxPayload, json };
  }
  return `{"sid":${JSON.stringify(handshake.sid)},${latest.json}`;
}
