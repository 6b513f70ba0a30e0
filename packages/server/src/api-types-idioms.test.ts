/** Idioms of applications written for Socket.IO that must compile here too: each did not once. */
import type { IncomingMessage } from "node:http";
import { describe, expectTypeOf, it } from "vitest";
import type { DefaultEventsMap, Namespace, Server, ServerOptions, Socket } from "./index.ts";

/** Reads as code of an application; only the compiler runs it. */
function compiles<Subject>(_code: (subject: Subject) => unknown): void {}

type With<Data> = Server<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, Data>;
type NamespaceWith<Data> = Namespace<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, Data>;

describe("what applications do with values", () => {
  it("take a server whose sockets have more data", () => {
    // Against the sources the compiler's answer depends on what it compared before; against the built types it does not.
    compiles<With<{ user: string }>>((io): With<unknown> => io);
    compiles<With<{ user: string }>>((io): With<object> => io);
    compiles<NamespaceWith<{ user: string }>>((namespace): NamespaceWith<unknown> => namespace);
    compiles<With<never>>((io): Server => io);
  });

  it("look into the details of a disconnection", () => {
    compiles<Socket>((socket) => {
      socket.on("disconnect", (_reason, details) => expectTypeOf(details).toBeAny());
      socket.on("disconnecting", (_reason, details: Error) => details.message);
    });
  });

  it("take the request for the one of their framework", () => {
    compiles<Socket>((socket) => [
      (socket.request as IncomingMessage & { user: string }).user,
      (socket.conn.request as IncomingMessage & { user: string }).user,
      (socket.client.request as IncomingMessage & { user: string }).user,
    ]);
  });

  it("take the address for a string", () => {
    compiles<Socket>((socket) => {
      expectTypeOf(socket.conn.remoteAddress).toEqualTypeOf<string>();
    });
  });

  it("give the middlewares of a framework to the engine", () => {
    type FrameworkRequest = IncomingMessage & { user: string };
    compiles<Server>((io) => {
      io.engine.use((request: FrameworkRequest, _response: object, next: (error?: Error) => void) =>
        next(request.user ? undefined : new Error("refused")),
      );
    });
  });

  it("give sessions of a WebTransport server to the engine", () => {
    compiles<Server>((io) => io.engine.onWebTransportSession({} as object));
  });

  it("use the WebSocket engine of the options", () => {
    expectTypeOf<ServerOptions["wsEngine"]>().toBeAny();
  });
});
