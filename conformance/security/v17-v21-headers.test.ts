/** V17 to V21: origins, headers, and what goes out in frames. */
import { describe, expect, it } from "vitest";
import { requestBytes } from "../support/raw-http.ts";
import {
  encodeFrame,
  handshakeHeaders,
  opcodes,
  webSocketTarget,
} from "../support/raw-websocket.ts";
import {
  binary,
  expectServed,
  get,
  growth,
  growthMax,
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
  type Victim,
} from "./victim.ts";

useVictims();

const evil = "https://evil.example";
const cookie: [string, string] = ["Cookie", "session=secret"];

/** The statuses of a handshake by polling, by WebSocket, and of the upgrade of a connection that is there. */
async function statuses(victim: Victim, headers: [string, string][]): Promise<number[]> {
  const sid = await openPolling(victim);
  const poll = await get(victim, pollingTarget(), headers);
  const results = [poll.status];
  for (const query of ["", `sid=${sid}`]) {
    const connection = await openTcp(victim);
    const target = webSocketTarget({ path, query });
    const all = [...handshakeHeaders(), ...headers];
    results.push((await connection.request({ target, headers: all })).status);
    connection.destroy();
  }
  results.push((await post(victim, sid, "40", headers)).status);
  return results;
}

describe("V17: a request of another origin with cookies", () => {
  it("is refused, for polling, WebSocket, upgrades and data, and the log has the line to add", async () => {
    const victim = await startVictim();
    for (const origin of [
      evil,
      "null",
      "file://",
      "http://127.0.0.1:1",
      "http://127.0.0.1.evil.example",
      "http://",
    ]) {
      const refused = await statuses(victim, [["Origin", origin], cookie]);
      expect([origin, ...refused]).toEqual([origin, 403, 400, 400, 403]);
    }
    const { refusals, warnings } = await victim.report();
    expect(refusals).toEqual({ HF_ORIGIN_REFUSED: 6 * 4 });
    const warning = warnings.find((line) => line.includes(evil));
    expect(warning).toContain(`cors: { origin: "${evil}", credentials: true }`);
    // Once per origin, or a page could fill the log.
    expect(warnings).toHaveLength(6);
    await expectServed(victim);
  });

  it.each<[what: string, headers: [string, string][]]>([
    ["without cookies", [["Origin", evil]]],
    ["without an origin: no browser", [cookie]],
    [
      "of the same host",
      [["Origin", "http://app.example:8080"], ["Host", "app.example:8080"], cookie],
    ],
    [
      "of the same host, its port left out",
      [["Origin", "https://app.example"], ["Host", "app.example:443"], cookie],
    ],
    [
      "of the same host in other letters",
      [["Origin", "http://app.example"], ["Host", "APP.example"], cookie],
    ],
    [
      "behind a proxy that says so",
      [
        ["Origin", "https://app.example"],
        ["Host", "10.0.0.1:3000"],
        ["X-Forwarded-Host", "app.example, proxy"],
        cookie,
      ],
    ],
    [
      "that the browser calls its own",
      [
        ["Origin", "https://app.example"],
        ["Host", "10.0.0.1"],
        ["Sec-Fetch-Site", "same-origin"],
        cookie,
      ],
    ],
  ])("is served %s", async (_what, headers) => {
    const victim = await startVictim();
    expect(await statuses(victim, headers)).toEqual([200, 101, 101, 200]);
    expect((await victim.report()).refusals).toEqual({});
  });

  it("is not served because of what another page may send", async () => {
    const victim = await startVictim();
    const headers: [string, string][] = [
      ["Origin", evil],
      ["Sec-Fetch-Site", "cross-site"],
      cookie,
    ];
    expect(await statuses(victim, headers)).toEqual([403, 400, 400, 403]);
    expect(
      await statuses(victim, [
        ["Origin", evil],
        ["X-Forwarded-Host", "app.example, evil.example"],
        cookie,
      ]),
    ).toEqual([403, 400, 400, 403]);
  });

  it("follows the option cors", async () => {
    const victim = await startVictim({ options: { cors: { origin: evil, credentials: true } } });
    expect(await statuses(victim, [["Origin", evil], cookie])).toEqual([200, 101, 101, 200]);
  });
});

