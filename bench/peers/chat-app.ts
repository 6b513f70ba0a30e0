/** The application that both Socket.IO servers run, word for word the same. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Server, ServerOptions } from "socket.io";
import { listening } from "./control.ts";

type Reply = (value: unknown) => void;

/** @param options undefined: the defaults, which is what the peers are compared with */
export function serveChat(ServerClass: typeof Server, options?: Partial<ServerOptions>): void {
  const http = createServer();
  const io = new ServerClass(http, options);

  io.on("connection", (socket) => {
    const { room, to = room } = socket.handshake.query;
    if (typeof room === "string") void socket.join(room);
    if (typeof to === "string") socket.on("msg", (event: unknown) => io.to(to).emit("msg", event));
    socket.on("echo", (event: unknown, reply: Reply) => reply(event));
  });

  http.listen(0, "127.0.0.1", () => listening((http.address() as AddressInfo).port));
}
