/** Long-polling: what GET and POST are answered with, and which of them end the session. */
import { describe, expect, it, onTestFinished } from "vitest";
import { collect, next, until, within } from "../../support/clients.ts";
import { RawConnection, requestBytes } from "../../support/raw-http.ts";
import { ask, openPolling, path, pendingGet, queryOf, serve } from "./session.ts";

const target = (sid: string) => `${path}?${queryOf({ sid })}`;

/** The session is over: requests of its id find nobody. */
async function expectGone(server: Parameters<typeof ask>[0], sid: string): Promise<void> {
  const answer = await ask(server, { sid });
  expect([answer.status, JSON.parse(answer.text)]).toEqual([
    400,
    { code: 1, message: "Session ID unknown" },
  ]);
  expect(server.engine.clients).not.toHaveProperty(sid);
}

describe("GET", () => {
  it("is answered with everything that waits, in one payload", async () => {
    const server = await serve();
    const { client, connection } = await openPolling(server);
    connection.send("one");
    connection.send(Buffer.from([1, 2, 3]));
    connection.send("three");
    const answer = await client.get();
    expect([answer.status, answer.text]).toEqual([200, "4one\x1ebAQID\x1e4three"]);
    expect(answer.headers["content-type"]).toBe("text/plain; charset=UTF-8");
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(answer.headers["content-length"]).toBe(`${answer.bytes.length}`);
    expect(answer.headers).not.toHaveProperty("content-encoding");
  });

  it("waits until there is something", async () => {
    const server = await serve();
    const session = await openPolling(server);
    const { answer } = await pendingGet(session);
    session.connection.send("at last");
    expect((await answer).text).toBe("4at last");
  });

  it("is answered with what one turn of the loop brings, in order", async () => {
    const server = await serve();
    const session = await openPolling(server);
    const { answer } = await pendingGet(session);
    for (let i = 0; i < 10; i++) session.connection.send(`${i}`);
    let text = (await answer).text;
    while (text.split("\x1e").length < 10) text += `\x1e${(await session.client.get()).text}`;
    expect(text).toBe(Array.from({ length: 10 }, (_, i) => `4${i}`).join("\x1e"));
  });

  it("makes two of them overlap: the first gets a close, the second 400, the session ends", async () => {
    const server = await serve();
    const session = await openPolling(server);
    const { answer } = await pendingGet(session);
    const second = await ask(server, { sid: session.sid });
    expect([second.status, second.text]).toEqual([400, ""]);
    expect((await answer).text).toBe("1");
    expect(session.reasons()).toEqual(["transport error"]);
    await expectGone(server, session.sid);
  });

  it("aborted by the client ends the session", async () => {
    const server = await serve();
    const { sid, connection, reasons } = await openPolling(server);
    const transport = connection.transport as unknown as { writable: boolean };
    const raw = await RawConnection.open(server);
    await raw.write(requestBytes({ target: target(sid) }));
    await until(() => transport.writable, "the GET is pending");
    raw.reset();
    await until(() => reasons().length > 0, "the session closes");
    expect(reasons()).toEqual(["transport error"]);
    await expectGone(server, sid);
  });

  it("may come on the connection of the one before", async () => {
    const server = await serve();
    const { sid, connection } = await openPolling(server);
    const raw = await RawConnection.open(server);
    onTestFinished(() => raw.destroy());
    for (let i = 0; i < 5; i++) {
      connection.send(`${i}`);
      expect((await raw.request({ target: target(sid) })).text).toBe(`4${i}`);
      const post = await raw.request({ method: "POST", target: target(sid), body: "4x" });
      expect(post.text).toBe("ok");
    }
  });

  it("of old versions of Internet Explorer is answered with a header for them", async () => {
    const server = await serve();
    for (const agent of ["Mozilla/4.0 (compatible;MSIE 8.0)", "Mozilla/5.0 Trident/7.0"]) {
      const answer = await ask(server, {}, { headers: { "User-Agent": agent } });
      expect(answer.headers["x-xss-protection"]).toBe("0");
    }
    expect((await ask(server)).headers).not.toHaveProperty("x-xss-protection");
  });
});

