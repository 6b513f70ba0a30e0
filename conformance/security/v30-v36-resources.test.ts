/** V30 to V36 and V42: sockets, sessions and bytes that clients can make the server keep. */
import { expect, it } from "vitest";
import { rawRequest, requestBytes } from "../support/raw-http.ts";
import {
  encodeFrame,
  type FrameSocket,
  handshakeHeaders,
  webSocketTarget,
} from "../support/raw-websocket.ts";
import {
  expectServed,
  get,
  inParallel,
  joinNamespace,
  mib,
  openPolling,
  openTcp,
  openWebSocket,
  path,
  pollingTarget,
  post,
  startVictim,
  text,
  useVictims,
  type VictimReport,
} from "./victim.ts";

useVictims();

it("V30: a body that does not come is given up in time, with its socket and its connection", async () => {
  const victim = await startVictim({ options: { limits: { bodyTimeout: 400 } } });
  await inParallel(100, 20, async () => {
    const connection = await openTcp(victim);
    const target = pollingTarget(`sid=${await openPolling(victim)}`);
    const headers: [string, string][] = [["Content-Length", "1000"]];
    await connection.write(requestBytes({ method: "POST", target, headers, body: "4a" }));
  });
  const after = await victim.until(
    ({ connections, tcpSockets }) => connections + tcpSockets === 0,
    "all closed",
  );
  expect(after.refusals).toEqual({ HF_BODY_TIMEOUT: 100 });
  await expectServed(victim);
});

it("V30: a body that comes byte by byte has the same time, and not more with each byte", async () => {
  const victim = await startVictim({ options: { limits: { bodyTimeout: 400 } } });
  const connection = await openTcp(victim);
  const target = pollingTarget(`sid=${await openPolling(victim)}`);
  const headers: [string, string][] = [["Content-Length", "1000"]];
  await connection.write(requestBytes({ method: "POST", target, headers, body: "4" }));
  const drip = setInterval(() => connection.socket.write("a"), 50);
  try {
    expect((await connection.answer()).status).toBe(408);
    await connection.finished();
  } finally {
    clearInterval(drip);
  }
  expect((await victim.report()).refusals).toEqual({ HF_BODY_TIMEOUT: 1 });
});

it("V30: a connection has one GET and one POST at a time", async () => {
  const victim = await startVictim();
  for (const [method, body] of [
    ["GET", undefined],
    ["POST", "4"],
  ] as const) {
    const target = pollingTarget(`sid=${await openPolling(victim)}`);
    const headers: [string, string][] = method === "POST" ? [["Content-Length", "1000"]] : [];
    const first = await openTcp(victim);
    const request = { method, target, headers, ...(body === undefined ? {} : { body }) };
    await first.write(requestBytes(request));
    await victim.report();
    const second = await openTcp(victim);
    expect((await second.request(request)).status).toBe(400);
    expect((await victim.until(({ connections }) => connections === 0, "closed")).connections).toBe(
      0,
    );
    first.destroy();
    second.destroy();
  }
});

it("V31: connections that join nothing are closed after connectTimeout, and their memory is let go", async () => {
  const victim = await startVictim({ options: { connectTimeout: 1500, pingInterval: 300_000 } });
  await openPolling(victim);
  const before = await victim.report();
  const started = Date.now();
  await inParallel(1000, 20, () => openPolling(victim));
  const during = await victim.report();
  if (Date.now() - started < 1400) expect(during.connections).toBeGreaterThan(900);
  expect((during.held - before.held) / 1000).toBeLessThan(15_000);
  await victim.until(({ connections }) => connections === 0, "closed");
  await victim.letGo(before, 4 * mib);
});

it("V31: limits.connectionsPerAddress holds, also for handshakes that come together", async () => {
  const victim = await startVictim({
    slowMiddlewareMs: 20,
    options: { limits: { connectionsPerAddress: 10 } },
  });
  const statuses: number[] = [];
  await inParallel(40, 40, async (index) => {
    if (index % 2 === 0) statuses.push((await get(victim, pollingTarget())).status);
    else {
      const connection = await openTcp(victim);
      const answer = await connection.request({
        target: webSocketTarget({ path }),
        headers: handshakeHeaders(),
      });
      statuses.push(answer.status);
    }
  });
  const { connections, refusals } = await victim.report();
  expect(connections).toBe(10);
  expect(refusals).toEqual({ HF_ADDRESS_LIMIT: 30 });
  expect(statuses.filter((status) => status >= 400)).toHaveLength(30);
});

async function recoveryIds(
  socket: FrameSocket,
  packet: string,
): Promise<{ sid: string; pid: string }> {
  await socket.send(text(packet));
  for (;;) {
    const content = (await socket.message()).payload.toString();
    if (content.startsWith("40"))
      return JSON.parse(content.slice(content.indexOf("{"))) as { sid: string; pid: string };
  }
}

