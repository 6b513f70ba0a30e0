/**
 * One client of the Socket.IO server: its connection, and its socket in each namespace that it joined.
 *
 * Turns messages of the connection into packets for sockets and back. Spec: Socket.IO protocol 5.
 */

import type { IncomingMessage } from "node:http";
import {
  PacketType,
  ProtocolError,
  type SocketPacket,
  type SocketPacketDecoder,
} from "@holdfast/protocol";
import createDebug from "debug";
import { encodedPacket } from "./adapter.ts";
import { ClientSessions } from "./client-sessions.ts";
import type { LaneReceiver } from "./delivery/lane.ts";
import type { OutgoingPacket } from "./delivery/outgoing-packet.ts";
import type { Attached } from "./delivery/receipts.ts";
import { EndingWaits } from "./ending-waits.ts";
import { Connection } from "./engine/connection.ts";
import type { ConnectionReceiver } from "./engine/connection-ports.ts";
import { ServerError } from "./errors.ts";
import type { WriteOptions } from "./foreign-broadcast.ts";
import { sharedPacket, writeToForeignConnection } from "./foreign-parts.ts";
import { Alarm } from "./host/timer-wheel.ts";
import type { Namespace } from "./namespace.ts";
import { defaultParser, type PacketDecoder } from "./parser.ts";
import type { Server } from "./server.ts";
import type { Socket } from "./socket.ts";
import type { DisconnectReason } from "./socket-types.ts";

const debug = createDebug("holdfast:client");

/**
 * Arguments of one event or acknowledgement. They are passed to handlers on the stack, which a hundred thousand do not
 * fit on: V8 throws, and nobody could catch that.
 */
const argumentsMax = 10_000;

// biome-ignore lint/suspicious/noExplicitAny: a client serves namespaces of whatever event maps
type AnySocket = Socket<any, any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: a client serves namespaces of whatever event maps
type AnyServer = Server<any, any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: a client serves namespaces of whatever event maps
type AnyNamespace = Namespace<any, any, any, any>;

export class Client implements ConnectionReceiver, LaneReceiver {
  readonly conn: Connection;
  /** The id of the connection; secret. */
  readonly id: string;
  readonly server: AnyServer;
  /** The socket that came first: most clients join one namespace, and one needs no map. */
  #only: AnySocket | undefined;
  #more: Map<string, AnySocket> | undefined;
  /** Those that another has come beside, which asked for the same namespace before they were in. As in Socket.IO. */
  #beside: Set<AnySocket> | undefined;
  /** Ours alone while a packet is incomplete; otherwise the server's does for all. */
  #decoder: SocketPacketDecoder | undefined;
  #foreignDecoder: PacketDecoder | undefined;
  /** Ends a connection that joins no namespace. */
  #connectAlarm: Alarm<Client> | undefined;
  /** Ends a connection whose packet stays incomplete. */
  #attachmentsAlarm: Alarm<Client> | undefined;
  #incompleteBytes = 0;
  /** Namespaces that are being joined: they count towards the limit. */
  #joining = 0;
  /** Those of them that keep sessions. */
  #joiningSessions: Set<string> | undefined;
  #closed = false;
  /** What waits no longer when it has closed. */
  #waits: EndingWaits | undefined;
  /** Only where sessions are kept. */
  #sessions: ClientSessions | undefined;

  constructor(server: AnyServer, conn: Connection) {
    this.server = server;
    this.conn = conn;
    this.id = conn.id;
    this.#connectAlarm = new Alarm<Client>(this, clientJoinedNothing);
    server._wheel.arm(this.#connectAlarm, server._connectTimeout);
    if (conn instanceof Connection) conn.receiver = this;
    else this.#listen(conn);
  }

  /** A connection of another engine has no receiver, but events. */
  #listen(conn: Connection): void {
    conn.on("data", (data: string | Uint8Array) => this.received(data));
    conn.on("error", (error: unknown) => this.onerror(error));
    conn.on("close", (reason: string, description: unknown) => this.closed(reason, description));
  }

