/** Differential: every kind of bad packet, at both layers, over both transports; and plain requests that are wrong. */
import { next, until } from "../../support/clients.ts";
import { compare, type Frame, type Scenario } from "./stage.ts";

const placeholder = '{"_placeholder":true,"num":0}';

const bytes = Buffer.from([1, 2, 3]);

/** Socket.IO answers 101 first, and what comes after that the client cannot read. */
const refusedVersion = { "client ended": ["refused 400 Unsupported protocol version"] };

/** What a client sends after it has joined /. */
const bad: readonly Frame[][] = [
  // Engine.IO
  [""],
  ["x"],
  ["7"],
  ["8"],
  ["9x"],
  ["-1"],
  ["0"],
  ["0{}"],
  ["1"],
  ["2"],
  ["2probe"],
  ["3"],
  ["3probe"],
  ["4"],
  ["5"],
  ["6"],
  [" 4"],
  ["b"],
  ["bAQID"],
  // Socket.IO: types
  ["47"],
  ["48"],
  ["49"],
  ["4x"],
  ["4-1"],
  ["4 2"],
  ['4é["a"]'],
  // EVENT
  ["42"],
  ["42 "],
  ["42x"],
  ["42["],
  ["42[]"],
  ["42{}"],
  ["42null"],
  ["42true"],
  ["421"],
  ["421,"],
  ['42"a"'],
  ['42["a"'],
  ['42["a"]]'],
  ['42["a"]x'],
  ["42['a']"],
  ['42["a",undefined]'],
  ["42[null]"],
  ["42[true]"],
  ["42[{}]"],
  ['42[["a"]]'],
  ["42[1.5]"],
  ['42{"0":"a","length":1}'],
  ['42/,["a"]'],
  ['42/["a"]'],
  ['42/x["a"]'],
  ["42/x"],
  ['42,["a"]'],
  ['42-1["a"]'],
  ['421-["a"]'],
  ['42 1["a"]'],
  ['421.5["a"]'],
  ['421e3["a"]'],
  ['42["connect"]'],
  ['42["connect_error"]'],
  ['42["disconnect"]'],
  ['42["disconnecting"]'],
  ['42["newListener"]'],
  ['42["removeListener"]'],
  ['42["connection"]'],
  ['42["error"]'],
  ['42["error",{"a":1}]'],
  ['42[""]'],
  ["42[0]"],
  // DISCONNECT
  ["41{}"],
  ["41[]"],
  ["411"],
  ["41/"],
  ['41"x"'],
  // ACK
  ["43"],
  ["43[]"],
  ["431"],
  ["431{}"],
  ['431"x"'],
  ["431null"],
  ["43x[]"],
  // CONNECT_ERROR
  ["44"],
  ["44{}"],
  ['44"x"'],
  ['44{"message":"x"}'],
  // BINARY_EVENT
  ["45"],
  ["45-"],
  ['45["a"]'],
  ['45-["a"]'],
  ['450-["a"]'],
  ["451"],
  ["451-"],
  ["451-x"],
  ["451-[]"],
  ['451-["a"]'],
  ['451-["a"]', bytes],
  ['451-["a"]', '42["text in between"]'],
  ['451-["a"]', `451-["b",${placeholder}]`],
  ['45-1-["a"]'],
  ['451e1-["a"]'],
  ['45 1-["a"]'],
  ['4501-["a"]', bytes],
  ['451.0-["a"]'],
  ['45a-["a"]'],
  ['4599999999999999999999-["a"]'],
  ['451-["connect"]', bytes],
  ["451-[null]", bytes],
  ['451-{"a":1}', bytes],
  [`451-["a",${placeholder}]`, bytes, bytes],
  [`452-["a",${placeholder}]`, bytes, bytes],
  ['451-["a",{"_placeholder":true}]', bytes],
  ['451-["a",{"_placeholder":true,"num":1}]', bytes],
  ['451-["a",{"_placeholder":true,"num":-1}]', bytes],
  ['451-["a",{"_placeholder":true,"num":0.5}]', bytes],
  ['451-["a",{"_placeholder":true,"num":"0"}]', bytes],
  ['451-["a",{"_placeholder":true,"num":null}]', bytes],
  ['451-["a",{"_placeholder":true,"num":"length"}]', bytes],
  ['451-["a",{"_placeholder":1,"num":0}]', bytes],
  ['451-["a",{"_placeholder":"true","num":0}]', bytes],
  [`451-["a",{"_placeholder":true,"num":0,"more":1}]`, bytes],
  [`451-[${placeholder}]`, bytes],
  [bytes],
  [Buffer.alloc(0)],
  // BINARY_ACK
  ["46"],
  ["460-1[]"],
  ["461-1[]"],
  ["461-[]"],
  [`461-1[${placeholder}]`, bytes],
  [`461-1{"a":${placeholder}}`, bytes],
];

