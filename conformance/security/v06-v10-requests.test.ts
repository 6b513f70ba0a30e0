/** V6 to V10: hostile HTTP requests. A refusal is answered or cut, and leaves no socket open. */
import { expect, it } from "vitest";
import { type RawRequest, requestBytes } from "../support/raw-http.ts";
import { encodeFrame, handshakeHeaders, webSocketTarget } from "../support/raw-websocket.ts";
import { seeded } from "./seeded.ts";
import {
  expectServed,
  get,
  inParallel,
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
  type Victim,
} from "./victim.ts";

useVictims();

it("V6: of a body that is too large nothing is kept, and nobody waits for its end for ever", async () => {
  const victim = await startVictim({
    options: { maxHttpBufferSize: 100_000, limits: { bodyTimeout: 1500 } },
  });
  const before = await victim.report();
  const piece = `${(mib / 4).toString(16)}\r\n${"x".repeat(mib / 4)}\r\n`;
  await inParallel(10, 5, async () => {
    const connection = await openTcp(victim);
    const target = pollingTarget(`sid=${await openPolling(victim)}`);
    const headers: [string, string][] = [["Transfer-Encoding", "chunked"]];
    await connection.write(requestBytes({ method: "POST", target, headers }));
    // The body goes on after the answer, and never ends.
    for (let i = 0; i < 20; i++) await connection.write(piece);
    expect((await connection.answer()).status).toBe(413);
    // Node ends an idle socket by itself, but not one on which something still comes.
    const drip = setInterval(() => connection.socket.write("1\r\nx\r\n"), 100);
    connection.socket.once("close", () => clearInterval(drip));
  });
  const during = await victim.report();
  expect(during.refusals).toEqual({ HF_BODY_TOO_LARGE: 10 });
  expect(during.held - before.held).toBeLessThan(10 * mib);
  await victim.until(({ tcpSockets }) => tcpSockets === 0, "without open sockets");
  await expectServed(victim);
});

it("V6: thousands of packets in one body cost in proportion", async () => {
  const victim = await startVictim();
  const { growth, growthMax } = await import("./victim.ts");
  const attack = async (count: number) => {
    const answer = await post(
      victim,
      await openPolling(victim),
      "3\x1e".repeat(count).slice(0, -1),
    );
    expect(answer.status).toBe(200);
  };
  expect(await growth(victim, attack, 30_000)).toBeLessThan(growthMax);
});

it("V7: 1,500 requests with random damage are answered or cut, and the server stays up", async () => {
  const victim = await startVictim({ options: { cookie: true } });
  const { pick, below } = seeded(7);
  const sid = await openPolling(victim);
  const odd = [
    "",
    "\0",
    "%",
    "%zz",
    "é",
    "\t",
    " ",
    "'",
    "\x7f",
    "\xff\xfe",
    "//",
    "?",
    "#",
    "a".repeat(5000),
  ];
  const names = [
    "Origin",
    "Cookie",
    "Host",
    "X-Forwarded-Host",
    "Connection",
    "Upgrade",
    "Content-Type",
    "Sec-Fetch-Site",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Extensions",
    "Accept-Encoding",
    "User-Agent",
    "Expect",
    "Transfer-Encoding",
    "Content-Length",
  ];
  const values = [
    ...odd,
    "http://",
    "http://[",
    "null",
    "http://a b",
    "websocket",
    "constructor",
    "__proto__",
    "-1",
    "100-continue",
    "chunked",
    "gzip;q=x",
    "close",
    "13",
    "io=;;=",
    "a=b",
    "0",
    "http://evil.example:99999",
  ];
  const request = (): RawRequest => {
    const query = [
      `EIO=${pick(["4", "3", "", "__proto__", ...odd])}`,
      `transport=${pick(["polling", "websocket", "webtransport", "constructor", ...odd])}`,
      pick([`sid=${sid}`, "sid=", "sid=__proto__", `j=${pick(odd)}`, "b64=1", "t=%E0%A4%A"]),
    ];
    const headers = Array.from({ length: below(5) }, (): [string, string] => [
      pick(names),
      pick(values),
    ]);
    // A cookie with a strange origin is what the check of origins has to take.
    if (below(3) === 0) headers.push(["Cookie", "a=b"], ["Origin", pick(values)]);
    return {
      method: pick(["GET", "POST", "PUT", "OPTIONS", "HEAD", "DELETE"]),
      target: `${path}${pick(["", "", "", ...odd])}?${query.slice(below(2)).join("&")}`,
      headers,
      ...(below(3) === 0 ? { body: pick(["", "4", "\x1e", "b!", "4\x1e5", "\xff"]) } : {}),
    };
  };
  await inParallel(1500, 20, async () => {
    let bytes = requestBytes(request());
    // One in four is damaged once more, in one byte or in its length.
    const damage = below(8);
    if (damage === 0) bytes = bytes.subarray(0, below(bytes.length));
    if (damage === 1) bytes[below(bytes.length)] = below(256);
    const connection = await openTcp(victim);
    await connection.write(bytes);
    connection.end();
    await connection.finished().catch(() => undefined);
    connection.destroy();
  });
  await expectServed(victim);
  await victim.until(({ tcpSockets }) => tcpSockets === 0, "without open sockets");
});