  /** The first request of the connection. */
  get request(): IncomingMessage {
    return this.conn.request;
  }

  /** The sockets by their ids. */
  get sockets(): Map<string, AnySocket> {
    return new Map(this.#all().map((socket) => [socket.id, socket]));
  }

  /** The sockets by the names of their namespaces. */
  get nsps(): Map<string, AnySocket> {
    return new Map(this.#all().map((socket) => [socket.nsp.name, socket]));
  }

  #all(): AnySocket[] {
    if (this.#more !== undefined) return [...(this.#beside ?? []), ...this.#more.values()];
    return this.#only === undefined ? [] : [this.#only];
  }

  #find(namespace: string): AnySocket | undefined {
    if (this.#more !== undefined) return this.#more.get(namespace);
    return this.#only?.nsp.name === namespace ? this.#only : undefined;
  }

  #add(socket: AnySocket): void {
    if (this.#more === undefined && this.#only === undefined) {
      this.#only = socket;
      return;
    }
    this.#more ??= this.nsps;
    const former = this.#more.get(socket.nsp.name);
    if (former !== undefined) {
      this.#beside ??= new Set();
      this.#beside.add(former);
    }
    this.#more.set(socket.nsp.name, socket);
  }

  get #joined(): number {
    return this.#more?.size ?? (this.#only === undefined ? 0 : 1);
  }

  // --- incoming ---

  received(data: string | Uint8Array): void {
    this.ondata(data);
  }

  /** Takes a message of the connection. */
  ondata(data: string | Uint8Array): void {
    if (this.#closed) return;
    try {
      if (this.server._parser !== defaultParser) this.#addToForeignDecoder(data);
      else this.#addToDecoder(data);
    } catch (error) {
      this.onerror(error);
    }
  }

  #addToDecoder(data: string | Uint8Array): void {
    const decoder = this.#decoder ?? this.server._takeDecoder();
    const packet = decoder.add(data);
    if (packet === undefined) {
      this.#decoder = decoder;
      this.#onIncomplete(data.length);
      return;
    }
    if (this.#decoder !== undefined) this.#forgetIncomplete();
    this.server._giveDecoder(decoder);
    this.#onPacket(packet);
  }

  #onIncomplete(bytes: number): void {
    const { _limits: limits, _wheel: wheel } = this.server;
    if (this.#incompleteBytes === 0) {
      this.#attachmentsAlarm ??= new Alarm<Client>(this, attachmentsAreLate);
      wheel.arm(this.#attachmentsAlarm, limits.attachmentsTimeoutMs);
    }
    this.#incompleteBytes += bytes;
    this.server._incompleteBytes += bytes;
    if (this.server._incompleteBytes > limits.pendingBytes) {
      this.#end(new ServerError("HF_PENDING_BYTES", `more than ${limits.pendingBytes}`));
    }
  }

  #forgetIncomplete(): void {
    this.#decoder = undefined;
    this.server._incompleteBytes -= this.#incompleteBytes;
    this.#incompleteBytes = 0;
    if (this.#attachmentsAlarm !== undefined) this.server._wheel.disarm(this.#attachmentsAlarm);
  }

  /** @internal */
  attachmentsAreLate(): void {
    const missing = this.#decoder?.pendingAttachments ?? 0;
    this.#end(new ServerError("HF_ATTACHMENTS_TIMEOUT", `${missing} are missing`));
  }

  #addToForeignDecoder(data: string | Uint8Array): void {
    if (this.#foreignDecoder === undefined) {
      this.#foreignDecoder = new this.server._parser.Decoder();
      this.#foreignDecoder.on("decoded", (packet) => this.#onPacket(packet));
    }
    this.#foreignDecoder.add(data);
  }

