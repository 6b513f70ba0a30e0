/** Peer: ours, with its defaults. The bench says which build: the package's, or one made from the sources. */
import type { Server } from "socket.io";
import { serveChat } from "./chat-app.ts";
import { options } from "./options.ts";

const specifier = process.env["HOLDFAST_BENCH_MODULE"] ?? "holdfast";
const holdfast = (await import(specifier)) as { Server: typeof Server };

serveChat(holdfast.Server, options);
