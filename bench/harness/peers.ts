/** The servers that are compared. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

export const peerNames = ["socket.io", "holdfast", "ws", "uwebsockets"] as const;
export type PeerName = (typeof peerNames)[number];

/** Bare peers carry the same bytes without Engine.IO, Socket.IO, JSON or acks: floors, not equals. */
export type Protocol = "socket.io" | "bare";

export const protocolOf: Record<PeerName, Protocol> = {
  "socket.io": "socket.io",
  holdfast: "socket.io",
  ws: "bare",
  uwebsockets: "bare",
};

/** The peers of a repetition: the bare ones, against which nothing is judged, are in every third. */
export function peersOf(repetition: number, peers: readonly PeerName[]): readonly PeerName[] {
  const all = repetition % 3 === 0;
  return peers.filter((peer) => all || protocolOf[peer] === "socket.io");
}

export function isPeerName(word: string): word is PeerName {
  return (peerNames as readonly string[]).includes(word);
}

/** Read from the file beside the entry: not every package exports its package.json. */
export function versionOf(packageName: string, benchFolder: string): string | undefined {
  const require = createRequire(join(benchFolder, "run.mjs"));
  for (const root of require.resolve.paths(packageName) ?? []) {
    const manifest = readManifest(join(root, packageName, "package.json"));
    if (manifest !== undefined) return manifest.version;
  }
  return undefined;
}

function readManifest(file: string): { version: string } | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as { version: string };
  } catch {
    return undefined;
  }
}
