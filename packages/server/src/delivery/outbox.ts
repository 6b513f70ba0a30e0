/**
 * What waits to be written to connections, and when it is written: once per turn of the event loop.
 *
 * Pending packets form a tree. A connection that has something pending points at one node; the path
 * from the root to it is what will be written. Connections that wait for the same packets in the
 * same order share the node, so the bytes of a room's turn are put together once and not once per
 * member. (Measured: nearly the whole gain in fan-out comes from this, see docs/internals.)
 */
import type { Host } from "../host/host.ts";
import type { OutgoingPacket } from "./outgoing-packet.ts";

export class OutboxNode {
  readonly parent: OutboxNode | undefined;
  readonly packet: OutgoingPacket | undefined;
  /** Bytes of all packets from the root to here, roughly. */
  readonly size: number;
  #latestChild: OutboxNode | undefined;
  #children: Map<OutgoingPacket, OutboxNode> | undefined;
  #bytes: Buffer | undefined;

  constructor(parent?: OutboxNode, packet?: OutgoingPacket) {
    this.parent = parent;
    this.packet = packet;
    this.size = parent === undefined || packet === undefined ? 0 : parent.size + packet.size;
  }

  /**
   * The node that follows this one with `packet`, the same one for all who ask in this turn.
   *
   * @param parents where this node is put if it is to forget at the end of the turn what follows it
   */
  next(packet: OutgoingPacket, parents: OutboxNode[]): OutboxNode {
    const latest = this.#latestChild;
    if (latest?.packet === packet) return latest;
    const known = this.#children?.get(packet);
    if (known !== undefined) {
      this.#latestChild = known;
      return known;
    }
    const child = new OutboxNode(this, packet);
    if (latest === undefined) {
      parents.push(this);
      // Whoever stood here in an earlier turn has written them.
      this.#bytes = undefined;
    }
    if (latest?.packet !== undefined) {
      this.#children ??= new Map([[latest.packet, latest]]);
      this.#children.set(packet, child);
    }
    this.#latestChild = child;
    return child;
  }

  /** A connection that could not write keeps its own path, and not all that others were sent in the same turn. */
  forgetChildren(): void {
    this.#latestChild = undefined;
    this.#children = undefined;
  }

  /** A node that follows this one with `packet`, which nobody else gets. */
  alone(packet: OutgoingPacket): OutboxNode {
    return new OutboxNode(this, packet);
  }

  /** The packets from the root to here, oldest first. */
  packets(): OutgoingPacket[] {
    const packets: OutgoingPacket[] = [];
    let node: OutboxNode | undefined = this;
    while (node?.packet !== undefined) {
      packets.push(node.packet);
      node = node.parent;
    }
    return packets.reverse();
  }

  /** The WebSocket frames from the root to here as one buffer, shared by all who stand here. */
  bytes(): Buffer {
    if (this.#bytes !== undefined) return this.#bytes;
    const bytes =
      this.parent?.packet === undefined && this.packet !== undefined
        ? this.packet.frames()
        : this.#concatenated();
    this.#bytes = bytes;
    return bytes;
  }

  /** From the last packet to the first: without a list of them. */
  #concatenated(): Buffer {
    let end = 0;
    let node: OutboxNode | undefined = this;
    for (; node?.packet !== undefined; node = node.parent) end += node.packet.frames().length;
    const bytes = Buffer.allocUnsafe(end);
    for (node = this; node?.packet !== undefined; node = node.parent) {
      const frames = node.packet.frames();
      end -= frames.length;
      bytes.set(frames, end);
    }
    return bytes;
  }
}

/** Packets that many connections get one behind the other. */
export class PacketRun {
  readonly #packets: OutgoingPacket[];
  /** Where somebody stood before them, and stands after them. */
  #from: OutboxNode | undefined;
  #to: OutboxNode | undefined;

  constructor(first: OutgoingPacket) {
    this.#packets = [first];
  }

  get packets(): readonly OutgoingPacket[] {
    return this.#packets;
  }

  get length(): number {
    return this.#packets.length;
  }

  push(packet: OutgoingPacket): void {
    this.#packets.push(packet);
    this.#to = undefined;
  }

  /** The node that follows `node` with all of them: the members of a room mostly stand at the same place before. */
  after(node: OutboxNode, parents: OutboxNode[]): OutboxNode {
    if (this.#to !== undefined && this.#from === node) return this.#to;
    let last = node;
    for (const packet of this.#packets) last = last.next(packet, parents);
    this.#from = node;
    this.#to = last;
    return last;
  }
}

/** Whoever owns an outbox: told once per turn that it should be written. */
export interface OutboxOwner {
  flush(): void;
}

/** Whoever has something to add before anything is written. */
export interface FlushListener {
  beforeFlush(): void;
}

/** The end of a turn of the event loop: everything that was enqueued in it is written then. */
export class Turn {
  readonly #host: Host;
  /** Whose messages were read last. */
  reader: OutboxOwner | undefined;
  #root = new OutboxNode();
  /** The nodes that something follows. */
  readonly parents: OutboxNode[] = [];
  #owners: OutboxOwner[] = [];
  #listeners: FlushListener[] = [];
  #scheduled = false;
  readonly #end = () => this.#flushAll();

  constructor(host: Host) {
    this.#host = host;
  }

  /** Where an empty outbox stands. */
  get root(): OutboxNode {
    return this.#root;
  }

  /** Has `owner.flush()` called at the end of this turn. Call it once per owner and turn. */
  add(owner: OutboxOwner): void {
    this.#owners.push(owner);
    this.#schedule();
  }

  /** Has `listener.beforeFlush()` called at the end of this turn, before anything is written. Call it once per listener and turn. */
  tell(listener: FlushListener): void {
    this.#listeners.push(listener);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#host.afterTurn(this.#end);
  }

  // Where something has thrown, mostly a listener of the application's, those behind it have a turn of their own.

  #flushAll(): void {
    let told = false;
    try {
      this.#tellListeners();
      told = true;
    } finally {
      // What is added from here on belongs to the next turn.
      this.#scheduled = false;
      if (!told) this.#schedule();
    }
    try {
      this.#flushOwners();
    } finally {
      // A new root each turn lets go of the nodes: only a connection that could not write keeps its path.
      this.#root = new OutboxNode();
      for (const parent of this.parents) parent.forgetChildren();
      this.parents.length = 0;
      this.reader = undefined;
    }
  }

  /** In a pass of its own. (Measured: within that of the writes each of them costs more.) */
  #tellListeners(): void {
    while (this.#listeners.length > 0) {
      const listeners = this.#listeners;
      this.#listeners = [];
      let told = 0;
      try {
        for (const listener of listeners) {
          told++;
          listener.beforeFlush();
        }
      } finally {
        for (const listener of listeners.slice(told)) this.tell(listener);
      }
    }
  }

  #flushOwners(): void {
    const owners = this.#owners;
    this.#owners = [];
    let flushed = 0;
    try {
      for (const owner of owners) {
        flushed++;
        owner.flush();
      }
    } finally {
      for (const owner of owners.slice(flushed)) this.add(owner);
    }
  }
}