it("V8: a reset at any byte of handshake, POST, poll and upgrade harms nobody else", async () => {
  // A middleware that takes its time leaves the upgrading socket to us alone for a while.
  const victim = await startVictim({ slowMiddlewareMs: 5 });
  const target = pollingTarget();
  const upgrade = { target: webSocketTarget({ path }), headers: handshakeHeaders() };
  const requests: ((sid: string) => Buffer)[] = [
    () => requestBytes({ target }),
    (sid) => requestBytes({ target: `${target}&sid=${sid}` }),
    (sid) => requestBytes({ method: "POST", target: `${target}&sid=${sid}`, body: "40" }),
    () => Buffer.concat([requestBytes(upgrade), encodeFrame(text("40"))]),
    (sid) =>
      Buffer.concat([
        requestBytes({ ...upgrade, target: `${upgrade.target}&sid=${sid}` }),
        encodeFrame(text("2probe")),
        encodeFrame(text("5")),
      ]),
  ];
  for (const make of requests) {
    const { length } = make("x".repeat(20));
    await inParallel(Math.ceil(length / 2) + 2, 12, async (index) => {
      const bytes = make(await openPolling(victim));
      const connection = await openTcp(victim);
      await connection.write(bytes.subarray(0, index * 2));
      // Sometimes at once, sometimes when the server is at it.
      if (index % 2 === 1) await new Promise((resolve) => setTimeout(resolve, index % 9));
      connection.reset();
    });
    await expectServed(victim);
  }
  await victim.until(({ tcpSockets }) => tcpSockets === 0, "without open sockets");
});

it("V9: names of Object.prototype mean nothing in a query", async () => {
  const victim = await startVictim({ freezePrototype: false });
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "prototype"];
  for (const name of names) {
    const targets = [
      `${pollingTarget()}&${name}=x`,
      `${pollingTarget()}&${name}[polluted]=x&${name}.polluted=x`,
      `${path}?EIO=${name}&transport=polling`,
      `${path}?EIO=4&transport=${name}`,
      pollingTarget(`sid=${name}`),
      `${path}?EIO=4&transport=websocket&sid=${name}`,
    ];
    const statuses = await Promise.all(
      targets.map(async (target) => (await get(victim, target)).status),
    );
    expect(statuses).toEqual([200, 200, 400, 400, 400, 400]);
    for (const query of [`sid=${name}`, `${name}=x`]) {
      const connection = await openTcp(victim);
      const upgrade = webSocketTarget({ path, query });
      const answer = await connection.request({ target: upgrade, headers: handshakeHeaders() });
      expect(answer.status).toBe(query.startsWith("sid=") ? 400 : 101);
      connection.destroy();
    }
    expect((await post(victim, name, "4")).status).toBe(400);
  }
  expect((await victim.report()).polluted).toBe(false);
  await expectServed(victim);
});

/** Sends a request whose body does not come, and expects an answer and the end of the connection. */
async function expectRefusedAndClosed(victim: Victim, request: RawRequest): Promise<number> {
  const connection = await openTcp(victim);
  const headers: [string, string][] = [
    ...(request.headers as [string, string][]),
    ["Content-Length", "1000"],
  ];
  const answer = await connection.request({ ...request, headers });
  await connection.finished();
  connection.destroy();
  return answer.status;
}

it("V10: every refusal ends its response and, when the body is not all there, its connection", async () => {
  const victim = await startVictim();
  const type: [string, string][] = [["Content-Type", "text/plain"]];
  const octets: [string, string][] = [["Content-Type", "application/octet-stream"]];
  const withSid = async () => pollingTarget(`sid=${await openPolling(victim)}`);
  const kinds: (() => Promise<RawRequest>)[] = [
    async () => ({ method: "POST", target: await withSid(), headers: octets }),
    async () => ({ method: "POST", target: pollingTarget("sid=unknown"), headers: type }),
    async () => ({ method: "POST", target: pollingTarget(), headers: type }),
    async () => ({ method: "POST", target: `${path}?EIO=4&transport=unknown`, headers: type }),
    async () => ({ method: "PUT", target: await withSid(), headers: type }),
  ];
  await inParallel(500, 20, async (index) => {
    const kind = kinds[index % kinds.length];
    if (kind === undefined) throw new Error("no request");
    expect(await expectRefusedAndClosed(victim, await kind())).toBeGreaterThanOrEqual(400);
  });
  // An octet stream ends the connection too; a PUT leaves it, as in Engine.IO.
  const { connections, tcpSockets } = await victim.report();
  expect({ connections, tcpSockets }).toEqual({ connections: 100, tcpSockets: 0 });
  await (await openWebSocket(victim)).send(text("40"));
});
