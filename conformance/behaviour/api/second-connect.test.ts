/** A client that asks for a namespace again before it is in: whatever it gets there ends with its connection. */
import { expect, it } from "vitest";
import { nextSocket, RawWebSocket, start, until } from "../../support/clients.ts";

it("two CONNECTs at once leave no socket behind", async () => {
  const server = await start();
  const { io } = server;
  let waiting = 0;
  const proceeds: (() => void)[] = [];
  io.use((_socket, proceed) => {
    waiting++;
    proceeds.push(proceed);
  });
  const client = await RawWebSocket.open(server);
  await client.send("40", "40");
  await until(() => waiting === 2, "both wait");
  const connected = nextSocket(io);
  for (const proceed of proceeds) proceed();
  await connected;
  await until(() => io.sockets.sockets.size === 2, "both are in");
  client.close();
  await client.finished();
  await until(() => io.sockets.sockets.size === 0, "both have gone");
  expect(io.sockets.adapter.sids.size).toBe(0);
});