describe("POST", () => {
  it("is answered with ok, and its packets are heard in order", async () => {
    const server = await serve();
    const { client, messages } = await openPolling(server);
    const answer = await client.post("4one\x1ebAQID\x1e4\x1e4three");
    expect([answer.status, answer.text]).toEqual([200, "ok"]);
    expect(answer.headers["content-type"]).toBe("text/html");
    expect(answer.headers["content-length"]).toBe("2");
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(messages().map((data) => data ?? "")).toEqual([
      "one",
      Buffer.from([1, 2, 3]),
      "",
      "three",
    ]);
  });

  it.each(["text/plain", "text/plain;charset=UTF-8", "application/json", undefined])(
    "may have the content type %s",
    async (type) => {
      const server = await serve();
      const { sid, messages } = await openPolling(server);
      const headers = type === undefined ? {} : { "content-type": type };
      const answer = await ask(server, { sid }, { method: "POST", headers, body: "4ä€🙂" });
      expect([answer.status, messages()]).toEqual([200, ["ä€🙂"]]);
    },
  );

  it("with application/octet-stream is refused, and the session ends", async () => {
    const server = await serve();
    const session = await openPolling(server);
    const { answer } = await pendingGet(session);
    const headers = { "content-type": "application/octet-stream" };
    const post = await session.client.post("4x", headers);
    expect([post.status, post.text]).toEqual([400, ""]);
    expect((await answer).text).toBe("1");
    expect([session.reasons(), session.messages()]).toEqual([["transport error"], []]);
  });

  it("beside a pending GET does not answer that", async () => {
    const server = await serve();
    const session = await openPolling(server);
    const { answer } = await pendingGet(session);
    await session.client.post("4x");
    expect(session.messages()).toEqual(["x"]);
    session.connection.send("y");
    expect((await answer).text).toBe("4y");
  });

  it("may come in chunks, cut within characters", async () => {
    const server = await serve();
    const { sid, messages } = await openPolling(server);
    const raw = await RawConnection.open(server);
    onTestFinished(() => raw.destroy());
    const body = "4grüße 日本語 🙂\x1e4more";
    await raw.write(requestBytes({ method: "POST", target: target(sid), body }), 1);
    expect((await raw.answer()).text).toBe("ok");
    expect(messages()).toEqual(["grüße 日本語 🙂", "more"]);
  });

  it("may have a chunked body", async () => {
    const server = await serve();
    const { sid, messages } = await openPolling(server);
    const raw = await RawConnection.open(server);
    onTestFinished(() => raw.destroy());
    const answer = await raw.request({
      method: "POST",
      target: target(sid),
      headers: [["Transfer-Encoding", "chunked"]],
      body: "3\r\n4ab\r\n2\r\ncd\r\n0\r\n\r\n",
    });
    expect([answer.text, messages()]).toEqual(["ok", ["abcd"]]);
  });

  it("makes two of them overlap: the second gets 400, the session ends", async () => {
    const server = await serve();
    const session = await openPolling(server);
    const { answer } = await pendingGet(session);
    const raw = await RawConnection.open(server);
    onTestFinished(() => raw.destroy());
    const first = requestBytes({ method: "POST", target: target(session.sid), body: "4first" });
    const arrived = next(server.httpServer, "request");
    await raw.write(first.subarray(0, -2));
    await arrived;
    const second = await session.client.post("4second");
    expect([second.status, second.text]).toEqual([400, ""]);
    expect((await answer).text).toBe("1");
    expect([session.reasons(), session.messages()]).toEqual([["transport error"], []]);
    await raw.finished();
    await expectGone(server, session.sid);
  });

  it("aborted by the client ends the session", async () => {
    const server = await serve();
    const { sid, reasons, messages } = await openPolling(server);
    const raw = await RawConnection.open(server);
    const arrived = next(server.httpServer, "request");
    await raw.write(
      requestBytes({ method: "POST", target: target(sid), body: "4x" }).subarray(0, -1),
    );
    await arrived;
    raw.reset();
    await until(() => reasons().length > 0, "the session closes");
    expect([reasons(), messages()]).toEqual([["transport error"], []]);
    await expectGone(server, sid);
  });
});

