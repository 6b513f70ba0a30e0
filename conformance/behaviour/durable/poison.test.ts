/** An entry that a client cannot take is set aside for its session, and the rest goes on. */
import { expect, it, vi } from "vitest";
import { jsonOf, RawWebSocket, start, until } from "../../support/clients.ts";

it('WIRE 11f: after five connections that ended on it, replayed alone, with a gap "skipped"', async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const server = await start({ store: "memory" });
  server.io.on("connection", (socket) => {
    // At once, so that a poll that was not answered is not what ends it.
    void socket.join("room");
  });
  // A client that gives up on a packet answers nothing after it.
  const open = async () => {
    const raw = await RawWebSocket.open(server);
    raw.answersPings = false;
    return raw;
  };
  const first = await open();
  const { pid } = jsonOf(await first.join()) as { pid: string };
  for (const event of ["poison", "after"]) server.io.to("room").emit(event);

  const sent: string[][] = [];
  let raw = first;
  for (let connection = 0; connection < 8; connection++) {
    if (connection > 0) {
      raw = await open();
      await raw.send(`40${JSON.stringify({ pid })}`);
    }
    const frames = () => raw.received.map(String).filter((frame) => frame.startsWith('42["'));
    await until(
      () => frames().some((frame) => frame.includes("poison") || frame.includes("after")),
      "an entry",
    );
    sent.push(frames());
    if (!frames().some((frame) => frame.includes("poison"))) break;
    if (sent.length === 8) break;
    const socket = [...server.io.sockets.sockets.values()][0];
    raw.close();
    await until(() => socket?.connected !== true, "the end of the connection");
  }
  const poisoned = sent.filter((frames) => frames.some((frame) => frame.includes("poison")));
  expect(poisoned).toHaveLength(5);
  // From the second time on nothing follows it.
  for (const frames of poisoned.slice(1)) expect(frames.join()).not.toContain("after");
  const last = sent.at(-1)?.join() ?? "";
  expect(last).toContain("after");
  expect(last).toContain('"reason":"skipped"');
  expect(log).toHaveBeenCalledOnce();
  log.mockRestore();
});
