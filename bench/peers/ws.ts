/** Peer: bare ws. No Socket.IO: it relays the bytes to the room, or echoes them. A floor, not an equal. */
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { listening } from "./control.ts";

const rooms = new Map<string, Set<WebSocket>>();

function membersOf(room: string): Set<WebSocket> {
  let members = rooms.get(room);
  if (members === undefined) {
    members = new Set();
    rooms.set(room, members);
  }
  return members;
}

const echoStart = Buffer.from('["echo"');
/** `42["msg",…` is broadcast; `42<ack id>["echo",…` goes back. */
const isEcho = (data: Buffer) => data.subarray(0, 32).includes(echoStart);

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });

server.on("connection", (socket, request) => {
  const query = new URL(request.url ?? "/", "http://bench").searchParams;
  const room = query.get("room");
  if (room !== null) membersOf(room).add(socket);
  const targets = membersOf(query.get("to") ?? room ?? "");
  socket.on("message", (data: Buffer) => {
    if (isEcho(data)) {
      socket.send(data, { binary: false });
    } else {
      for (const member of targets) member.send(data, { binary: false });
    }
  });
});

server.on("listening", () => listening((server.address() as AddressInfo).port));
