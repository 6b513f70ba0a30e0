/**
 * Keeps the sessions of one namespace: lets sockets in with the session that is theirs, and puts away what must be
 * there when they come back. The part of a namespace that is there only with a store.
 */
import { PacketType } from "@holdfast/protocol";
import createDebug from "debug";
import { Admission, type Admitted, readIdentity, type SessionHolder } from "./admission.ts";
import type { Client } from "./client.ts";
import type { Claim } from "./delivery/claim.ts";
import type { Delivery } from "./delivery/delivery.ts";
import { missedInMemory } from "./delivery/missed-in-memory.ts";
import type { Progress } from "./delivery/progress.ts";
import type { Session } from "./delivery/session.ts";
import { isNamespaceRefused, JournalError } from "./delivery/store.ts";
import { roomOfTag, tagOfRoom } from "./delivery/tags.ts";
import { ServerError } from "./errors.ts";
import { PerTurn } from "./host/per-turn.ts";
import { type JoinSince, sinceOffset } from "./join-since.ts";
import type { ComingRooms, JournalAdapter } from "./journal-adapter.ts";
import { runMiddlewares } from "./middleware.ts";
import type { Namespace } from "./namespace.ts";
import { OnceCalls } from "./once-calls.ts";
import type { Parser } from "./parser.ts";
import type { SessionDetails } from "./publish.ts";
import { Resume } from "./resume.ts";
import { SessionData } from "./session-data.ts";
import { Socket } from "./socket.ts";
import { SocketLink } from "./socket-link.ts";
import type { DisconnectReason, ExtendedError, Room } from "./socket-types.ts";
import { payloadPacketsMax } from "./transports/payload-split.ts";

const debug = createDebug("holdfast:sessions");

// biome-ignore lint/suspicious/noExplicitAny: it serves namespaces of whatever event maps
type AnySocket = Socket<any, any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: it serves namespaces of whatever event maps
type AnyNamespace = Namespace<any, any, any, any>;

/** So many sockets are connected in one turn: each may be given much that it missed. */
const connectsPerTurn = 32;

export class SessionKeeper {
  readonly adapter: JournalAdapter;
  readonly #nsp: AnyNamespace;
  delivery: Delivery;
  onceCalls: OnceCalls;
  #admission: Admission;
  readonly #holders = new Map<Session, AnySocket & SessionHolder>();
  data: SessionData;
  readonly #connects: PerTurn;

  constructor(nsp: AnyNamespace, delivery: Delivery, adapter: JournalAdapter) {
    this.#nsp = nsp;
    this.delivery = delivery;
    this.adapter = adapter;
    this.onceCalls = new OnceCalls(delivery);
    this.data = new SessionData(delivery);
    const { _host: host } = nsp.server;
    this.#admission = new Admission(delivery, host, this.#holders);
    this.#connects = new PerTurn(connectsPerTurn, (run) => host.afterTurn(run));
  }

  /** The store was closed, with all sockets, and is opened again. */
  reopen(delivery: Delivery): void {
    this.delivery = delivery;
    this.onceCalls = new OnceCalls(delivery);
    this.data = new SessionData(delivery);
    this.#holders.clear();
    this.#admission = new Admission(delivery, this.#nsp.server._host, this.#holders);
    this.adapter.reopen(delivery);
  }

  /** What stored events are encoded with. */
  get parser(): Parser {
    return this.#nsp.server._parser;
  }

  // --- letting in ---