describe("a body of POST", () => {
  const options = { maxHttpBufferSize: 1000 };

  it("may have maxHttpBufferSize bytes", async () => {
    const server = await serve(options);
    const { client, messages } = await openPolling(server);
    expect((await client.post(`4${"x".repeat(999)}`)).text).toBe("ok");
    expect(messages()).toEqual(["x".repeat(999)]);
  });

  const tooLarge: [what: string, body: string][] = [
    ["one byte more", `4${"x".repeat(1000)}`],
    ["fewer characters, more bytes", `4${"€".repeat(400)}`],
    ["much more", `4${"x".repeat(500_000)}`],
  ];
  it.each(tooLarge)("is refused with 413, and the session goes on: %s", async (_what, body) => {
    const server = await serve(options);
    const { client, sid, messages, reasons } = await openPolling(server);
    const answer = await client.post(body);
    expect([answer.status, answer.text]).toEqual([413, ""]);
    expect((await ask(server, { sid }, { method: "POST", body: "4next" })).text).toBe("ok");
    expect([messages(), reasons()]).toEqual([["next"], []]);
  });

  it("is refused with 413 without a length, too", async () => {
    const server = await serve(options);
    const { sid, messages, reasons } = await openPolling(server);
    const raw = await RawConnection.open(server);
    onTestFinished(() => raw.destroy());
    const answer = await raw.request({
      method: "POST",
      target: target(sid),
      headers: [["Transfer-Encoding", "chunked"]],
      body: `7d0\r\n4${"x".repeat(1999)}\r\n0\r\n\r\n`,
    });
    expect(answer.status).toBe(413);
    expect([messages(), reasons()]).toEqual([[], []]);
  });
});

describe("a payload that cannot be decoded", () => {
  const bad = ["9x", "x", "", "7", "\x1e4a", "error", "undefined", "\u0000"];

  it.each(bad)("%j: ok, and the session ends", async (payload) => {
    const server = await serve();
    const session = await openPolling(server);
    const { answer } = await pendingGet(session);
    const post = await session.client.post(payload);
    expect([post.status, post.text]).toEqual([200, "ok"]);
    expect((await answer).text).toBe("1");
    expect([session.reasons(), session.messages()]).toEqual([["parse error"], []]);
    await expectGone(server, session.sid);
  });

  const partly: [payload: string, heard: string[]][] = [
    ["4a\x1e4b\x1e9\x1e4c", ["a", "b"]],
    ["4a\x1e", ["a"]],
    ["4a\x1e\x1e4b", ["a"]],
  ];
  it.each(partly)("%j: what stands before is heard", async (payload, heard) => {
    const server = await serve();
    const { client, messages, reasons } = await openPolling(server);
    expect((await client.post(payload)).text).toBe("ok");
    expect([messages(), reasons()]).toEqual([heard, ["parse error"]]);
  });
});

describe("other packets", () => {
  it.each(["0", "0{}", "3", "5", "6"])("%s changes nothing", async (packet) => {
    const server = await serve();
    const { client, messages, reasons } = await openPolling(server);
    expect((await client.post(`${packet}\x1e4after`)).text).toBe("ok");
    expect([messages(), reasons()]).toEqual([["after"], []]);
  });

  it("a close: ok, the pending GET gets a noop, the session ends", async () => {
    const server = await serve();
    const session = await openPolling(server);
    const { answer } = await pendingGet(session);
    const post = await session.client.post("4before\x1e1");
    expect([post.status, post.text]).toEqual([200, "ok"]);
    expect((await answer).text).toBe("6");
    expect([session.reasons(), session.messages()]).toEqual([["transport close"], ["before"]]);
    await expectGone(server, session.sid);
  });

  it("a close without a pending GET", async () => {
    const server = await serve();
    const { client, sid, reasons } = await openPolling(server);
    expect((await client.post("1")).text).toBe("ok");
    expect(reasons()).toEqual(["transport close"]);
    await expectGone(server, sid);
  });

  it("what comes after a close is not heard", async () => {
    const server = await serve();
    const { client, messages, reasons } = await openPolling(server);
    await client.post("1\x1e4after");
    expect([reasons(), messages()]).toEqual([["transport close"], []]);
  });
});

it.each(["PUT", "DELETE", "PATCH", "OPTIONS"])(
  "%s of a session is answered with 500",
  async (method) => {
    const server = await serve();
    const { sid, reasons } = await openPolling(server);
    const answer = await ask(server, { sid }, { method });
    expect([answer.status, answer.text]).toEqual([500, ""]);
    expect(reasons()).toEqual([]);
  },
);

