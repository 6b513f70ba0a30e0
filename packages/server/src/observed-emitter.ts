/**
 * An EventEmitter that knows whether anybody ever listened.
 *
 * Connections and transports show many events that hardly any application listens to; on the path of a
 * message one flag is read instead of asking for the listeners of each.
 */
import { EventEmitter } from "node:events";

// biome-ignore lint/suspicious/noExplicitAny: the signature of EventEmitter
type Listener = (...args: any[]) => void;

export class ObservedEmitter extends EventEmitter {
  /** @internal Whether a listener of any event has ever been added. */
  observed = false;

  override on(event: string | symbol, listener: Listener): this {
    this.observed = true;
    return super.on(event, listener);
  }

  override addListener(event: string | symbol, listener: Listener): this {
    return this.on(event, listener);
  }

  override prependListener(event: string | symbol, listener: Listener): this {
    this.observed = true;
    return super.prependListener(event, listener);
  }
}
