/** A server with another machine under the internal key takes time and chance from there, and only from there. */
import { expect, it } from "vitest";
import { Server } from "../server.ts";
import { type Host, nodeHost, simulation } from "./host.ts";

it("is what the server and its engine use", () => {
  const host: Host = { ...nodeHost, newId: () => "simulated-identifier" };
  const options = { serveClient: true, [simulation]: { host } };
  expect(new Server(options)._host).toBe(host);
  expect(new Server(undefined, options)._host.newId()).toBe("simulated-identifier");
  expect(new Server()._host).toBe(nodeHost);
});
