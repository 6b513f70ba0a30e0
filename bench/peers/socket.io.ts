/** Peer: npm socket.io on ws, with its defaults. */
import { Server } from "socket.io";
import { serveChat } from "./chat-app.ts";
import { options } from "./options.ts";

serveChat(Server, options);
