/**
 * Entries that came out of the lane one behind the other for the same room, as those of one flush often do: each member
 * is handed all of them together. (Measured: of a room's thousand members each is looked at once for sixteen events.)
 */

import { burstEventsMax } from "./bursts.ts";
import type { LaneEntry } from "./lane-records.ts";
import { PacketRun } from "./outbox.ts";

export class EntryRun {
  readonly first: LaneEntry;
  last: LaneEntry;
  /** The packets of all entries, when they are several. */
  packets: PacketRun | undefined;
  /** Of all packets. */
  bytes: number;

  constructor(entry: LaneEntry) {
    this.first = entry;
    this.last = entry;
    this.bytes = entry.packet.size;
  }

  /** Takes the entry that follows, if it is for the same sessions and leaves the run no longer than `burst` bytes. */
  takes(entry: LaneEntry, burst: number): boolean {
    const { first } = this;
    const bytes = this.bytes + entry.packet.size;
    const isForTheSame =
      entry.tags[0] === first.tags[0] && isForOneRoom(entry) && isForOneRoom(first);
    if (!isForTheSame || bytes > burst || this.packets?.length === burstEventsMax) return false;
    this.packets ??= new PacketRun(first.packet);
    this.packets.push(entry.packet);
    this.last = entry;
    this.bytes = bytes;
    return true;
  }
}

/** Whether it is for all who are in one room, whenever it gets there, and asks nothing of them. */
function isForOneRoom({ tags, except, expiresMs, acks }: LaneEntry): boolean {
  return tags.length === 1 && except.length === 0 && expiresMs === undefined && acks === undefined;
}