it("V32: the private id of a recovery is 120 bits of chance, and good in its own namespace only", async () => {
  const victim = await startVictim({
    namespaces: ["/a", "/b"],
    options: { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } },
  });
  const first = await openWebSocket(victim);
  const { sid, pid } = await recoveryIds(first, "40/a,");
  expect(pid).toMatch(/^[\w-]{20}$/);
  expect(pid).not.toBe(sid);
  await first.send(text('42/a,["echo","x"]'));
  const event = (await first.message()).payload.toString();
  const offset = (JSON.parse(event.slice(event.indexOf("["))) as string[]).at(-1) ?? "";
  first.destroy();
  await victim.until(({ connections }) => connections === 0, "closed");

  const attempt = async (nsp: string, auth: unknown) => {
    const socket = await openWebSocket(victim);
    const got = await recoveryIds(socket, `40${nsp},${JSON.stringify(auth)}`);
    socket.destroy();
    return got.sid;
  };
  for (const auth of [
    { pid: sid, offset },
    { pid: [pid], offset },
    { pid: "__proto__", offset },
    { pid, offset: `${offset}0` },
    { pid, offset: "-1" },
    { pid, offset: {} },
  ]) {
    expect(await attempt("/a", auth)).not.toBe(sid);
  }
  expect(await attempt("/b", { pid, offset })).not.toBe(sid);
  // As from a client that had received nothing: here it is the id alone that counts.
  expect(await attempt("/b", { pid })).not.toBe(sid);
  expect(await attempt("/a", { pid, offset })).toBe(sid);
});

it("V33: what stands in a query is not logged", async () => {
  const victim = await startVictim({ env: { DEBUG: "holdfast:*", DEBUG_COLORS: "no" } });
  const secret = "s3cr3t-t0k3n";
  await get(victim, pollingTarget(`token=${secret}`));
  await get(victim, pollingTarget(`sid=unknown&token=${secret}`));
  await get(victim, `${path}?EIO=3&transport=polling&token=${secret}`);
  await get(victim, `${path}?EIO=4&transport=${secret}`);
  const headers: [string, string][] = [
    ["Origin", "https://evil.example"],
    ["Cookie", `a=${secret}`],
  ];
  await get(victim, pollingTarget(`token=${secret}`), headers);
  const socket = await joinNamespace(victim, { query: `token=${secret}` });
  await socket.send(text("nonsense"));
  await socket.closed();
  await rawRequest(victim, {
    target: webSocketTarget({ path, query: `sid=none&token=${secret}` }),
    headers: handshakeHeaders(),
  });
  const { warnings } = await victim.report();
  expect(victim.stderr).toContain("holdfast:engine");
  expect(victim.stderr).not.toContain(secret);
  expect(warnings.join("\n")).not.toContain(secret);
});

it("V34: a request that two readers could read in two ways gets one answer, and the connection ends", async () => {
  const victim = await startVictim();
  const sid = await openPolling(victim);
  const lines = (...all: string[]) => `${all.join("\r\n")}\r\n\r\n`;
  const post = `POST ${pollingTarget(`sid=${sid}`)} HTTP/1.1`;
  const upgrade = (...more: string[]) =>
    lines(`GET ${webSocketTarget({ path })} HTTP/1.1`, "Host: a", ...more);
  const handshake = handshakeHeaders().map(([name, value]) => `${name}: ${value}`);
  const second = lines(`GET ${pollingTarget()} HTTP/1.1`, "Host: a");
  const attacks: [what: string, bytes: string][] = [
    [
      "two lengths and chunks",
      `${lines(post, "Host: a", "Content-Length: 5", "Transfer-Encoding: chunked")}0\r\n\r\n${second}`,
    ],
    [
      "two lengths",
      `${lines(post, "Host: a", "Content-Length: 1", "Content-Length: 50")}4${second}`,
    ],
    ["a line feed alone", `${post}\nHost: a\nContent-Length: 1\n\n4${second}`],
    ["a blank before the colon", `${lines(post, "Host: a", "Content-Length : 1")}4${second}`],
    [
      "a folded header",
      `${lines(post, "Host: a", "X: a\r\n b", "Transfer-Encoding: xchunked")}4${second}`,
    ],
    ["no host", lines(`GET ${pollingTarget()} HTTP/1.1`) + second],
    [
      "an upgrade to h2c",
      upgrade("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA") + second,
    ],
    ["an upgrade without a key", upgrade("Connection: Upgrade", "Upgrade: websocket") + second],
    [
      "a refused upgrade",
      lines(
        `GET ${webSocketTarget({ path, query: "sid=none" })} HTTP/1.1`,
        "Host: a",
        ...handshake,
      ) + second,
    ],
    [
      "an upgrade of another protocol version",
      lines(`GET ${path}?EIO=3&transport=websocket HTTP/1.1`, "Host: a", ...handshake) + second,
    ],
    [
      "an upgrade of a path of nobody",
      lines("GET /nobody HTTP/1.1", "Host: a", ...handshake) + second,
    ],
    [
      "a POST that upgrades",
      lines(
        `POST ${webSocketTarget({ path })} HTTP/1.1`,
        "Host: a",
        ...handshake,
        "Content-Length: 2",
      ) + second,
    ],
  ];
  for (const [what, bytes] of attacks) {
    const connection = await openTcp(victim);
    await connection.write(bytes);
    await connection.finished();
    const answers = connection.unread.toString("latin1").split("HTTP/1.1 ").slice(1);
    // Whom nobody serves nobody answers.
    const count = what === "an upgrade of a path of nobody" ? 0 : 1;
    expect([what, answers.length]).toEqual([what, count]);
    for (const answer of answers) expect([what, answer.slice(0, 3)]).toEqual([what, "400"]);
    connection.destroy();
  }
  // After the switch, HTTP is no longer spoken.
  const connection = await openTcp(victim);
  await connection.write(upgrade(...handshake) + second);
  await connection.finished();
  const received = connection.unread.toString("latin1");
  expect(received.split("HTTP/1.1 ")).toHaveLength(2);
  connection.destroy();
  await victim.until(({ tcpSockets }) => tcpSockets === 0, "without open sockets");
  await expectServed(victim);
});

