/**
 * One Engine.IO connection: a client with a `sid`, whatever transport it is on.
 *
 * Socket.IO's API shows it as `socket.conn`, and npm engine.io calls it `Socket`; the members that
 * applications and third-party packages touch have the names they have there. It survives an upgrade
 * (see upgrade.ts), keeps the heartbeat (heartbeat.ts) and owns the outbox.
 */
import type { IncomingMessage } from "node:http";
import type { EnginePacket, ProtocolError } from "@holdfast/protocol";
import createDebug from "debug";
import type { OutboxNode, OutboxOwner, PacketRun } from "../delivery/outbox.ts";
import { OutgoingPacket } from "../delivery/outgoing-packet.ts";
import { ServerError } from "../errors.ts";
import { emitAside, throwLater } from "../host/throw-later.ts";
import { ObservedEmitter } from "../observed-emitter.ts";
import { splitPayload } from "../transports/payload-split.ts";
import type { EngineRequest } from "../transports/request.ts";
import type { Transport, TransportReceiver } from "../transports/transport.ts";
import type { ConnectionReceiver, ConnectionServer, PingLedger } from "./connection-ports.ts";
import { handshakeOf } from "./handshake-of.ts";
import { Heartbeat } from "./heartbeat.ts";
import {
  contentOf,
  type SendData,
  type SendOptions,
  type ShownPacket,
  shownPackets,
} from "./shown-packets.ts";
import { Upgrade } from "./upgrade.ts";

const debug = createDebug("holdfast:connection");

export type ConnectionState = "opening" | "open" | "closing" | "closed";

export type CloseReason =
  | "transport error"
  | "transport close"
  | "forced close"
  | "ping timeout"
  | "parse error";

export type SendCallback = (transport: Transport) => void;

/** Above this much the outbox is handed over before the turn ends, so that a full network is noticed. */
const handOverBytes = 256 * 1024;

export class Connection extends ObservedEmitter implements TransportReceiver, OutboxOwner {
  // What is looked at for each packet stands side by side in memory: of thousands of connections none is at hand.
  readonly server: ConnectionServer;
  transport: Transport;
  #state: ConnectionState = "opening";
  #queued = false;
  #pending: OutboxNode | undefined;
  /** So many bytes were found to have room, less what was put into the outbox since then. */
  #room = 0;
  /** @internal Whether the receiver is to be told when more can be taken. */
  tellDrained = false;
  /** @internal So many turns with entries the ledger of receipts need not be told of. */
  quietTurns = 0;
  /** The id of the connection: the only credential of its later requests, so keep it secret. */
  readonly id: string;
  /** The first request. Undefined with WebTransport. */
  readonly request: IncomingMessage;
  readonly remoteAddress: string;
  /** @internal Who takes the messages, besides listeners of the events. */
  receiver: ConnectionReceiver | undefined;
  /** @internal What the answers to pings prove. */
  pings: PingLedger | undefined;
  /** @internal */ pingsUnanswered = 0;
  #upgraded = false;
  #upgrade: Upgrade | undefined;
  /** What `writeBuffer` has shown: the same array as long as the same packets wait. */
  #shown: { pending: OutboxNode | undefined; packets: ShownPacket[] } | undefined;
  #closeWhenSent: { discard: boolean } | undefined;
  #callbacks: SendCallback[] | undefined;
  readonly #heartbeat: Heartbeat;

  constructor(
    id: string,
    server: ConnectionServer,
    transport: Transport,
    request: EngineRequest | undefined,
  ) {
    super();
    this.id = id;
    this.server = server;
    // Applications read `request` as always there; only WebTransport has none (as in Socket.IO).
    this.request = request as EngineRequest;
    this.remoteAddress = request?.socket?.remoteAddress as string;
    this.transport = transport;
    transport.receiver = this;
    transport.sid = id;
    this.#heartbeat = new Heartbeat(this, server.wheel, server.opts);
  }

