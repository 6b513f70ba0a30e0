/** Peer: ours, with its defaults. The bench says which build: the package's, or one made from the sources. */
import type { Server, ServerOptions } from "socket.io";
import { serveChat } from "./chat-app.ts";

const specifier = process.env["HOLDFAST_BENCH_MODULE"] ?? "holdfast";
const holdfast = (await import(specifier)) as { Server: typeof Server };
/** Only the bench of the durable part gives any: a store. */
const options = process.env["HOLDFAST_BENCH_OPTIONS"];

serveChat(
  holdfast.Server,
  options === undefined ? undefined : (JSON.parse(options) as Partial<ServerOptions>),
);