it("V35: headers above 16 KB are answered with 431, and the connection ends", async () => {
  const victim = await startVictim();
  const large = (bytes: number): [string, string] => ["X-Large", "x".repeat(bytes)];
  for (const [target, headers] of [
    [pollingTarget(), []],
    [webSocketTarget({ path }), handshakeHeaders()],
  ] as const) {
    const connection = await openTcp(victim);
    const answer = await connection.request({ target, headers: [...headers, large(17_000)] });
    expect(answer.status).toBe(431);
    await connection.finished();
    connection.destroy();
  }
  expect((await get(victim, pollingTarget(), [large(8000)])).status).toBe(200);
  await victim.until(({ tcpSockets }) => tcpSockets === 0, "without open sockets");
});

it("V36: a WebSocket that does not read is closed at limits.bufferedBytes", async () => {
  const victim = await startVictim({ options: { limits: { bufferedBytes: "2MiB" } } });
  let first: VictimReport | undefined;
  for (const round of [1, 2, 3]) {
    const sockets = await Promise.all(Array.from({ length: 4 }, () => joinNamespace(victim)));
    for (const socket of sockets) {
      socket.connection.socket.pause();
      // Spread over many turns of the server's loop: what fills is the network, then the outbox.
      for (let i = 0; i < 60; i++) await socket.send(text('42["flood",16,65536]'));
    }
    const after = await victim.until(({ connections }) => connections === 0, "closed");
    expect(after.refusals).toEqual({ HF_OUTBOX_FULL: 4 * round });
    expect(after.disconnects).toEqual({ "transport error": 4 * round });
    for (const socket of sockets) socket.destroy();
    const without = await victim.until(({ tcpSockets }) => tcpSockets === 0, "without sockets");
    first ??= without;
    await victim.letGo(first, 4 * mib);
  }
  await expectServed(victim);
});

it("V36: a client that does not poll is closed at limits.bufferedBytes", async () => {
  const victim = await startVictim({ options: { limits: { bufferedBytes: "2MiB" } } });
  const before = await victim.report();
  const sid = await openPolling(victim);
  expect((await post(victim, sid, "40")).status).toBe(200);
  for (let i = 0; i < 8; i++) await post(victim, sid, '42["flood",8,65536]');
  const after = await victim.until(({ connections }) => connections === 0, "closed");
  expect(after.refusals).toEqual({ HF_OUTBOX_FULL: 1 });
  await victim.letGo(before, 4 * mib);
});

it("V36: with compression, a client that does not read is closed all the same", async () => {
  const victim = await startVictim({
    options: { limits: { bufferedBytes: "2MiB" }, perMessageDeflate: { threshold: 1e9 } },
  });
  const headers = { "Sec-WebSocket-Extensions": "permessage-deflate" };
  const socket = await joinNamespace(victim, { headers });
  socket.connection.socket.pause();
  for (let i = 0; i < 60; i++) {
    await socket.connection.write(encodeFrame(text('42["flood",16,65536]')));
  }
  const after = await victim.until(({ connections }) => connections === 0, "closed");
  expect(after.refusals).toEqual({ HF_OUTBOX_FULL: 1 });
});

it("V42: there is no endpoint besides the protocol's and the client's files", async () => {
  const victim = await startVictim();
  for (const target of [
    "admin",
    "metrics",
    "health",
    "refusals",
    "../package.json",
    "..%2f..%2fpackage.json",
    "socket.io.js/../../package.json",
  ]) {
    const answer = await get(victim, `${path}${target}`);
    expect([target, answer.status]).toEqual([target, 400]);
    expect(JSON.parse(answer.text)).toEqual({ code: 0, message: "Transport unknown" });
  }
});
