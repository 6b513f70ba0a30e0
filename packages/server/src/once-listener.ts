/** What `socket.on(event, { once }, handler)` listens with. */
import { ServerError } from "./errors.ts";
import type { OnceCalls, OnceSocket } from "./once-calls.ts";
import { show } from "./units.ts";

/** What a listener needs of its socket. */
interface ListeningSocket extends OnceSocket {
  readonly nsp: { readonly _keeper: { readonly onceCalls: OnceCalls } | undefined };
  rawListeners(event: string): unknown[];
}

type Anything = (...args: unknown[]) => unknown;

const onceListeners = new WeakSet<object>();

/** @throws ServerError HF_STORE_MISSING, HF_OPTION_INVALID, HF_ONCE_TWICE */
export function onceListener(
  socket: ListeningSocket,
  event: string,
  options: unknown,
  handler: unknown,
): Anything {
  const idOf = readOnce(event, options);
  if (typeof handler !== "function") {
    throw new ServerError("HF_OPTION_INVALID", `the handler of "${event}" is ${show(handler)}`);
  }
  const keeper = socket.nsp._keeper;
  if (keeper === undefined) throw new ServerError("HF_STORE_MISSING", `on("${event}", { once })`);
  // The second would find the first one's answers, and never run.
  const taken = socket.rawListeners(event).some((one) => onceListeners.has(one as object));
  if (taken) throw new ServerError("HF_ONCE_TWICE", `"${event}"`);
  const listener = (...args: unknown[]): void => {
    const last = args[args.length - 1];
    const ack = typeof last === "function" ? (last as Anything) : undefined;
    if (ack !== undefined) args.pop();
    const call = { socket, event, args, ack, idOf, handler: handler as Anything };
    void keeper.onceCalls.take(call);
  };
  // Node's emitters take a listener off by the function that it stands for.
  listener.listener = handler;
  onceListeners.add(listener);
  return listener;
}

function readOnce(event: string, options: unknown): Anything {
  const once: unknown =
    typeof options === "object" && options !== null && "once" in options ? options.once : undefined;
  if (typeof once === "function") return once as Anything;
  throw new ServerError(
    "HF_OPTION_INVALID",
    `the options of on("${event}") are ${show(options)}; accepted: { once: (…args) => id }`,
  );
}