/** What is refused here and not there, or there for another reason: by its first frame. */
const stricter: Readonly<Record<string, string>> = {
  "4": "empty-text",
  "4 2": "blank-type",
  "42": "event-without-data",
  "42 ": "blank-before-data",
  "421": "event-without-data",
  '42/["a"]': "event-without-data",
  '42/x["a"]': "event-without-data",
  "42/x": "event-without-data",
  '42 1["a"]': "blank-before-data",
  "44": "error-without-data",
  "451-": "event-without-data",
  '451e1-["a"]': "attachment-count-form",
  '45 1-["a"]': "attachment-count-form",
  '4501-["a"]': "attachment-count-form",
  '451.0-["a"]': "attachment-count-form",
  '451-["a",{"_placeholder":true,"num":0.5}]': "placeholder-fraction",
};

function printed(frames: readonly Frame[]): string {
  return frames
    .map((frame) =>
      typeof frame === "string" ? JSON.stringify(frame) : `<${frame.toString("hex")}>`,
    )
    .join(" ");
}

function sending(frames: readonly Frame[], transport: "websocket" | "polling"): Scenario {
  const [head] = frames;
  const name = typeof head === "string" ? stricter[head] : undefined;
  return {
    name: `${printed(frames)}, ${transport}`,
    ...(name === undefined ? {} : { stricter: name }),
    async play(stage) {
      stage.watch(stage.io.of("/x"));
      stage.io.of("/x");
      const [raw] = await stage.joined("client", "/", transport);
      const [other] = await stage.joined("bystander");
      await raw.send(...frames);
      await stage.fence(raw);
      await stage.fence(other);
    },
  };
}

compare(
  "bad packets",
  bad.map((frames) => sending(frames, "websocket")),
);

/** Over polling several of them share one payload, so a part of the list will do. */
compare(
  "bad packets, polled",
  bad.filter((_frames, i) => i % 3 === 0).map((frames) => sending(frames, "polling")),
);

function posting(
  name: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
  more: Partial<Scenario> = {},
): Scenario {
  return {
    name,
    ...more,
    async play(stage) {
      const [raw] = await stage.joined("client", "/", "polling");
      if (!("post" in raw)) throw new Error("not a poller");
      const { status, text, headers: answered } = await raw.post(body, headers);
      stage.lane("http").push([status, text, answered["content-type"], answered["cache-control"]]);
      await stage.fence(raw);
    },
  };
}

compare("bodies of POST", [
  posting("empty", ""),
  posting("one packet", '42["a"]'),
  posting("three packets", '42["a"]\x1e42["b"]\x1e42["c"]'),
  posting("a bad one in the middle", '42["a"]\x1exyz\x1e42["c"]'),
  posting("a bad Socket.IO packet in the middle", '42["a"]\x1e42{}\x1e42["c"]'),
  posting("a separator at the end", '42["a"]\x1e'),
  posting("a separator at the beginning", '\x1e42["a"]'),
  posting("only a separator", "\x1e"),
  posting("bytes in base64", `451-["a",${placeholder}]\x1ebAQID`),
  posting(
    "bytes in bad base64",
    `451-["a",${placeholder}]\x1eb***`,
    {},
    { stricter: "base64-form" },
  ),
  posting("bytes in base64 without padding", `451-["a",${placeholder}]\x1ebAQ`),
  posting("a close packet, then an event", '1\x1e42["a"]'),
  posting("an event, then a close packet", '42["a"]\x1e1'),
  posting("protocol 3's lengths", '9:42["abc"]'),
  posting("octet-stream", Buffer.from([0, 1, 2]), { "content-type": "application/octet-stream" }),
  posting("another content type", '42["a"]', { "content-type": "application/json" }),
  posting("UTF-8 of four bytes", '42["a","😀é"]'),
  posting("invalid UTF-8", Buffer.from([0x34, 0x32, 0x5b, 0x22, 0xff, 0x22, 0x5d])),
]);

