/** The option `receiptInterval`: how often a client is asked to confirm what it was sent. */
import { expect, it } from "vitest";
import { nextSocket, pass, RawWebSocket, start } from "../../support/clients.ts";

/** After 64 turns with events a client is asked whatever the interval is. */
const turns = 60;

/** Sends events, each in a turn of its own, `apartMs` apart. @returns the pings that came between */
async function pingsAmong(receiptInterval: string, apartMs: number): Promise<number> {
  const server = await start({ store: "memory", receiptInterval });
  const serverSide = nextSocket(server.io);
  const raw = await RawWebSocket.open(server);
  raw.answersPings = false;
  await raw.join();
  const socket = await serverSide;
  let pings = 0;
  for (let n = 1; n <= turns; n++) {
    socket.emit("n", n);
    for (let frame = ""; !frame.startsWith('42["n"'); ) {
      frame = String(await raw.next());
      if (frame !== "2") continue;
      pings++;
      await raw.send("3");
    }
    await pass(apartMs);
  }
  return pings;
}

it("asks again after it", async () => {
  expect(await pingsAmong("10ms", 12)).toBeGreaterThan(10);
});

it("does not ask before", async () => {
  expect(await pingsAmong("1m", 1)).toBeLessThanOrEqual(1);
});
