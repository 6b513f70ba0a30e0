/** Peer: bare uWebSockets.js with its native publish. No Socket.IO: a floor, not an equal. */
import uWebSockets from "uwebsockets";
import { listening } from "./control.ts";

interface UserData {
  readonly room: string | undefined;
  readonly to: string;
}

const echoStart = Buffer.from('["echo"');
const isEcho = (data: ArrayBuffer) => Buffer.from(data, 0, 32).includes(echoStart);

const app = uWebSockets.App();

app.ws<UserData>("/*", {
  maxBackpressure: 16 * 1024 * 1024,
  upgrade(response, request, context) {
    const room = request.getQuery("room");
    response.upgrade<UserData>(
      { room, to: request.getQuery("to") ?? room ?? "" },
      request.getHeader("sec-websocket-key"),
      request.getHeader("sec-websocket-protocol"),
      request.getHeader("sec-websocket-extensions"),
      context,
    );
  },
  open(socket) {
    const { room } = socket.getUserData();
    if (room !== undefined) socket.subscribe(room);
  },
  message(socket, data) {
    if (isEcho(data)) {
      socket.send(data, false);
    } else {
      app.publish(socket.getUserData().to, data, false);
    }
  },
});

app.listen("127.0.0.1", 0, (token) => {
  if (token === false) throw new Error("uWebSockets does not listen");
  listening(uWebSockets.us_socket_local_port(token));
});