it("V18: headers of thousands of blanks cost in proportion", async () => {
  const victim = await startVictim();
  const names = [
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
    "X-Forwarded-Host",
    "Cookie",
    "Accept-Encoding",
    "User-Agent",
    "Origin",
    "Content-Type",
  ];
  for (const name of names) {
    for (const fill of [" ", ",", "; ", "a "]) {
      const attack = async (length: number) => {
        const value = `a${fill.repeat(length / fill.length)}b`;
        const others: [string, string][] = [
          ["Cookie", "a=b"],
          ["Origin", "http://app.example"],
        ];
        const headers = [
          ...others.filter(([other]) => other !== name),
          [name, value] satisfies [string, string],
        ];
        await inParallel(8, 2, () => get(victim, pollingTarget(), headers));
        await inParallel(8, 2, async () => {
          const connection = await openTcp(victim);
          const all = [...handshakeHeaders(), ...headers];
          await connection.request({ target: webSocketTarget({ path }), headers: all });
          connection.destroy();
        });
      };
      // What is quadratic takes hundreds of milliseconds at this length; what is not, a few.
      await attack(7000);
      const cost = await victim.cost(() => attack(14_000));
      if (cost > 60_000) {
        expect([name, fill, await growth(victim, attack, 7000)]).toSatisfy(
          ([, , times]: [string, string, number]) => times < growthMax,
        );
      }
    }
  }
  await expectServed(victim);
});

it("V19: thousands of headers, with those of the upgrade after them, are refused", async () => {
  const victim = await startVictim();
  for (const count of [50, 1990, 2100, 2900]) {
    const many = Array.from({ length: count }, (): [string, string] => ["a", "1"]);
    for (const headers of [
      [...many, ...handshakeHeaders()],
      [...handshakeHeaders(), ...many],
    ]) {
      const connection = await openTcp(victim);
      const answer = await connection.request({ target: webSocketTarget({ path }), headers });
      expect([101, 400, 431]).toContain(answer.status);
      connection.destroy();
    }
  }
  await expectServed(victim);
});

it("V20: a message above the limit closes with 1009, before it has come", async () => {
  const victim = await startVictim();
  const before = await victim.report();
  for (const claimedLength of [1_000_001, 2 ** 31, 2 ** 53 - 1, 2n ** 63n - 1n]) {
    const socket = await joinNamespace(victim);
    await socket.connection.write(encodeFrame({ opcode: opcodes.text, claimedLength }));
    const { code } = await socket.closed();
    expect([1009, 1002]).toContain(code);
  }
  const socket = await joinNamespace(victim);
  const part = { opcode: opcodes.continuation, fin: false, payload: Buffer.alloc(300_000, "x") };
  await socket.send([{ ...part, opcode: opcodes.text }, part, part, part]);
  expect((await socket.closed()).code).toBe(1009);
  await victim.letGo(before, 4 * mib);
});

it("V20: a pong has what the ping had, and extensions named like members of objects are none", async () => {
  const victim = await startVictim({ canary: true, options: { perMessageDeflate: true } });
  for (const offer of [
    "constructor",
    "__proto__",
    "toString; hasOwnProperty=1",
    "valueOf, constructor; __proto__",
  ]) {
    const headers = { "Sec-WebSocket-Extensions": offer };
    const socket = await openWebSocket(victim, { headers });
    expect(socket.answer.headers.has("sec-websocket-extensions")).toBe(false);
    for (const payload of ["", "a", "x".repeat(125)]) {
      await socket.send({ opcode: opcodes.ping, payload });
      expect((await socket.frame()).payload.toString()).toBe(payload);
    }
    socket.destroy();
  }
});

it("V21: frames have no byte that nobody wrote", async () => {
  const victim = await startVictim({ canary: true });
  const socket = await joinNamespace(victim);
  for (const length of [0, 1, 100, 117, 118, 125, 126, 127, 4000, 65_520, 65_535, 65_536, 70_000]) {
    for (const character of ["x", "é", "€", "😀", "\ud800"]) {
      const sent = character.repeat(length);
      await socket.send(text(`421["echo",${JSON.stringify(sent)}]`));
      const received = (await socket.message()).payload.toString();
      expect(received === `431[${JSON.stringify(sent)}]`).toBe(true);
    }
    const bytes = Buffer.alloc(length, 7);
    await socket.send([text('451-1["echo",{"_placeholder":true,"num":0}]'), binary(bytes)]);
    expect((await socket.message()).payload.toString()).toBe(
      '461-1[{"_placeholder":true,"num":0}]',
    );
    expect((await socket.message()).payload.equals(bytes)).toBe(true);
  }
  const connection = await openTcp(victim);
  await connection.write(requestBytes({ target: pollingTarget("sid=unknown") }));
  expect((await connection.answer()).bytes.includes(0xca)).toBe(false);
});
