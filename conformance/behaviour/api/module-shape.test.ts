/** The names that the modules export. The shapes of the built package (CommonJS, callable, types) are tested on the packed one. */
import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { pair, start } from "../../support/clients.ts";
import { loadEngineIo, loadSocketIo } from "../../support/target.ts";

const main = await loadSocketIo();
const engine = await loadEngineIo();

describe("the main module", () => {
  it.each(["Server", "Namespace", "Socket"])("exports the class %s", (name) => {
    expect((main as unknown as Record<string, unknown>)[name]).toBeTypeOf("function");
    expect((main as unknown as Record<string, { name: string }>)[name]?.name).toBe(name);
  });

  it("what an application holds are instances of them", async () => {
    const server = await start();
    const [socket] = await pair(server);
    expect(server.io).toBeInstanceOf(main.Server);
    expect(server.io).toBeInstanceOf(EventEmitter);
    expect(server.io.of("/x")).toBeInstanceOf(main.Namespace);
    expect(server.io.of("/x")).toBeInstanceOf(EventEmitter);
    expect(server.io.of(/^\/y$/)).toBeInstanceOf(main.Namespace);
    expect(socket).toBeInstanceOf(main.Socket);
    expect(socket).toBeInstanceOf(EventEmitter);
    expect(server.io.engine).toBeInstanceOf(engine.Server);
    expect(socket.conn).toBeInstanceOf(engine.Socket);
  });

  it("classes can be extended", async () => {
    class Mine extends main.Server {
      greet() {
        return this.emit("hello");
      }
    }
    expect(new Mine().greet()).toBe(true);
  });
});

describe("the engine module", () => {
  it.each(["Server", "Socket", "Transport", "listen", "attach"])("exports %s", (name) => {
    expect((engine as unknown as Record<string, unknown>)[name]).toBeTypeOf("function");
  });

  it("exports the protocol's number, the parser and the transports", () => {
    expect(engine.protocol).toBe(4);
    const { parser, transports } = engine as unknown as {
      parser: Record<string, unknown>;
      transports: Record<string, unknown>;
    };
    expect(parser["protocol"]).toBe(4);
    for (const name of ["encodePacket", "decodePacket", "encodePayload", "decodePayload"]) {
      expect([name, typeof parser[name]]).toEqual([name, "function"]);
    }
    expect(Object.keys(transports).sort()).toEqual(["polling", "websocket", "webtransport"]);
  });
});
