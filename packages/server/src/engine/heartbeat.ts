/**
 * The heartbeat of one connection (Engine.IO protocol, "Heartbeat"): the server pings, the client answers.
 *
 * A ping goes out `pingInterval` after the last answer; none within `pingTimeout` ends the connection. While an
 * answer is awaited, one other packet of the client restarts the wait once: it lives, only its answer is late.
 */
import { Alarm, type TimerWheel } from "../host/timer-wheel.ts";

export interface HeartbeatOwner {
  sendPing(): void;
  onClose(reason: "ping timeout"): void;
}

export interface HeartbeatOptions {
  /** Milliseconds. */
  readonly pingInterval: number;
  /** Milliseconds. */
  readonly pingTimeout: number;
}

export class Heartbeat extends Alarm<HeartbeatOwner> {
  readonly #wheel: TimerWheel;
  readonly #options: HeartbeatOptions;
  #state: "idle" | "awaiting" | "awaiting again" = "idle";

  constructor(owner: HeartbeatOwner, wheel: TimerWheel, options: HeartbeatOptions) {
    super(owner, heartbeatIsDue);
    this.#wheel = wheel;
    this.#options = options;
  }

  start(): void {
    this.#wheel.arm(this, this.#options.pingInterval);
  }

  stop(): void {
    this.#wheel.disarm(this);
  }

  /** The client answered a ping. */
  answered(): void {
    this.#state = "idle";
    this.start();
  }

  /** The client sent something else. */
  heard(): void {
    if (this.#state !== "awaiting") return;
    this.#state = "awaiting again";
    this.#wheel.arm(this, this.#options.pingTimeout);
  }

  /** The network took what waited, perhaps the ping itself: the wait for its answer starts anew. */
  progressed(): void {
    if (this.#state !== "idle") this.#wheel.arm(this, this.#options.pingTimeout);
  }

  /** A ping that was sent on a transport that is no more will not be answered: start anew. */
  forget(): void {
    if (this.#state === "idle") return;
    this.answered();
  }

  /** @internal */
  due(): void {
    if (this.#state !== "idle") {
      this.owner.onClose("ping timeout");
      return;
    }
    this.#state = "awaiting";
    this.#wheel.armAgain(this, this.#options.pingTimeout);
    this.owner.sendPing();
  }
}

function heartbeatIsDue(_owner: HeartbeatOwner, alarm: Alarm<HeartbeatOwner>): void {
  if (alarm instanceof Heartbeat) alarm.due();
}