  #onPacket(packet: SocketPacket): void {
    if (Array.isArray(packet.data) && packet.data.length > argumentsMax) {
      const detail = `${packet.data.length}, the limit is ${argumentsMax}`;
      this.#end(new ServerError("HF_ARGUMENTS_TOO_MANY", detail));
      return;
    }
    const socket = this.#find(packet.nsp);
    if (socket === undefined && packet.type === PacketType.CONNECT) {
      this.connect(packet.nsp, packet.data);
    } else if (
      socket !== undefined &&
      packet.type !== PacketType.CONNECT &&
      packet.type !== PacketType.CONNECT_ERROR
    ) {
      process.nextTick(deliverToSocket, socket, packet);
    } else {
      const state = socket === undefined ? "not joined" : "joined";
      const detail = `type ${packet.type} for a namespace that is ${state}`;
      this.#refuse(new ServerError("HF_PACKET_UNEXPECTED", detail));
      this.close();
    }
  }

  // --- namespaces ---

  /** Joins a namespace, which may have to be made first. */
  connect(name: string, auth: unknown = {}): void {
    const known = this.server._nsps.get(name);
    // A client that left before it was in, and comes back, is let in once to its session.
    if (known?._keeper !== undefined && this.#joiningSessions?.has(name)) return;
    const limit = this.server._limits.namespacesPerConnection;
    if (this.#joined + this.#joining >= limit) {
      this.#end(new ServerError("HF_NAMESPACES_TOO_MANY", `more than ${limit}`));
      return;
    }
    if (known !== undefined) {
      this.#join(known, auth);
      return;
    }
    this.#joining++;
    let answered = false;
    this.server._checkNamespace(name, auth, (namespace) => {
      if (answered) return;
      answered = true;
      this.#joining--;
      if (namespace !== undefined) {
        this.#join(namespace, auth);
        return;
      }
      debug("there is no namespace %s", name);
      const data = { message: "Invalid namespace" };
      this._packet({ type: PacketType.CONNECT_ERROR, nsp: name, data });
    });
  }

  #join(namespace: AnyNamespace, auth: unknown): void {
    if (this.#joiningSessions?.has(namespace.name)) return;
    this.#joining++;
    if (namespace._keeper !== undefined) {
      this.#joiningSessions ??= new Set();
      this.#joiningSessions.add(namespace.name);
    }
    const joined = (socket: AnySocket) => {
      this.#add(socket);
      this.#disarmConnect();
    };
    namespace._add(this, auth, joined, () => {
      this.#joining--;
      this.#joiningSessions?.delete(namespace.name);
    });
  }

  /** @internal Ends a connection that has joined nothing in time. */
  joinedNothing(): void {
    if (this.#joined > 0) return;
    // At once: a close that waits for a GET to carry it would keep the connection for half a minute more.
    this.conn.close(true);
    this.closed("forced server close");
  }

  #disarmConnect(): void {
    if (this.#connectAlarm === undefined) return;
    this.server._wheel.disarm(this.#connectAlarm);
    this.#connectAlarm = undefined;
  }

  /** @internal Takes a socket that has closed out of the list. */
  _remove(socket: AnySocket): void {
    if (this.#only === socket) this.#only = undefined;
    this.#beside?.delete(socket);
    if (this.#more?.get(socket.nsp.name) === socket) this.#more.delete(socket.nsp.name);
  }

  /** @internal Disconnects all sockets and closes the connection. */
  _disconnect(): void {
    const links = this.attached();
    const sockets = this.#all();
    for (const socket of sockets) socket.disconnect();
    if (links.length === 0) {
      this.close();
      return;
    }
    // Not before what was emitted to its sessions has been sent.
    let pending = links.length;
    for (const { delivery, session } of links) {
      delivery.followAct(session, () => {
        pending--;
        if (pending === 0) this.close();
      });
    }
  }

  // --- outgoing ---

  /** @internal Encodes and sends a packet of one socket. */
  _packet(packet: SocketPacket, options: WriteOptions = {}): void {
    if (this.conn.readyState !== "open") return;
    const parts = this.server.encoder.encode(packet);
    const encoded = encodedPacket(parts, options.compress !== false);
    this.deliver(encoded, false, options.volatile === true);
  }

  /** Puts an encoded packet into the outbox. A volatile one is dropped unless it can leave at once. */
  deliver(packet: OutgoingPacket, shared: boolean, volatile = false): void {
    const { conn } = this;
    if (volatile && !conn.transport.writable) {
      this.server._counters.volatileDropped++;
      return;
    }
    if (conn instanceof Connection) conn.enqueue(packet, shared);
    else writeToForeignConnection(conn, packet);
  }

  // --- sessions ---

  /** @internal The sessions of the sockets that are on this connection. */
  attached(): readonly Attached[] {
    const links: Attached[] = [];
    for (const socket of this.#all()) if (socket._link !== undefined) links.push(socket._link);
    if (this.#sessions !== undefined) links.push(...this.#sessions.leaving);
    return links;
  }

  /** @internal What the connection is to its sessions. */
  get _sessions(): ClientSessions {
    this.#sessions ??= new ClientSessions(this);
    return this.#sessions;
  }

  /** @internal */
  drained(): void {
    this.#sessions?.drained();
  }

  /** @internal Counts why the connection is ended, and ends it at once. */
  _abort(reason: DisconnectReason, error?: ServerError): void {
    if (error !== undefined) this.#refuse(error);
    this.conn.close(true);
    this.closed(reason, error);
  }

  /** @internal Ends the connection of a session that came back on another, unless another namespace lives on it. */
  _fenced(): void {
    if (this.#joined === 0 && this.#joining === 0) this._abort("transport close");
  }

  /** Writes what waits now, and not at the end of the turn. */
  flush(): void {
    if (this.conn instanceof Connection) this.conn.flush();
  }

  /**
   * Sends what an adapter has encoded. Adapters give the same array for all sockets of a broadcast, and that is
   * how we know that it is one.
   */
  writeToEngine(
    parts: readonly (string | Uint8Array)[] | string | Uint8Array,
    options: WriteOptions,
  ): void {
    if (typeof parts === "string" || parts instanceof Uint8Array) {
      this.deliver(encodedPacket([parts], options.compress !== false), false, options.volatile);
      return;
    }
    this.deliver(sharedPacket(parts, options.compress), true, options.volatile === true);
  }

  // --- end ---

  /** Closes the connection. */
  close(): void {
    if (this.conn.readyState !== "open") return;
    this.conn.close();
    this.closed("forced server close");
  }

  /** Tells the sockets of an error of the connection, and closes it. */
  onerror(error: unknown): void {
    const shown = error instanceof Error ? error : new Error(String(error));
    const detail = error instanceof ProtocolError ? error.detail : shown.message;
    this.#refuse(new ServerError("HF_PACKET_INVALID", detail, { cause: error }));
    for (const socket of this.#all()) socket._onerror(shown);
    this.conn.close();
  }

  #end(error: ServerError): void {
    this.#refuse(error);
    for (const socket of this.#all()) socket._onerror(error);
    this.close();
  }

  #refuse(error: ServerError): void {
    if (this.conn instanceof Connection) this.conn.server.refuse(error, this.conn);
  }

  /** @internal Waits for what an application decides, for no longer than the client is there: HF_CONNECTION_ENDED. */
  _whileThere<T>(decides: Promise<T> | T): Promise<T> {
    this.#waits ??= new EndingWaits(this.#closed);
    return this.#waits.until(decides);
  }

  closed(reason: string, description?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waits?.end();
    if (debug.enabled) debug("%s: closed, %s", this.id.slice(0, 6), reason);
    this.#disarmConnect();
    this.#forgetIncomplete();
    this.#sessions?.stop();
    for (const socket of this.#all()) socket._onclose(reason as DisconnectReason, description);
    this.#foreignDecoder?.destroy();
  }
}

function deliverToSocket(socket: AnySocket, packet: SocketPacket): void {
  socket._onpacket(packet);
}

function clientJoinedNothing(client: Client): void {
  client.joinedNothing();
}

function attachmentsAreLate(client: Client): void {
  client.attachmentsAreLate();
}
