/**
 * Connection state recovery in memory, with Socket.IO's behaviour on the wire: each stored event carries
 * its offset as an extra last argument, and a client that comes back with its private id and its last
 * offset gets its id, rooms, data and what it missed.
 */
import { PacketType } from "@holdfast/protocol";
import {
  Adapter,
  type AdapterNamespace,
  type BroadcastOptions,
  type Session,
  type SessionToPersist,
  type UnnamedPacket,
} from "./adapter.ts";
import { AgedMap } from "./aged-map.ts";
import { type Host, nodeHost } from "./host/host.ts";
import type { PrivateSessionId, Room } from "./socket-types.ts";

interface StoredPacket {
  readonly id: string;
  readonly number: number;
  readonly rooms: ReadonlySet<Room>;
  readonly except: ReadonlySet<Room> | undefined;
  readonly data: unknown[];
  readonly emittedMs: number;
}

interface StoredSession extends SessionToPersist {
  readonly disconnectedMs: number;
  /** The number of the last packet that was emitted before the client was gone. */
  readonly lastNumber: number;
}

const defaultDurationMs = 2 * 60 * 1000;

export class SessionAwareAdapter extends Adapter {
  readonly #durationMs: number;
  readonly #host: Host;
  /** Makes offsets of another run, or of another namespace, unknown here. */
  readonly #prefix: string;
  /** In the order of their ends. */
  readonly #sessions = new AgedMap<PrivateSessionId, StoredSession>();
  /** In the order of their numbers. */
  #packets: StoredPacket[] = [];
  #nextNumber = 0;

  constructor(nsp: AdapterNamespace, host: Host = nodeHost) {
    super(nsp);
    this.#host = host;
    this.#prefix = host.newId().slice(0, 6);
    const recovery = nsp.server.opts.connectionStateRecovery;
    this.#durationMs = (recovery || undefined)?.maxDisconnectionDuration || defaultDurationMs;
  }

  override broadcast(packet: UnnamedPacket, options: BroadcastOptions): void {
    const stored =
      packet.type === PacketType.EVENT &&
      packet.id === undefined &&
      options.flags?.volatile === undefined;
    if (stored && Array.isArray(packet.data)) this.#store(packet.data, options);
    super.broadcast(packet, options);
  }

  #store(data: unknown[], options: BroadcastOptions): void {
    const number = this.#nextNumber++;
    const id = `${this.#prefix}-${number.toString(36)}`;
    data.push(id);
    const emittedMs = this.#host.monotonicMs();
    this.#dropExpired(emittedMs);
    const { rooms, except } = options;
    this.#packets.push({ id, number, rooms, except, data, emittedMs });
  }

  /** Expired entries go when others come: no timer keeps the process alive for them. */
  #dropExpired(nowMs: number): void {
    const oldestMs = nowMs - this.#durationMs;
    const [first] = this.#packets;
    // Rarely, and many at a time: taking one from the front of an array moves all the others.
    if (first !== undefined && first.emittedMs < oldestMs - this.#durationMs / 8) {
      const kept = this.#packets.findIndex((packet) => packet.emittedMs >= oldestMs);
      this.#packets = kept === -1 ? [] : this.#packets.slice(kept);
    }
    for (let pid = this.#sessions.oldest; pid !== undefined; pid = this.#sessions.oldest) {
      if ((this.#sessions.get(pid)?.disconnectedMs ?? 0) >= oldestMs) break;
      this.#sessions.delete(pid);
    }
  }

  override persistSession(session: SessionToPersist): void {
    const disconnectedMs = this.#host.monotonicMs();
    this.#dropExpired(disconnectedMs);
    const lastNumber = this.#nextNumber - 1;
    this.#sessions.set(session.pid, { ...session, disconnectedMs, lastNumber });
  }

  override restoreSession(
    pid: PrivateSessionId,
    offset: string | undefined,
  ): Promise<Session | null> | null {
    this.#dropExpired(this.#host.monotonicMs());
    const session = this.#sessions.get(pid);
    if (session === undefined) return null;
    const lastNumber = offset === undefined ? session.lastNumber : this.#numberOf(offset);
    if (lastNumber === undefined) return null;
    const missedPackets = this.#packets
      .filter((packet) => packet.number > lastNumber && isFor(session.rooms, packet))
      .map((packet) => packet.data);
    const { sid, rooms, data } = session;
    return Promise.resolve({ sid, pid, rooms, data, missedPackets });
  }

  /** The number of a packet that is still stored. */
  #numberOf(offset: string): number | undefined {
    const [first] = this.#packets;
    if (first === undefined || !offset.startsWith(`${this.#prefix}-`)) return undefined;
    const number = Number.parseInt(offset.slice(this.#prefix.length + 1), 36);
    const packet = this.#packets[number - first.number];
    return packet?.id === offset ? packet.number : undefined;
  }
}

function isFor(sessionRooms: readonly Room[], packet: StoredPacket): boolean {
  const included = packet.rooms.size === 0 || sessionRooms.some((room) => packet.rooms.has(room));
  return included && !sessionRooms.some((room) => packet.except?.has(room));
}
