/**
 * A bad network on 127.0.0.1: a TCP proxy between a client and a server that cuts, holds back, delays, slows down and
 * chops, for one connection or for all, in either direction.
 *
 *     const proxy = await FaultProxy.start(serverPort);
 *     … connect to proxy.port …
 *     proxy.shape({ blackhole: true }, "toClient");   // the client hears nothing more, and nothing of it
 *     proxy.cut("client");                            // half-open: the server believes the connection is there
 *     await proxy.close();
 *
 * It knows nothing of a test runner, so that programs may use it too. What it starts ends with `close()`.
 */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { Changes } from "./changes.ts";
import { FaultFlow, type Faults, healthy, reset } from "./fault-flow.ts";

export { type FaultFlow, type Faults, healthy } from "./fault-flow.ts";

export type Direction = "toServer" | "toClient";

/** Whose end of a connection is cut. The other one is not told. */
export type Side = "client" | "server" | "both";

/** How an end is told: orderly, or by RST. */
export type CutHow = "fin" | "reset";

/** One connection of a client through the proxy. */
export class FaultLink {
  readonly toServer: FaultFlow;
  readonly toClient: FaultFlow;
  /** Resolves when both ends are closed. */
  readonly closed: Promise<void>;
  readonly #client: Socket;
  readonly #server: Socket;

  constructor(
    { client, server }: { readonly client: Socket; readonly server: Socket },
    faults: Readonly<Record<Direction, Faults>>,
    changes: Changes,
  ) {
    this.#client = client;
    this.#server = server;
    const cut = () => this.cut("both", "reset");
    this.toServer = new FaultFlow({ from: client, to: server }, faults.toServer, changes, cut);
    this.toClient = new FaultFlow({ from: server, to: client }, faults.toClient, changes, cut);
    this.closed = Promise.all([closeOf(client), closeOf(server)]).then(() => undefined);
  }

  /** From now on this connection has these faults, and no others, in one direction or in both. */
  shape(faults: Faults, direction?: Direction): void {
    if (direction !== "toClient") this.toServer.shape(faults);
    if (direction !== "toServer") this.toClient.shape(faults);
  }

  /** Ends one side or both. What is under way to a side that stays is lost. */
  cut(side: Side = "both", how: CutHow = "fin"): void {
    this.toServer.abandon();
    this.toClient.abandon();
    if (side !== "server") destroy(this.#client, how);
    if (side !== "client") destroy(this.#server, how);
  }
}

export class FaultProxy {
  readonly port: number;
  /** The port that new connections go to. */
  target: number;
  /** New connections get an RST. Those that are there stay. */
  refusing = false;
  readonly #listener: Server;
  readonly #links = new Set<FaultLink>();
  readonly #faults: Record<Direction, Faults> = { toServer: healthy, toClient: healthy };
  readonly #changes = new Changes();
  #accepted = 0;

  private constructor(listener: Server, port: number, target: number) {
    this.#listener = listener;
    this.port = port;
    this.target = target;
    listener.on("connection", (client: Socket) => this.#accept(client));
  }

  /** A proxy on a free port in front of the server at `target` on 127.0.0.1. */
  static async start(target: number): Promise<FaultProxy> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const address = listener.address();
    if (address === null || typeof address === "string") throw new Error("not on a port");
    return new FaultProxy(listener, address.port, target);
  }

  /** `http://127.0.0.1:<port>` */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The connections with an open end, oldest first. */
  get links(): readonly FaultLink[] {
    return [...this.#links];
  }

  /** How many connections there have been, refused ones not counted. */
  get accepted(): number {
    return this.#accepted;
  }

  /** The next connection that is made. */
  async nextLink(): Promise<FaultLink> {
    const before = this.#accepted;
    await this.until(() => this.#accepted > before, "a connection");
    const newest = this.links.at(-1);
    if (newest === undefined) throw new Error("the connection has gone already");
    return newest;
  }

  /** Resolves when the condition holds; it is looked at with every connection, and whenever bytes came in or went out. */
  until(holds: (proxy: FaultProxy) => boolean, what: string): Promise<void> {
    return this.#changes.until(
      () => holds(this),
      () => what,
    );
  }

  /** From now on all connections, also those to come, have these faults and no others. */
  shape(faults: Faults, direction?: Direction): void {
    if (direction !== "toClient") this.#faults.toServer = faults;
    if (direction !== "toServer") this.#faults.toClient = faults;
    for (const link of this.#links) link.shape(faults, direction);
  }

  /** Cuts all connections. */
  cut(side: Side = "both", how: CutHow = "fin"): void {
    for (const link of this.#links) link.cut(side, how);
  }

  /** Ends all connections and listens no longer. */
  async close(): Promise<void> {
    const links = this.links;
    // Connections may wait to be accepted.
    this.refusing = true;
    this.cut();
    await Promise.all(links.map(({ closed }) => closed));
    if (this.#listener.listening) {
      await new Promise((resolve) => this.#listener.close(resolve));
    }
  }

  #accept(client: Socket): void {
    client.on("error", () => undefined);
    if (this.refusing) {
      reset(client);
      return;
    }
    this.#accepted++;
    const server = connect({
      port: this.target,
      host: "127.0.0.1",
      allowHalfOpen: true,
      noDelay: true,
    });
    const link = new FaultLink({ client, server }, { ...this.#faults }, this.#changes);
    this.#links.add(link);
    void link.closed.then(() => this.#links.delete(link));
    this.#changes.changed();
  }
}

function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

function destroy(socket: Socket, how: CutHow): void {
  if (how === "fin") socket.destroy();
  else reset(socket);
}
