/** Peer: npm socket.io on ws, with its defaults. */
import { Server } from "socket.io";
import { serveChat } from "./chat-app.ts";

serveChat(Server);
