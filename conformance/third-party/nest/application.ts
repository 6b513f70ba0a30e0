/** A Nest application as people write it, decorators and all, and what it is compiled to. */
import ts from "typescript";

const source = `
import "reflect-metadata";
import { createRequire } from "node:module";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { IoAdapter } from "@nestjs/platform-socket.io";
import {
  Ack, ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway, WebSocketServer, WsException,
} from "@nestjs/websockets";
import { of } from "rxjs";
import { type Namespace, Server, type Socket } from "socket.io";

@WebSocketGateway()
class EventsGateway {
  @WebSocketServer() server: Server;
  seen: string[] = [];
  afterInit(server: Server) { this.seen.push("init " + (server instanceof Server)); }
  handleConnection(client: Socket) { this.seen.push("connected"); client.emit("welcome", client.id); }
  handleDisconnect() { this.seen.push("disconnected"); this.server.emit("seen", this.seen); }
  @SubscribeMessage("event") event(@MessageBody() data: unknown) { return { event: "answer", data }; }
  @SubscribeMessage("stream") stream() { return of({ event: "part", data: 1 }, { event: "part", data: 2 }); }
  @SubscribeMessage("ack") reply(@MessageBody() data: unknown) { return data; }
  @SubscribeMessage("ack by hand") byHand(@MessageBody() data: unknown, @Ack() ack: (answer: unknown) => void) { ack({ got: data }); }
  @SubscribeMessage("fail") fail() { throw new WsException("no such thing"); }
  @SubscribeMessage("module") module() {
    const from = createRequire(import.meta.resolve("@nestjs/platform-socket.io"));
    return { name: from("socket.io/package.json").name, same: from("socket.io").Server === this.server.constructor };
  }
}

@WebSocketGateway({ namespace: "rooms" })
class RoomsGateway {
  @WebSocketServer() namespace: Namespace;
  @SubscribeMessage("join") async join(@MessageBody() room: string, @ConnectedSocket() client: Socket) {
    await client.join(room);
    return [...client.rooms].length;
  }
  @SubscribeMessage("say") say(@MessageBody() { room, text }: { room: string; text: string }) {
    this.namespace.to(room).emit("said", text);
  }
}

@Module({ providers: [EventsGateway, RoomsGateway] })
class AppModule {}

class GuardedAdapter extends IoAdapter {
  createIOServer(port: number, options?: object) {
    const server = super.createIOServer(port, { ...options, pingInterval: 12345 });
    server.use((socket: Socket, next: (error?: Error) => void) => {
      next(socket.handshake.auth.token === "wrong" ? new Error("wrong token") : undefined);
    });
    return server;
  }
}

const app = await NestFactory.create(AppModule, { logger: ["error"] });
app.useWebSocketAdapter(new GuardedAdapter(app));
await app.listen(0, "127.0.0.1");
process.on("message", async () => {
  await app.close();
  process.disconnect();
});
process.send?.({ port: app.getHttpServer().address().port });
`;

/** The application as a module of JavaScript. */
export function compileApplication(): string {
  return ts.transpileModule(source, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      useDefineForClassFields: false,
    },
  }).outputText;
}