compare("requests", [
  ...[
    "/socket.io/",
    "/socket.io/?",
    "/socket.io/?EIO=4",
    "/socket.io/?EIO=4&transport=",
    "/socket.io/?EIO=4&transport=abc",
    "/socket.io/?EIO=4&transport=constructor",
    "/socket.io/?EIO=4&transport=__proto__",
    "/socket.io/?EIO=4&transport=webtransport",
    "/socket.io/?EIO=4&transport=websocket",
    "/socket.io/?EIO=4&transport=polling&sid=abc",
    "/socket.io/?EIO=4&transport=polling&sid=__proto__",
    "/socket.io/?EIO=4&transport=websocket&sid=abc",
    "/socket.io/?EIO=3&transport=polling",
    "/socket.io/?EIO=5&transport=polling",
    "/socket.io/?EIO=&transport=polling",
    "/socket.io/?EIO=4&EIO=3&transport=polling",
    "/socket.io/?EIO=__proto__&transport=polling",
    "/socket.io/?transport=polling",
    "/socket.io/?EIO=3&transport=abc",
    "/socket.io/nothing.js",
    "/socket.io/%",
    "/socket.io/?EIO=4&transport=%70olling&x=%",
    "/socket.io/?EIO=4&transport=polling&sid=",
    "/socket.io/?EIO=4&transport=polling&t=abc&b64=1",
    "/socket.io/?EIO=4&transport=polling&j=0",
    "/socket.io/?EIO=4&transport=polling&j=x",
    "/socket.io/deep/path?EIO=4&transport=polling",
  ].map(
    (path): Scenario => ({
      name: `GET ${path}`,
      async play(stage) {
        stage.io.engine.on(
          "connection_error",
          (error: { code: number; message: string; context: unknown }) => {
            stage.note(error.code, error.message, error.context);
          },
        );
        await stage.request(path);
        await stage.request(path, { headers: { origin: "http://other.example" } });
      },
    }),
  ),
  ...(["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] as const).map(
    (method): Scenario => ({
      name: `${method} for a handshake`,
      async play(stage) {
        await stage.request("/socket.io/?EIO=4&transport=polling", { method });
        await stage.request("/socket.io/?EIO=4&transport=websocket", { method });
      },
    }),
  ),
  ...(["PUT", "DELETE", "PATCH", "HEAD"] as const).map(
    (method): Scenario => ({
      name: `${method} on a session`,
      async play(stage) {
        const raw = await stage.polling();
        await raw.join();
        const path = new URL(raw.url);
        const { status, text } = await import("../../support/clients.ts").then(({ fetchRaw }) =>
          fetchRaw(String(path), { method }),
        );
        stage.lane("http").push([status, text]);
      },
    }),
  ),
  {
    name: "the headers of every answer of a session",
    async play(stage) {
      const raw = await stage.polling();
      const kept = (answer: { status: number; headers: Record<string, unknown>; text: string }) => {
        const {
          date: _date,
          connection: _connection,
          "keep-alive": _alive,
          ...headers
        } = answer.headers;
        stage.lane("http").push([answer.status, headers, answer.text]);
      };
      kept(await raw.post("40"));
      kept(await raw.get());
      kept(await raw.post('42987654["fence"]'));
      kept(await raw.get());
      kept(await raw.post("1"));
      kept(await raw.get());
      kept(await raw.post('42["a"]'));
    },
  },
  {
    name: "a session in JSONP",
    async play(stage) {
      const raw = await stage.polling();
      stage.hide(raw.open.sid, "<sid>");
      const path = `/socket.io/?EIO=4&transport=polling&sid=${raw.open.sid}&j=3`;
      const form = { "content-type": "application/x-www-form-urlencoded" };
      const send = (packet: string) =>
        stage.request(path, {
          method: "POST",
          headers: form,
          body: `d=${encodeURIComponent(packet)}`,
        });
      stage.io.on("connection", (socket) => {
        socket.on("echo", (...args: unknown[]) => socket.emit("echo", ...args));
      });
      await send("40");
      await stage.request(path);
      await send('42["echo","a \\n b \u2028 é </script>"]');
      await stage.request(path);
    },
  },
  {
    name: "an Origin that is no legal header",
    async play(stage) {
      await stage.request("/socket.io/?EIO=4&transport=polling", { headers: { origin: "é" } });
    },
  },
  {
    name: "two polls at once",
    async play(stage) {
      const [raw, socket] = await stage.joined("client", "/", "polling");
      if (!("get" in raw)) throw new Error("not a poller");
      const first = raw.get();
      await until(
        () => (socket.conn.transport as unknown as { writable: boolean }).writable,
        "it is pending",
      );
      const left = next(socket, "disconnect");
      const second = await raw.get();
      stage
        .lane("http")
        .push([second.status, second.text], [(await first).status, (await first).text]);
      await left;
    },
  },
  {
    name: "requests by the wrong transport on a WebSocket session",
    async play(stage) {
      const raw = await stage.websocket();
      const { sid } = raw.open;
      stage.hide(sid, "<sid>");
      await stage.request(`/socket.io/?EIO=4&transport=polling&sid=${sid}`);
      await stage.request(`/socket.io/?EIO=4&transport=polling&sid=${sid}`, {
        method: "POST",
        body: "40",
      });
      await stage.request(`/socket.io/?EIO=3&transport=polling&sid=${sid}`);
      await raw.join();
    },
  },
  {
    name: "a second WebSocket for a WebSocket session",
    async play(stage) {
      const [raw] = await stage.joined();
      const second = stage.dial("second", { query: { sid: raw.open.sid } });
      await second.opened();
      await second.send("2probe");
      await second.next().catch(() => undefined);
      await stage.fence(raw);
    },
  },
  ...(
    [
      ["unknown session", { sid: "abc" }],
      ["unknown transport", { transport: "abc" }],
      ["protocol 3", { EIO: "3" }, refusedVersion],
      ["no protocol", { EIO: "" }, refusedVersion],
    ] as const
  ).map(
    ([what, query, differs]): Scenario => ({
      name: `a WebSocket with ${what}`,
      ...(differs === undefined ? {} : { differs }),
      async play(stage) {
        stage.io.engine.on(
          "connection_error",
          (error: { code: number; message: string; context: unknown }) => {
            stage.note(error.code, error.message, error.context);
          },
        );
        await stage.dial("client", { query }).finished();
      },
    }),
  ),
]);

compare("limits", [
  {
    name: "a WebSocket message above maxHttpBufferSize",
    options: { maxHttpBufferSize: 1000 },
    async play(stage) {
      const [raw] = await stage.joined();
      await raw.send(`42["${"x".repeat(993)}"]`);
      await stage.fence(raw);
      await raw.send(`42["${"x".repeat(1000)}"]`);
      await raw.finished();
    },
  },
  {
    name: "a POST above maxHttpBufferSize",
    options: { maxHttpBufferSize: 1000 },
    async play(stage) {
      const [raw] = await stage.joined("client", "/", "polling");
      if (!("post" in raw)) throw new Error("not a poller");
      const answer = await raw.post(`42["${"x".repeat(1000)}"]`);
      stage.lane("http").push([answer.status, answer.text]);
      await stage.fence(raw);
    },
  },
  {
    name: "pings, pongs, and none",
    options: { pingInterval: 100, pingTimeout: 250 },
    async play(stage) {
      const raw = await stage.websocket();
      raw.answersPings = false;
      await raw.join();
      for (let i = 0; i < 3; i++) {
        await raw.until("2");
        await raw.send("3");
      }
      await raw.until("2");
      await raw.finished();
    },
  },
]);