  /** @internal Sends the handshake. Called once, when the engine knows the connection. */
  open(): void {
    this.#state = "open";
    this.enqueue(new OutgoingPacket("open", handshakeOf(this)), false);
    const { initialPacket } = this.server.opts;
    if (initialPacket) this.send(initialPacket);
    this.emit("open");
    this.#heartbeat.start();
  }

  // --- state ---

  /** The Engine.IO protocol revision; only 4 is spoken. */
  get protocol(): number {
    return 4;
  }

  get readyState(): ConnectionState {
    return this.#state;
  }

  /** Whether an upgrade to another transport is under way. */
  get upgrading(): boolean {
    return this.#upgrade !== undefined;
  }

  /** Whether the connection has moved to another transport. */
  get upgraded(): boolean {
    return this.#upgraded;
  }

  get hasPending(): boolean {
    return this.#pending !== undefined;
  }

  /** The packets that wait to be handed to the transport, oldest first. */
  get writeBuffer(): ShownPacket[] {
    const pending = this.#pending;
    if (this.#shown === undefined || this.#shown.pending !== pending) {
      const packets = pending?.packets().flatMap((packet) => shownPackets(packet)) ?? [];
      this.#shown = { pending, packets };
    }
    return this.#shown.packets;
  }

  /** @internal The callbacks of packets that wait. */
  get packetsFn(): readonly SendCallback[] {
    return this.#callbacks ?? [];
  }

  /** @internal The callbacks of packets that are being sent: the transport holds them. */
  get sentCallbackFn(): readonly SendCallback[] {
    return [];
  }

  // --- sending ---

  /**
   * Sends a message.
   *
   * @param data text, or bytes
   * @param options `compress: false` keeps the transport from compressing it
   * @param callback called once the transport has given the message to the network
   */
  send(data: SendData, options?: SendOptions | SendCallback, callback?: SendCallback): this {
    const sent = typeof options === "function" ? options : callback;
    const { compress, wsPreEncodedFrame } = typeof options === "object" ? options : noOptions;
    if (sent !== undefined && this.#state === "open") {
      this.#callbacks ??= [];
      this.#callbacks.push(sent);
    }
    const frames = wsPreEncodedFrame && Buffer.concat(wsPreEncodedFrame);
    const content = contentOf(data);
    this.enqueue(
      new OutgoingPacket("message", content, compress !== false, undefined, frames),
      false,
    );
    return this;
  }

  /** The same as {@link send}. */
  write(data: SendData, options?: SendOptions | SendCallback, callback?: SendCallback): this {
    return this.send(data, options, callback);
  }

