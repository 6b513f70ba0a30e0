/** JSONP polling (`j=`): answers are calls of `___eio[n]`, bodies are form fields. */
import { describe, expect, it } from "vitest";
import { ask, serve } from "./session.ts";

/** What the script passes to `___eio[n]`. */
function callOf(script: string, n = ""): string {
  const prefix = `___eio[${n}](`;
  expect(script.startsWith(prefix)).toBe(true);
  expect(script.endsWith(");")).toBe(true);
  return JSON.parse(script.slice(prefix.length, -2)) as string;
}

/** The body that a page's form sends for a payload: line feeds are escaped once more, then the field is encoded. */
function formOf(payload: string): string {
  const escaped = payload.replaceAll("\\n", "\\\\n").replaceAll("\n", "\\n");
  return `d=${encodeURIComponent(escaped)}`;
}

const form = { "content-type": "application/x-www-form-urlencoded" };

async function open(j = "0") {
  const server = await serve();
  const messages: unknown[] = [];
  server.engine.on("connection", (connection) => {
    connection.on("message", (data: unknown) => messages.push(data));
  });
  const answer = await ask(server, { j });
  const packet = callOf(answer.text, j.replace(/[^0-9]/g, ""));
  const sid = JSON.parse(packet.slice(1)).sid as string;
  return { server, sid, messages, answer, connection: server.engine.clients[sid] };
}

describe("GET", () => {
  it("is answered with a script", async () => {
    const { answer, connection } = await open("7");
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("text/plain; charset=UTF-8");
    expect(answer.text).toMatch(/^___eio\[7\]\("0\{\\"sid\\":/);
    expect(connection?.transport.name).toBe("polling");
  });

  it.each(["alert(1)", "1];alert(2);[", "</script>", "", "-1", "1.5"])(
    "lets nothing but digits of j through: %j",
    async (j) => {
      const server = await serve();
      const { text } = await ask(server, { j });
      expect(text.startsWith(`___eio[${j.replace(/[^0-9]/g, "")}]("0{`)).toBe(true);
    },
  );

  it("gives the payload as a string of JavaScript", async () => {
    const { server, sid, connection } = await open();
    const odd = "quotes \" ' \\ and\nlines\u2028\u2029 ä🙂";
    connection?.send(odd);
    connection?.send(Buffer.from([1, 2, 3]));
    const { text } = await ask(server, { sid, j: "0" });
    expect(callOf(text, "0")).toBe(`4${odd}\x1ebAQID`);
    expect(text).not.toMatch(/[\u2028\u2029\n]/);
  });

  it("keeps the number of the first request", async () => {
    const { server, sid, connection } = await open("3");
    connection?.send("x");
    expect(callOf((await ask(server, { sid, j: "4" })).text, "3")).toBe("4x");
  });
});

describe("POST", () => {
  const payloads = [
    "4hello",
    "4one\x1e4two",
    "bAQID",
    "4line\nfeed",
    "4back\\slash",
    "4escaped\\nline feed",
    "4ä€🙂 & = + %",
    "4",
  ];
  it.each(payloads)("%j", async (payload) => {
    const { server, sid, messages } = await open();
    const init = { method: "POST", headers: form, body: formOf(payload) };
    const answer = await ask(server, { sid, j: "0" }, init);
    expect([answer.status, answer.text]).toEqual([200, "ok"]);
    const expected = payload
      .split("\x1e")
      .map((packet) =>
        packet.startsWith("b") ? Buffer.from(packet.slice(1), "base64") : packet.slice(1),
      );
    expect(messages.map((data) => data ?? "")).toEqual(expected);
  });

  it.each(["", "e=4x", "d=4a&d=4b", "%"])(
    "without a field d is answered and not heard: %j",
    async (body) => {
      const { server, sid, messages } = await open();
      const answer = await ask(server, { sid, j: "0" }, { method: "POST", headers: form, body });
      expect([answer.status, answer.text]).toEqual([200, "ok"]);
      expect(messages).toEqual([]);
      expect(server.engine.clientsCount).toBe(1);
    },
  );

  it("with a packet that cannot be decoded ends the session", async () => {
    const { server, sid } = await open();
    const init = { method: "POST", headers: form, body: "d=9" };
    expect((await ask(server, { sid, j: "0" }, init)).text).toBe("ok");
    expect(server.engine.clientsCount).toBe(0);
  });
});

it("compresses long scripts as other answers", async () => {
  const { server, sid, connection } = await open();
  connection?.send("x".repeat(2000));
  const answer = await ask(server, { sid, j: "0" }, { headers: { "accept-encoding": "gzip" } });
  expect(answer.headers["content-encoding"]).toBe("gzip");
});
