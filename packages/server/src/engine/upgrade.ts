/**
 * The move of a connection from one transport to a better one (Engine.IO protocol, "Upgrade").
 *
 * The client opens the new transport and probes it; the connection goes on over the old one, whose
 * pending GET is released from time to time so that the client can stop polling; the move is made
 * when the client says `upgrade`. Whatever else happens on the new transport ends the attempt, and
 * the connection stays where it is.
 */
import type { EnginePacket } from "@holdfast/protocol";
import { Alarm, type TimerWheel } from "../host/timer-wheel.ts";
import type { Transport, TransportReceiver } from "../transports/transport.ts";

const releaseEveryMs = 100;

/** What an upgrade needs of its connection. */
export interface UpgradingConnection {
  readonly readyState: string;
  readonly transport: Transport;
  readonly server: {
    readonly wheel: TimerWheel;
    readonly opts: { readonly upgradeTimeout: number };
  };
  emit(event: "upgrading", transport: Transport): boolean;
  moveTo(transport: Transport): void;
  upgradeEnded(): void;
}

export class Upgrade implements TransportReceiver {
  readonly hasPending = false;
  readonly #connection: UpgradingConnection;
  readonly #transport: Transport;
  readonly #timeout: Alarm<Upgrade>;
  readonly #release: Alarm<Upgrade>;
  #ended = false;

  constructor(connection: UpgradingConnection, transport: Transport) {
    this.#connection = connection;
    this.#transport = transport;
    this.#timeout = new Alarm<Upgrade>(this, giveUp);
    this.#release = new Alarm<Upgrade>(this, releasePoll);
    connection.server.wheel.arm(this.#timeout, connection.server.opts.upgradeTimeout);
    transport.receiver = this;
  }

  /** The connection has closed on its old transport. */
  connectionClosed(): void {
    this.giveUp();
  }

  received(packet: EnginePacket): void {
    if (packet.type === "ping" && packet.data === "probe") {
      this.#transport.send([{ type: "pong", data: "probe" }]);
      this.#connection.emit("upgrading", this.#transport);
      this.#connection.server.wheel.arm(this.#release, releaseEveryMs);
    } else if (packet.type === "upgrade" && this.#connection.readyState !== "closed") {
      this.#end();
      this.#connection.moveTo(this.#transport);
    } else {
      this.giveUp();
    }
  }

  failed(): void {
    this.giveUp();
  }

  refused(): void {}

  malformed(): void {
    this.giveUp();
  }

  closed(): void {
    this.giveUp();
  }

  ready(): void {}

  addHeaders(): void {}

  /** Ends the attempt; the connection stays on its transport. */
  giveUp(): void {
    this.#end();
    this.#transport.detach();
    this.#transport.close();
  }

  /** Answers the pending GET with nothing, so that the client notices that it may stop polling. */
  releasePoll(): void {
    const { transport } = this.#connection;
    if (transport.name === "polling" && transport.writable) transport.send([{ type: "noop" }]);
    this.#connection.server.wheel.arm(this.#release, releaseEveryMs);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#connection.server.wheel.disarm(this.#timeout);
    this.#connection.server.wheel.disarm(this.#release);
    this.#connection.upgradeEnded();
  }
}

function giveUp(upgrade: Upgrade): void {
  upgrade.giveUp();
}

function releasePoll(upgrade: Upgrade): void {
  upgrade.releasePoll();
}
