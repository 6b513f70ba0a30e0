/** What is emitted before the store is open, to sessions that it knows. */
import http from "node:http";
import { Server } from "holdfast";
import { expect, it } from "vitest";
import { closeWithTest, collect, next, nextSocket, portOf, stock } from "../../support/clients.ts";
import { marked, numbers, reconnecting } from "../../support/durable.ts";
import { newFolder } from "../../support/folder.ts";

async function listenOn(httpServer: http.Server, port: number): Promise<number> {
  await new Promise<void>((resolve) => httpServer.listen(port, "127.0.0.1", resolve));
  return portOf(httpServer);
}

it("finds the session by the id of its socket", async () => {
  const store = newFolder();
  const httpServer = http.createServer();
  const first = new Server(httpServer, { store });
  closeWithTest(first);
  const port = await listenOn(httpServer, 0);
  const connected = nextSocket(first);
  const client = stock({ url: `http://127.0.0.1:${port}` }, "/", reconnecting);
  const heard = collect(client, "n");
  const [{ id }] = await Promise.all([connected, next(client, "connect")]);
  await first.close();

  const again = http.createServer();
  const second = new Server(again, { store });
  closeWithTest(second);
  second.to(id).emit("n", 1);
  second.except(id).emit("n", 2);
  const published = second.to(id).publish("n", 3);
  const back = nextSocket(second);
  await listenOn(again, port);
  await marked(await back, client);
  expect(numbers(heard)).toEqual([1, 3]);
  expect((await (await published).missing()).length).toBeLessThan(2);
});
