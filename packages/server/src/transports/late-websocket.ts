/**
 * A `ws` WebSocket on a connection that was upgraded without it.
 *
 * Most connections send nothing but whole text frames, which are read before they come to `ws`, and get nothing but
 * ready-made ones. For these `ws` is a third of the memory and a seventh of the handshake. It joins when something comes
 * that is its business (a control frame, a fragment, the end), and when somebody asks for the WebSocket.
 */
import { Duplex } from "node:stream";
import { WebSocketServer, type ServerOptions as WsServerOptions } from "ws";
import { makeRequest } from "../host/http.ts";
import type { TransportWebSocket } from "./websocket.ts";

const noBytes = Buffer.alloc(0);

/** Which key it has does not matter to anybody any more. */
const plainRequest = makeRequest({
  upgrade: "websocket",
  connection: "upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
});

export class LateWebSockets {
  /** Apart from the engine's own, whose listeners have seen the handshake already. */
  readonly #server: InstanceType<typeof WebSocketServer<typeof TransportWebSocket>>;

  constructor(options: WsServerOptions<typeof TransportWebSocket>) {
    this.#server = new WebSocketServer(options);
  }

  /** Has `ws` serve an upgraded connection from here on. It must not have been given any of its frames. */
  join(stream: Duplex): TransportWebSocket {
    return this.#handshake(stream) ?? this.#ended();
  }

  /** The handshake is over: what `ws` answers to it goes nowhere. */
  #handshake(stream: Duplex): TransportWebSocket | undefined {
    let made: TransportWebSocket | undefined;
    const { write } = stream;
    stream.write = () => true;
    try {
      this.#server.handleUpgrade(plainRequest, stream, noBytes, (websocket) => {
        made = websocket;
      });
    } finally {
      stream.write = write;
    }
    return made;
  }

  /** `ws` takes no stream that has ended. For whoever asks then, there is one that goes with it. */
  #ended(): TransportWebSocket {
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const made = this.#handshake(stream);
    if (made === undefined) throw new Error("ws did not take a plain handshake");
    made.terminate();
    return made;
  }
}
