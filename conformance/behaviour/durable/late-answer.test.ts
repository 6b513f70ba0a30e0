/** An answer that comes when another connection has taken the session over: it is for nobody any more. */
import { expect, it } from "vitest";
import { collect, inside, next, nextSocket, start, stock, until } from "../../support/clients.ts";

it("is not taken for the answer to a call of the new connection (I20)", async () => {
  const server = await start({ store: "memory" });
  const chat = server.io.of("/chat");
  const replies = new Map<string, (text: string) => void>();
  chat.on("connection", (socket) => {
    socket.on("ask", (who: string, reply: (text: string) => void) => replies.set(who, reply));
  });
  // Its connection stays when /chat is taken over: it has another namespace.
  const other = stock(server);
  const first = other.io.socket("/chat");
  const connected = nextSocket(chat);
  first.connect();
  await Promise.all([next(other, "connect"), connected]);
  const answers: string[] = [];
  const ask = (client: typeof first, who: string) =>
    client.emit("ask", who, (text: string) => answers.push(`${who} got ${text}`));
  ask(first, "first");
  await until(() => replies.has("first"), "the first call");

  const { _pid: pid } = inside<{ _pid: string }>(first);
  const second = stock(server, "/chat", { auth: { pid }, forceNew: true });
  const heard = collect(second, "told");
  await next(second, "connect");
  ask(second, "second");
  await until(() => replies.has("second"), "the second call");
  replies.get("first")?.("the first answer");
  replies.get("second")?.("the second answer");
  chat.emit("told");
  await until(() => heard.length === 1, "what came after the answers");
  expect(answers).toEqual(["second got the second answer"]);
  expect(other.connected).toBe(true);
});
