/**
 * What `of(regex)` and `of(function)` give: the model of namespaces that are made when a client asks for
 * them. Its middlewares and listeners are those of each child; what is emitted on it goes to all of them.
 */
import createDebug from "debug";
import { Adapter, type BroadcastOptions, type UnnamedPacket } from "./adapter.ts";
import type { RemoteSocket } from "./broadcast.ts";
import { isNamespaceRefused } from "./delivery/store.ts";
import { Namespace } from "./namespace.ts";
import type { NamespaceOptions } from "./namespace-options.ts";
import type { Server } from "./server.ts";
import type {
  DefaultEventsMap,
  EventNamesWithoutAck,
  EventParams,
  EventsMap,
} from "./typed-events.ts";

const debug = createDebug("holdfast:namespace");

export class ParentNamespace<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: Socket.IO's default, so that untyped applications compile
  SocketData = any,
> extends Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  static #count = 0;
  readonly children = new Set<Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>>();

  constructor(
    server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    options?: NamespaceOptions,
  ) {
    super(server, `/_${ParentNamespace.#count++}`, options);
  }

  /** @internal */
  override _initAdapter(): void {
    this.adapter = new ParentAdapter(this, () => this.children);
  }

  /** Sends an event to all clients of all children. */
  override emit<Ev extends EventNamesWithoutAck<EmitEvents>>(
    ev: Ev,
    ...args: EventParams<EmitEvents, Ev>
  ): boolean {
    for (const child of this.children) child.emit(ev, ...args);
    return true;
  }

  /** @internal Makes the namespace that a client asked for, or the application, with options of its own. */
  createChild(
    name: string,
    options: NamespaceOptions = this._options,
  ): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    debug("%s: making the child %s", this.name, name);
    const child = new Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>(
      this.server,
      name,
      options,
    );
    for (const middleware of this._fns) child.use(middleware);
    for (const listener of this.listeners("connect")) child.on("connect", listener);
    for (const listener of this.listeners("connection")) child.on("connection", listener);
    this.children.add(child);
    // One that keeps sessions is not empty when nobody is connected.
    if (this.server.opts.cleanupEmptyChildNamespaces && child._keeper === undefined) {
      child._onEmpty = () => this.#remove(child);
    }
    this.server._nsps.set(name, child);
    // The store has no stream for it: a client is told, and nothing of it stays.
    child._keeper?.delivery.ready.catch((error: unknown) => {
      if (isNamespaceRefused(error)) this.#remove(child);
    });
    this.server.sockets._emitNewNamespace(child);
    return child;
  }

  #remove(child: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>): void {
    debug("%s: the child %s is empty", this.name, child.name);
    void child.adapter.close();
    this.server._nsps.delete(child.name);
    this.children.delete(child);
  }

  override fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    // Thrown, not rejected, as in Socket.IO.
    throw new Error("fetchSockets() is not supported on parent namespaces");
  }
}

interface Child {
  readonly adapter: { broadcast(packet: UnnamedPacket, options: BroadcastOptions): void };
}

/** Has no sockets of its own: broadcasts go to the children. */
class ParentAdapter extends Adapter {
  readonly #children: () => Iterable<Child>;

  constructor(nsp: Adapter["nsp"], children: () => Iterable<Child>) {
    super(nsp);
    this.#children = children;
  }

  override broadcast(packet: UnnamedPacket, options: BroadcastOptions): void {
    for (const child of this.#children()) {
      // Each child puts its own name on the packet, and a recovery offset at the end of its data.
      const data = Array.isArray(packet.data) ? [...packet.data] : packet.data;
      child.adapter.broadcast({ ...packet, data }, options);
    }
  }
}