describe("a close of the server", () => {
  it("answers the pending GET", async () => {
    const server = await serve();
    const session = await openPolling(server);
    const { answer } = await pendingGet(session);
    session.connection.close();
    expect((await answer).text).toBe("1");
    expect(session.reasons()).toEqual(["forced close"]);
    await expectGone(server, session.sid);
  });

  it("waits for the next GET when none is pending", async () => {
    const server = await serve();
    const { client, connection, reasons, sid } = await openPolling(server);
    connection.close();
    expect([connection.readyState, reasons()]).toEqual(["closing", []]);
    const answer = await client.get();
    expect([answer.status, answer.text]).toEqual([200, "6\x1e1"]);
    expect(reasons()).toEqual(["forced close"]);
    await expectGone(server, sid);
  });

  it("lets what was sent before it go first", async () => {
    const server = await serve();
    const { client, connection, reasons } = await openPolling(server);
    connection.send("one");
    connection.send("two");
    connection.close();
    const received: string[] = [];
    while (reasons().length === 0) received.push(...(await client.get()).text.split("\x1e"));
    expect(received.filter((packet) => packet !== "6")).toEqual(["4one", "4two", "1"]);
    expect(reasons()).toEqual(["forced close"]);
  });

  it("ends by itself after closeTimeout when no GET comes", async () => {
    const server = await serve();
    const { connection, reasons } = await openPolling(server);
    const transport = connection.transport as unknown as { closeTimeout: number };
    expect(transport.closeTimeout).toBe(30_000);
    transport.closeTimeout = 30;
    connection.close();
    expect(reasons()).toEqual([]);
    await until(() => reasons().length > 0, "the session closes");
    expect(reasons()).toEqual(["forced close"]);
    expect(server.engine.clientsCount).toBe(0);
  });

  it("ends at once when it discards", async () => {
    const server = await serve();
    const { connection, reasons, sid } = await openPolling(server);
    connection.send("dropped");
    connection.close(true);
    expect(reasons()).toEqual(["forced close"]);
    await expectGone(server, sid);
  });

  it("of the whole engine answers all pending GETs", async () => {
    const server = await serve();
    const sessions = [await openPolling(server), await openPolling(server)];
    const answers = await Promise.all(sessions.map(pendingGet));
    server.engine.close();
    for (const { answer } of answers) expect((await answer).text).toBe("1");
    expect(sessions.flatMap(({ reasons }) => reasons())).toEqual(["forced close", "forced close"]);
    expect(server.engine.clientsCount).toBe(0);
  });

  it("breaks off a POST that is under way", async () => {
    const server = await serve();
    const session = await openPolling(server);
    const { answer } = await pendingGet(session);
    const raw = await RawConnection.open(server);
    onTestFinished(() => raw.destroy());
    const post = requestBytes({
      method: "POST",
      target: target(session.sid),
      body: "4never heard",
    });
    const arrived = next(server.httpServer, "request");
    await raw.write(post.subarray(0, -3));
    await arrived;
    session.connection.close();
    expect((await answer).text).toBe("1");
    await raw.finished();
    expect([session.reasons(), session.messages()]).toEqual([["forced close"], []]);
  });
});

describe("headers events", () => {
  it("let listeners add headers: initial_headers to the first answer, headers to all", async () => {
    const server = await serve();
    server.engine.on("initial_headers", (headers: Record<string, string>) => {
      headers["x-first"] = "1";
    });
    server.engine.on("headers", (headers: Record<string, string>) => {
      headers["x-every"] = "2";
    });
    const handshake = await ask(server);
    expect(handshake.headers).toMatchObject({ "x-first": "1", "x-every": "2" });
    const sid = JSON.parse(handshake.text.slice(1)).sid as string;
    const post = await ask(server, { sid }, { method: "POST", body: "4x" });
    expect(post.headers).toMatchObject({ "x-every": "2" });
    expect(post.headers).not.toHaveProperty("x-first");
    server.engine.clients[sid]?.send("y");
    expect((await ask(server, { sid })).headers["x-every"]).toBe("2");
  });
});

it("tells of each flush and drain, on the connection and on the engine", async () => {
  const server = await serve();
  const { client, connection } = await openPolling(server);
  const events = ["flush", "drain"].map((event) => [
    collect(connection, event),
    collect(server.engine, event),
  ]);
  connection.send("x");
  await within(client.get(), "the GET");
  expect(events.flat().map((calls) => calls.length)).toEqual([1, 1, 1, 1]);
});
