/**
 * The sockets of rooms, found once and kept for as long as nobody joins or leaves: to look up each id of a room was
 * most of what a broadcast cost besides the writing.
 */
import type { Room, SocketId } from "./socket-types.ts";

interface Member {
  readonly connected: boolean;
}

/** Where the members are looked up. */
interface Lookup<Socket> {
  readonly rooms: ReadonlyMap<Room, ReadonlySet<SocketId>>;
  readonly sids: ReadonlyMap<SocketId, unknown>;
  readonly nsp: { readonly sockets: ReadonlyMap<SocketId, Socket> };
}

/** The room of a socket's own, and nothing that is worth remembering. */
const alone = 1;

export class KnownMembers<Socket extends Member> {
  readonly #lookup: Lookup<Socket>;
  readonly #ofRooms = new Map<Room, readonly Socket[]>();
  #all: readonly Socket[] | undefined;

  constructor(lookup: Lookup<Socket>) {
    this.#lookup = lookup;
  }

  /** The sockets of a room, in the order of its ids. Undefined when it has an id without a socket, or but one. */
  of(room: Room): readonly Socket[] | undefined {
    const ids = this.#lookup.rooms.get(room);
    if (ids === undefined || ids.size <= alone) return undefined;
    const known = this.#ofRooms.get(room);
    // Applications may have changed the set of a room without us.
    if (known?.length === ids.size) return known;
    const found = this.#find(ids);
    if (found !== undefined) this.#ofRooms.set(room, found);
    return found;
  }

  /** The sockets of the namespace. Undefined when there is an id without a socket. */
  all(): readonly Socket[] | undefined {
    const { sids } = this.#lookup;
    if (this.#all?.length !== sids.size) this.#all = this.#find(sids.keys());
    return this.#all;
  }

  #find(ids: Iterable<SocketId>): readonly Socket[] | undefined {
    const { sockets } = this.#lookup.nsp;
    const found: Socket[] = [];
    for (const id of ids) {
      const socket = sockets.get(id);
      // It is on its way in: nobody tells us when it is there.
      if (socket === undefined || !socket.connected) return undefined;
      found.push(socket);
    }
    return found;
  }

  /** Somebody has joined the room, or left it. */
  forget(room: Room): void {
    this.#ofRooms.delete(room);
  }

  /** A socket has come, or gone. */
  forgetAll(): void {
    this.#all = undefined;
  }
}
