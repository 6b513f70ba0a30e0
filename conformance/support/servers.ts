/** Engine.IO and Socket.IO servers of the chosen target on a free port of 127.0.0.1, with nothing left after `close()`. */
import { once } from "node:events";
import http from "node:http";
import type { Socket as TcpSocket } from "node:net";
import type { ServerOptions, Server as SocketIoServer } from "holdfast";
import type { AttachOptions, ServerOptions as EngineOptions } from "holdfast/engine";
import { portOf, within } from "./clients.ts";
import { loadEngineIo, loadSocketIo, type TargetName, targetName } from "./target.ts";

export type Engine = InstanceType<Awaited<ReturnType<typeof loadEngineIo>>["Server"]>;
export type EngineConnection = InstanceType<Awaited<ReturnType<typeof loadEngineIo>>["Socket"]>;
export type EngineServerOptions = EngineOptions & AttachOptions;

export interface Listening {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  readonly httpServer: http.Server;
  /** The TCP connections that are open, on the server's side. */
  readonly tcpSockets: ReadonlySet<TcpSocket>;
  /** Closes the server and ends every TCP connection to it. */
  close(): Promise<void>;
}

export interface EngineServer extends Listening {
  readonly engine: Engine;
}

export interface SocketIoTestServer extends Listening {
  readonly io: SocketIoServer;
}

/** An Engine.IO server, on the path `/engine.io/`. */
export async function startEngine(
  options: EngineServerOptions = {},
  target: TargetName = targetName,
): Promise<EngineServer> {
  const { attach } = await loadEngineIo(target);
  const httpServer = http.createServer();
  const engine = attach(httpServer, options);
  return { ...(await listening(httpServer, () => engine.close())), engine };
}

/** An Engine.IO server that sends every message back. */
export async function startEcho(options: EngineServerOptions = {}): Promise<EngineServer> {
  const server = await startEngine(options);
  server.engine.on("connection", (connection: EngineConnection) => {
    connection.on("message", (data: string | Buffer) => connection.send(data));
  });
  return server;
}

/** A Socket.IO server, on the path `/socket.io/`. */
export async function startSocketIo(
  options: Partial<ServerOptions> = {},
  target: TargetName = targetName,
): Promise<SocketIoTestServer> {
  const { Server } = await loadSocketIo(target);
  const httpServer = http.createServer();
  const io = new Server(httpServer, options);
  // Closing the engine is enough: the http server is closed below, once.
  return { ...(await listening(httpServer, () => io.engine.close())), io };
}

async function listening(httpServer: http.Server, closeEngine: () => void): Promise<Listening> {
  const tcpSockets = new Set<TcpSocket>();
  httpServer.on("connection", (socket: TcpSocket) => {
    tcpSockets.add(socket);
    socket.once("close", () => tcpSockets.delete(socket));
  });
  httpServer.listen(0, "127.0.0.1");
  await once(httpServer, "listening");
  const port = portOf(httpServer);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    httpServer,
    tcpSockets,
    async close() {
      closeEngine();
      for (const socket of tcpSockets) socket.destroy();
      if (httpServer.listening) {
        await within(new Promise((resolve) => httpServer.close(resolve)), "the http server");
      }
    },
  };
}