  /**
   * @internal Puts a packet into the outbox.
   * @param shared whether the same packet object goes to other connections too.
   */
  enqueue(packet: OutgoingPacket, shared: boolean): void {
    if (this.#state !== "open") return;
    if (this.observed) {
      for (const shown of shownPackets(packet, shared)) emitAside(this, "packetCreate", shown);
    }
    const before = this.#lastPending();
    if (before === undefined) return;
    const next = shared ? before.next(packet, this.server.turn.parents) : before.alone(packet);
    this.#put(before, next, shared);
  }

  /** @internal Puts packets that go to other connections, too, into the outbox: some small ones. */
  enqueueShared(run: PacketRun): void {
    if (this.observed) {
      for (const packet of run.packets) this.enqueue(packet, true);
      return;
    }
    const before = this.#state === "open" ? this.#lastPending() : undefined;
    if (before !== undefined) this.#put(before, run.after(before, this.server.turn.parents), true);
  }

  #put(before: OutboxNode, pending: OutboxNode, shared: boolean): void {
    this.#pending = pending;
    if (this.#room > 0) this.#room -= pending.size - before.size;
    if (pending.size > handOverBytes) this.#handOver();
    if (this.#queued) return;
    this.#queued = true;
    const { turn } = this.server;
    // An answer goes out when the handlers of what was read are through: all that it takes is still at hand in the
    // processor's caches, and the next read will displace it. (Measured: a tenth of the cost of an echo.)
    if (!shared && turn.reader === this) process.nextTick(flush, this);
    else turn.add(this);
  }

  /** @internal Whether so many bytes more leave no more than `limit` waiting, or would wait alone. */
  hasRoom(bytes: number, limit: number): boolean {
    if (bytes <= this.#room) return true;
    // Asked for each packet: it looks only when what it saw the last time may be used up.
    const { unsentBytes, transport } = this;
    this.#room = limit - unsentBytes;
    return bytes <= this.#room || (transport.ready && unsentBytes === transport.unsentBytes);
  }

  /** @internal What waits to be sent, in bytes, roughly. */
  get unsentBytes(): number {
    return (this.#pending?.size ?? 0) + this.transport.unsentBytes;
  }

  /** What comes next stands after this. One packet may be larger than the limit, if nothing else waits. */
  #lastPending(): OutboxNode | undefined {
    const before = this.#pending ?? this.server.turn.root;
    const limit = this.server.limits.bufferedBytes;
    if (before.size <= limit || this.transport.ready) return before;
    this.#refuseToBuffer(limit);
    return undefined;
  }

  #refuseToBuffer(limit: number): void {
    const error = new ServerError("HF_OUTBOX_FULL", `more than ${limit} bytes`);
    this.server.refuse(error, this);
    this.#pending = undefined;
    this.transport.discard();
    throwLater(() => this.onClose("transport error", error));
  }

  /** @internal The end of a turn: hands the outbox to the transport, if that can take it. */
  flush(): void {
    this.#queued = false;
    this.#goOn();
  }

  #goOn(): void {
    this.#handOver();
    if (this.tellDrained) this.#told();
  }

  #told(): void {
    if (this.#pending !== undefined || !this.transport.ready || this.#state !== "open") return;
    this.tellDrained = false;
    this.receiver?.drained?.();
  }

  #handOver(): void {
    const pending = this.#pending;
    if (pending === undefined || this.#state === "closed" || !this.transport.ready) return;
    const { server, transport } = this;
    const observed = this.observed || server.flushesObserved;
    if (observed) {
      const packets = this.writeBuffer;
      emitAside(this, "flush", packets);
      emitAside(server, "flush", this, packets);
    }
    const { now, later } = splitPayload(pending, this);
    this.#pending = later;
    const callbacks = later === undefined ? this.#callbacks : undefined;
    if (later === undefined) this.#callbacks = undefined;
    const sent = callbacks && (() => void callbacks.map((callback) => callback(transport)));
    transport.sendPending(now, sent);
    if (observed) {
      emitAside(this, "drain");
      emitAside(server, "drain", this);
    }
    if (this.#closeWhenSent !== undefined && this.#pending === undefined) {
      this.#closeTransport(this.#closeWhenSent.discard);
    }
  }

  /** @internal */
  sendPing(): void {
    this.pings?.heartbeatGoesOut();
    this.ping();
  }

  /** @internal Sends a ping behind all that waits. */
  ping(): void {
    this.pingsUnanswered++;
    this.enqueue(pingPacket, true);
  }

  // --- what the transport tells ---

  /** @internal */
  received(packet: EnginePacket): void {
    if (this.#state !== "open") {
      if (debug.enabled)
        debug("%s: packet received on a connection that is closing", this.id.slice(0, 6));
      return;
    }
    if (this.observed) this.emit("packet", packet);
    if (packet.type === "message") {
      this.server.turn.reader = this;
      this.#heartbeat.heard();
      this.receiver?.received(packet.data);
      if (this.observed) {
        this.emit("data", packet.data);
        this.emit("message", packet.data);
      }
    } else if (packet.type === "pong") {
      if (this.pingsUnanswered > 0) this.pingsUnanswered--;
      this.pings?.answered();
      // An answer to whatever ping shows that the client is there.
      this.#heartbeat.answered();
      this.emit("heartbeat");
    } else if (packet.type === "ping") {
      this.failed(new Error("invalid heartbeat direction"));
    } else {
      this.#heartbeat.heard();
    }
  }

  /** @internal */
  ready(): void {
    // A network that takes what waits is alive: a slow one must not be taken for a dead one.
    if (this.transport.tookWhatWaited(this.hasPending)) this.#heartbeat.progressed();
    this.#goOn();
  }

  /** @internal */
  failed(error: Error): void {
    this.onError(error);
  }

  /** @internal Ends the connection as the transport does when it fails. */
  onError(error: Error): void {
    this.onClose("transport error", error);
  }

  /** @internal */
  refused(error: ServerError): void {
    this.server.refuse(error, this);
  }

  /** @internal */
  malformed(error: ProtocolError): void {
    this.server.refuse(new ServerError("HF_PACKET_INVALID", error.detail, { cause: error }), this);
    this.onClose("parse error", error);
  }

  /** @internal */
  closed(): void {
    this.onClose("transport close");
  }

  /** @internal */
  addHeaders(headers: Record<string, string | string[]>, request: EngineRequest): void {
    this.server.addPollingHeaders(headers, request, this.id);
  }

  // --- upgrade ---

  /** @internal Lets the client try another transport; the connection moves when it says so. */
  _maybeUpgrade(transport: Transport): void {
    if (debug.enabled)
      debug("%s: may move from %s to %s", this.id.slice(0, 6), this.transport.name, transport.name);
    this.#upgrade = new Upgrade(this, transport);
  }

  /** @internal */
  upgradeEnded(): void {
    this.#upgrade = undefined;
  }

  /** @internal Moves to the new transport: what waits goes out on it. */
  moveTo(transport: Transport): void {
    this.transport.discard();
    this.#upgraded = true;
    this.#release(this.transport);
    this.#heartbeat.forget();
    this.transport = transport;
    transport.receiver = this;
    transport.sid = this.id;
    this.emit("upgrade", transport);
    this.#goOn();
    if (this.#state === "closing" && this.#pending === undefined) this.#closeTransport(false);
  }

  #release(transport: Transport): void {
    transport.detach();
    transport.close();
  }

  // --- closing ---

  /**
   * Closes the connection, after what waits has been sent.
   *
   * @param discard true drops what waits and closes at once
   */
  close(discard = false): void {
    if (discard && (this.#state === "open" || this.#state === "closing")) {
      this.#closeTransport(true);
      return;
    }
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#handOver();
    if (this.#pending === undefined) this.#closeTransport(false);
    else this.#closeWhenSent = { discard: false };
  }

  #closeTransport(discard: boolean): void {
    this.#closeWhenSent = undefined;
    if (discard) this.transport.discard();
    this.transport.close(() => this.onClose("forced close"));
  }

  /** @internal Ends the connection for `reason`. Only the first call counts. */
  onClose(reason: CloseReason, description?: unknown): void {
    if (this.#state === "closed") return;
    if (debug.enabled) debug("%s: closed, %s", this.id.slice(0, 6), reason);
    this.#state = "closed";
    this.#heartbeat.stop();
    this.#upgrade?.connectionClosed();
    this.#callbacks = undefined;
    this.#closeWhenSent = undefined;
    this.server.forget(this);
    const { turn } = this.server;
    // Whoever sent last would be held, with all that it has, until somebody else does.
    if (turn.reader === this) turn.reader = undefined;
    this.#release(this.transport);
    this.receiver?.closed(reason, description);
    this.emit("close", reason, description);
    // Listeners of "close" may still look at what was not sent.
    process.nextTick(dropPending, this);
  }

  /** @internal */
  dropPending(): void {
    this.#pending = undefined;
    this.#shown = undefined;
  }
}

// Not compressed: it would have the rest of a polling payload compressed, too.
const pingPacket = new OutgoingPacket("ping", undefined, false);

const noOptions: SendOptions = {};

function flush(connection: Connection): void {
  connection.flush();
}

function dropPending(connection: Connection): void {
  connection.dropPending();
}
