/** What the bench of the durable part gives the servers besides their defaults: a store, and patience with who rests. */
import type { ServerOptions } from "socket.io";

const text = process.env["HOLDFAST_BENCH_OPTIONS"];

export const options =
  text === undefined ? undefined : (JSON.parse(text) as Partial<ServerOptions>);