  /** Makes a socket for a client that asked for the namespace. `settled` runs when it has been let in or refused. */
  async add(
    client: Client,
    auth: Record<string, unknown>,
    joined: (socket: AnySocket) => void,
    settled: () => void,
  ): Promise<void> {
    try {
      await this.delivery.ready;
    } catch (error) {
      settled();
      if (isNamespaceRefused(error)) this.#refuseNamespace(client, error);
      else this.#sendAway(client, error);
      return;
    }
    const claim = this.#admission.claim(auth);
    const isCertain = !claim.saved && this.#nsp.server.opts.identify === undefined;
    // Not the id of one that is connected, or may be soon: they would have each other's rooms, and this client may be
    // let in elsewhere.
    const id = isCertain && claim.session?.link === undefined ? claim.session?.socketId : undefined;
    const socket = new Socket(this.#nsp, client, auth, undefined, id);
    socket._beginResume(claim, isCertain);
    this.#nsp._preConnectSockets.set(socket.id, socket);
    try {
      await client._whileThere(this.#runMiddlewares(socket, claim));
      const admitted = await this.#admit(socket, claim);
      if (admitted === undefined) {
        settled();
        return;
      }
      // Not within a promise: what handlers of "connection" throw is the application's own affair.
      this.#connects.add(() => {
        settled();
        this.#connect(socket, client, admitted, joined);
      });
    } catch (error) {
      settled();
      this.#refuse(socket, error);
    }
  }

  /** There is no store to keep a session in. The client comes again; a CONNECT_ERROR would tell it not to. */
  #sendAway(client: Client, error: unknown): void {
    debug("%s: no store: %s", this.#nsp.name, error);
    client.close();
  }

