/** Reads what the server sends, as far as the oracle wants to know it. Independent of the server's own codec. */
import type { EnginePacket } from "@holdfast/protocol";
import type { Trace } from "../kernel/trace.ts";
import type { EngineWatcher } from "./engine-watcher.ts";
import type { Oracle } from "./oracle.ts";
import type { OrderAnswer } from "./orders.ts";

/** `2["e",17,…]`, `2/chat,5["e",17,…]`, `51-["e",17,…]`: an event of the simulation, with its number. */
const eventForm = /^[25](?:\d+-)?(?:(\/[^,]*),)?\d*\["(?:e|ask|direct)",(\d+)/;

/** `3/chat,5[17,…]`: an answer to a message of the client. */
const answerForm = /^3(?:(\/[^,]*),)?\d+\[(\d+)/;

/** Which call of which namespace a packet carries, if it carries one. */
export function carried(
  data: string | Uint8Array | undefined,
): { readonly namespace: string; readonly n: number } | undefined {
  if (typeof data !== "string") return undefined;
  const match = eventForm.exec(data) ?? answerForm.exec(data);
  return match === null ? undefined : { namespace: match[1] ?? "/", n: Number(match[2]) };
}

/** `3/chat,5[{"order":3,"run":1}]`: the answer of a handler with `once`. */
const orderForm = /^3(?:(?:\/[^,]*),)?\d+\[(\{"order":\d+,"run":\d+\})\]/;

function answered(data: string | Uint8Array | undefined): OrderAnswer | undefined {
  const match = typeof data === "string" ? orderForm.exec(data) : null;
  return match === null ? undefined : (JSON.parse(match[1] ?? "") as OrderAnswer);
}

/** `2/chat,["hf:gap",{"from":…,"to":…,"reason":…}]`. */
const gapForm = /^2(?:(\/[^,]*),)?\["hf:gap",(\{.*\})\]$/;

function gapOf(
  data: string | Uint8Array | undefined,
): { namespace: string; words: unknown } | undefined {
  const match = typeof data === "string" ? gapForm.exec(data) : null;
  return match === null
    ? undefined
    : { namespace: match[1] ?? "/", words: JSON.parse(match[2] ?? "") };
}

const connectForm = /^0(?:(\/[^,]*),)?\{/;

/** The namespace of a CONNECT packet: a client asks for it, or is told that it is in. */
export function joined(data: unknown): string | undefined {
  const match = typeof data === "string" ? connectForm.exec(data) : null;
  return match === null ? undefined : (match[1] ?? "/");
}

export class Wire implements EngineWatcher {
  readonly #oracle: Oracle;
  readonly #trace: Trace;

  constructor(oracle: Oracle, trace: Trace) {
    this.#oracle = oracle;
    this.#trace = trace;
  }

  leaves(connectionId: string, { type, data }: EnginePacket): void {
    this.#trace.note(`  -> ${connectionId.slice(0, 4)} ${type} ${data}`);
    if (type === "ping") {
      this.#oracle.pinged(connectionId);
      return;
    }
    const answer = type === "message" ? answered(data) : undefined;
    if (answer !== undefined) this.#oracle.orders.leaves(answer);
    const gap = type === "message" ? gapOf(data) : undefined;
    if (gap !== undefined) this.#oracle.gaps.sent(connectionId, gap.namespace, gap.words);
    const found = type === "message" ? carried(data) : undefined;
    if (found !== undefined) this.#oracle.sent(connectionId, found.namespace, found.n);
  }

  holds(connectionId: string, bytes: number): void {
    this.#oracle.holds(connectionId, bytes);
  }

  arrives(connectionId: string, { type, data }: EnginePacket): void {
    this.#trace.note(`  <- ${connectionId.slice(0, 4)} ${type} ${data}`);
    if (type === "pong") this.#oracle.ponged(connectionId);
    const namespace = type === "message" ? joined(data) : undefined;
    if (namespace !== undefined) this.#oracle.asks(connectionId, namespace, `${data}`);
  }
}

/** A position that a client holds, or an application. Nothing else looks like one. */
const positionForm = /^(?:hf|hp)\.([\w-]+)\.([0-9a-z]+)\.[\w-]+$/;

export function offsetOf(position: unknown): number | undefined {
  const match = typeof position === "string" ? positionForm.exec(position) : null;
  return match === null ? undefined : Number.parseInt(match[2] ?? "", 36);
}

/** The id of the epoch that it is of. */
export function epochOf(position: unknown): string | undefined {
  return typeof position === "string" ? positionForm.exec(position)?.[1] : undefined;
}
