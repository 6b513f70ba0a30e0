/**
 * An EventEmitter that costs nothing until somebody listens.
 *
 * Connections and transports show many events that hardly any application listens to. Node's constructor
 * would make a table of listeners for each of them; its methods work without one, and make it when
 * the first listener comes. `observed` is read on the path of a message instead of asking for the
 * listeners of each event.
 */
import { EventEmitter } from "node:events";

// biome-ignore lint/suspicious/noExplicitAny: the signature of EventEmitter
type Listener = (...args: any[]) => void;

/** EventEmitter without its constructor's work. */
const BareEmitter = (() => {
  // A plain function: a class could not leave out the call of the constructor above it.
  function Bare() {}
  Object.setPrototypeOf(Bare.prototype, EventEmitter.prototype);
  Object.setPrototypeOf(Bare, EventEmitter);
  return Bare as unknown as typeof EventEmitter;
})();

export class ObservedEmitter extends BareEmitter {
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