  /** There will be none, however often the client comes. */
  #refuseNamespace(client: Client, { code, message }: JournalError): void {
    const { name: nsp } = this.#nsp;
    client._packet({ type: PacketType.CONNECT_ERROR, nsp, data: { message, data: { code } } });
  }

  #refuse(socket: AnySocket, error: unknown): void {
    this.#forget(socket);
    const shown: ExtendedError = error instanceof Error ? error : new Error(String(error));
    // The store was closed, or has failed, meanwhile: not the client's fault.
    if (error instanceof JournalError) this.#sendAway(socket.client, error);
    else socket._error({ message: shown.message, data: shown.data });
  }

  /** Takes a socket that was not connected out of the namespace. One with the same id may be connected. */
  #forget(socket: AnySocket): void {
    if (this.#nsp.sockets.has(socket.id)) this.#nsp._remove(socket);
    else socket._cleanup();
  }

  #runMiddlewares(socket: AnySocket, claim: Claim): Promise<void> {
    const recovery = this.#nsp.server.opts.connectionStateRecovery;
    const complete = claim.session !== undefined && claim.gap === undefined;
    if (recovery?.skipMiddlewares && complete) return Promise.resolve();
    return new Promise((resolve, reject) => {
      runMiddlewares(this.#nsp._fns, socket, (error?: ExtendedError) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** @returns undefined when the client has gone in the meantime */
  async #admit(socket: AnySocket, claim: Claim): Promise<Admitted | undefined> {
    const { server } = this.#nsp;
    const identify = server.opts.identify;
    const given = identify && (await socket.client._whileThere(identify(socket)));
    const identity = identify && readIdentity(given);
    const rooms = [...socket.rooms].filter((room) => room !== socket.id).map(tagOfRoom);
    const socketId = socket.id === claim.session?.socketId ? server._host.newId() : socket.id;
    const admitted = await this.#admission.admit(claim, identity, {
      socketId,
      rooms,
      data: this.data.of(socket),
    });
    try {
      if (admitted.resumed) {
        await this.#keepPids(claim, admitted);
        // What was done to the session while it was offline may still be on its way into the journal.
        await this.delivery.settled(admitted.session);
      }
      await this.#authorizeRooms(socket, admitted);
    } catch (error) {
      this.#admission.settled(admitted.session);
      throw error;
    }
    if (socket.conn.readyState === "open") return admitted;
    this.#gone(socket, admitted);
    return undefined;
  }

  /** The client has gone while it was let in. */
  #gone(socket: AnySocket, { session, resumed }: Admitted): void {
    this.#admission.settled(session);
    // Nobody was told of a new session.
    if (!resumed) void this.delivery.change({ type: "end", session: session.key });
    this.#forget(socket);
  }

  /** Asks the application whether the session may still be in its rooms, before anything of them is sent. */
  async #authorizeRooms(socket: AnySocket, { session, resumed, from }: Admitted): Promise<void> {
    const { authorizeRoom } = this.#nsp.server.opts;
    if (authorizeRoom === undefined || !resumed) return;
    const rooms = session.shownRooms();
    const allowed = await socket.client._whileThere(
      Promise.all(rooms.map(async (tag) => authorizeRoom(socket, roomOfTag(tag)))),
    );
    const refused = rooms.filter((_room, index) => !allowed[index]);
    if (refused.length === 0) return;
    await this.delivery.change({ type: "leave", session: session.key, rooms: refused, at: from });
  }

  #connect(
    socket: AnySocket,
    client: Client,
    admitted: Admitted,
    joined: (socket: AnySocket) => void,
  ): void {
    const { delivery } = this;
    const { session, from, gap, pid } = admitted;
    if (socket.conn.readyState !== "open") {
      this.#gone(socket, admitted);
      return;
    }
    if (session.ending) {
      // It was ended after it had been chosen: the client is let in anew.
      this.#admission.settled(session);
      this.#forget(socket);
      void this.add(client, socket.handshake.auth, joined, () => {});
      return;
    }
    const shown = new Set(socket.rooms);
    shown.delete(socket.id);
    this.#takeOver(session);
    this.#nsp._preConnectSockets.delete(socket.id);
    if (socket.id !== admitted.socketId) {
      if (!this.#nsp.sockets.has(socket.id)) this.adapter.delAll(socket.id);
      socket._rename(admitted.socketId);
    }
    const link = new SocketLink(delivery, session, client._sessions, socket);
    delivery.attach(session, link, from);
    this.#admission.settled(session);
    this.#holders.set(session, socket);
    this.#nameSession(admitted);
    this.#nsp.sockets.set(socket.id, socket);
    const added = [...shown].filter((room) => !session.showsIn(tagOfRoom(room)));
    this.adapter.hideRooms(socket.id, added);
    this.adapter.showRooms(socket.id, [socket.id, ...session.shownRooms().map(roomOfTag)]);
    const progress: Progress = { missed: 0, expired: 0, gaps: [], caughtUp: undefined };
    socket._admitted(link, pid, new Resume(admitted.resumed, progress, gap !== undefined));
    // By middlewares.
    if (added.length > 0 && !socket._refusesRooms(new Set(added))) {
      void this.adapter.join(socket.id, session, added);
    }
    // Before anything is sent: the answer to a ping proves something of the sockets that are on the connection only.
    joined(socket);
    if (gap === undefined && this.#replaysFirst(socket, session)) {
      // In one piece: a client answers pings among it, and its application has nothing of it before CONNECT.
      session.burstBytes = Number.NEGATIVE_INFINITY;
      delivery.catchUp.begin(session, progress);
      socket._sendConnect();
    } else {
      // Before CONNECT: the stock client keeps it, and has it from the moment that it has its pid. Not past a gap,
      // though: one that is cut off before it is told would never hear of it.
      if (gap === undefined) delivery.mark(session, link);
      socket._sendConnect();
      if (gap !== undefined) {
        delivery.catchUp.gap(session, link, progress, gap.from, gap.to, gap.reason);
      }
      delivery.catchUp.begin(session, progress);
    }
    this.data.begin(socket, session);
    this.#nsp._announce(socket);
    this.data.mayHaveChanged(socket);
  }

  /**
   * Connection state recovery has what was missed before CONNECT. That is safe only where all of it is in the payload
   * that carries CONNECT, too: a cut in between would have it repeated.
   */
  #replaysFirst(socket: AnySocket, session: Session): boolean {
    const { delivery } = this;
    if (delivery.options.offsets !== "argument") return false;
    if (socket.conn.transport.name !== "polling") return false;
    const missed = missedInMemory(delivery, session);
    return missed !== undefined && missed > 0 && missed < payloadPacketsMax;
  }

  /** Ends the socket that has the session: its client has come back on another connection. */
  #takeOver(session: Session): void {
    const old = this.#holders.get(session);
    if (old === undefined) return;
    debug("%s: taken over", session.key.slice(0, 6));
    old._onclose("transport close");
    old.client._fenced();
  }

  /** A client that was told a pid comes with it, whatever happens to this process: it is stored before. */
  async #keepPids(claim: Claim, { session, pid }: Admitted): Promise<void> {
    const { delivery } = this;
    const used = claim.session === session ? claim.pid : undefined;
    // Not only the newest: of two tabs that were told one each, both older than it, one has to go elsewhere.
    if (used !== undefined && session.pids.indexOf(used) > 0) {
      void delivery.change({ type: "pid", session: session.key, pid: used });
    }
    if (session.pids.includes(pid)) return;
    await delivery.change({ type: "name", session: session.key, pid });
  }

  #nameSession({ session, socketId, pid, resumed }: Admitted): void {
    const { delivery } = this;
    if (!resumed) return;
    delivery.sessions.name(session, socketId, pid);
    void delivery.change({ type: "connect", session: session.key, socketId, pid });
  }

  // --- going ---

  /** A socket has closed: its session waits for it, or ends. */
  closed(socket: AnySocket, link: SocketLink, reason: DisconnectReason): void {
    const { delivery } = this;
    const { session } = link;
    if (this.#holders.get(session) === socket) this.#holders.delete(session);
    const ends =
      reason === "server namespace disconnect" ||
      (reason === "client namespace disconnect" && session.identity === undefined);
    if (!ends) {
      this.data.store(socket, session);
      if (session.link === link) delivery.lost(session, reason === "client namespace disconnect");
      const atMs = delivery.expiry.nowMs();
      void delivery.change({ type: "disconnect", session: session.key, atMs });
      return;
    }
    void delivery.change({ type: "end", session: session.key });
    if (session.link !== link) return;
    // What was emitted before goes out first, and so does DISCONNECT.
    if (reason === "server namespace disconnect") socket.client._sessions.leaves(link);
    else delivery.detach(session);
  }

  /** What an application is told of a session. */
  detailsOf(session: Session): SessionDetails {
    const { delivery } = this;
    return {
      session: session.key,
      userId: session.identity?.user,
      online: session.link !== undefined,
      socketId: session.socketId,
      position: delivery.positions.encode("application", delivery.at(session.receipt)),
    };
  }

  // --- rooms ---

  /** Joins rooms, and has the socket given older events of them. */
  joinSince(socket: AnySocket, rooms: Iterable<Room>, since: JoinSince): Promise<void> {
    const coming = this.adapter.beginJoin(socket.id, rooms);
    const joined = this.#joinComing(socket, coming, since).finally(() => {
      this.adapter.endJoin(coming);
    });
    // Clients choose positions, too, and few await this.
    joined.catch((error: unknown) => error instanceof ServerError && socket._refuses(error));
    return joined;
  }

  async #joinComing(socket: AnySocket, { rooms }: ComingRooms, since: JoinSince): Promise<void> {
    const { delivery } = this;
    const session = socket._session;
    if (session === undefined) {
      throw new ServerError("HF_STORE_MISSING", "the socket is not connected yet");
    }
    for (const room of rooms) {
      const tag = tagOfRoom(room);
      const { after, lost } = await sinceOffset(delivery, tag, since);
      const { link } = session;
      if (!socket.connected || link === undefined) return;
      if (!rooms.has(room)) continue;
      // Others may have been joined meanwhile.
      if (socket._refusesRooms(new Set([room]))) return;
      // Before any event of the room. A handler that joins again on the next connection tells it again.
      if (lost !== undefined) {
        const { from, to, reason } = lost;
        delivery.catchUp.gap(session, link, socket.resume._progress, from, to, reason);
      }
      await this.adapter.join(socket.id, session, [room], after);
    }
  }

  /** What ends with the server. */
  onClose: () => void = () => undefined;

  /** Stores what is only in memory yet. */
  flush(): void {
    for (const socket of this.#holders.values()) {
      const session = socket._link?.session;
      if (session !== undefined) this.data.store(socket, session);
    }
    this.delivery.receipts.store();
  }
}
