/** The guards that the security tests are for: where each is, and what the code is without it. */

interface Named {
  /** The V-number whose tests must fail. */
  readonly test: string;
  readonly what: string;
}

export interface SourceGuard extends Named {
  readonly file: string;
  /** Occurs once in the file. */
  readonly code: string;
  readonly without: string;
}

/** A guard of Node: the environment that takes it away. */
export interface NodeGuard extends Named {
  readonly file?: undefined;
  readonly env: Readonly<Record<string, string>>;
}

export type Guard = SourceGuard | NodeGuard;

/** The text of the guard's file as it is without the guard. Throws when the guard has moved. */
export function withoutGuard(guard: SourceGuard, text: string): string {
  const places = text.split(guard.code).length - 1;
  if (places !== 1) {
    throw new Error(
      `${guard.test}, ${guard.what}: ${places} places in ${guard.file} have ${guard.code}`,
    );
  }
  return text.replace(guard.code, () => guard.without);
}

const decode = "packages/protocol/src/socket.io/decode.ts";
const binary = "packages/protocol/src/socket.io/binary.ts";
const client = "packages/server/src/client.ts";
const socket = "packages/server/src/socket.ts";
const roomChecks = "packages/server/src/room-checks.ts";
const keeper = "packages/server/src/session-keeper.ts";
const engine = "packages/server/src/engine/engine.ts";
const baseEngine = "packages/server/src/engine/base-engine.ts";
const checks = "packages/server/src/engine/request-checks.ts";
const connection = "packages/server/src/engine/connection.ts";
const options = "packages/server/src/engine/options.ts";
const origin = "packages/server/src/engine/origin.ts";
const refusals = "packages/server/src/engine/refusals.ts";
const webTransport = "packages/server/src/engine/webtransport-handshake.ts";
const polling = "packages/server/src/transports/polling.ts";
const frames = "packages/server/src/delivery/outgoing-packet.ts";
const host = "packages/server/src/host/host.ts";
const recovery = "packages/server/src/recovery.ts";
const pageReads = "packages/server/src/delivery/page-reads.ts";
const claim = "packages/server/src/delivery/claim.ts";
const positions = "packages/server/src/delivery/positions.ts";
const session = "packages/server/src/delivery/session.ts";
const publish = "packages/server/src/publish.ts";
const wsServer = "node_modules/ws/lib/websocket-server.js";

export const guards: readonly Guard[] = [
  {
    test: "V1",
    what: "chunks of a body are put together once",
    file: polling,
    code: "this.#chunks.push(chunk);",
    without:
      "this.#chunks.splice(0, this.#chunks.length, Buffer.concat([...this.#chunks, chunk]));",
  },
  {
    test: "V2",
    what: "a placeholder's number is an index",
    file: binary,
    code: 'if (typeof num === "number" && Number.isInteger(num) && num >= 0 && num < attachmentCount)',
    without: "if (num !== undefined)",
  },
  {
    test: "V3",
    what: "names of events are texts or numbers",
    file: decode,
    code: '} else if (typeof name !== "number") {',
    without: "} else if (name === undefined) {",
  },
  {
    test: "V4",
    what: "ten attachments",
    file: decode,
    code: "if (endless || count > this.#maxAttachments) {",
    without: "if (endless) {",
  },
  {
    test: "V4",
    what: "a count is written as encoders do",
    file: decode,
    code: "const wellFormed = end > 1 && text.charCodeAt(1) !== digitZero && text.charCodeAt(end) === dash;",
    without: "const wellFormed = true;",
  },
  {
    test: "V4",
    what: "time for attachments",
    file: client,
    code: "wheel.arm(this.#attachmentsAlarm, limits.attachmentsTimeoutMs);",
    without: "void wheel;",
  },
  {
    test: "V4",
    what: "limits.pendingBytes",
    file: client,
    code: "if (this.server._incompleteBytes > limits.pendingBytes) {",
    without: "if (limits === undefined) {",
  },
  {
    test: "V5",
    what: "no packet with attachments has none",
    file: decode,
    code: "end > 1 && text.charCodeAt(1) !== digitZero &&",
    without: "end > 1 &&",
  },
  {
    test: "V6",
    what: "a body that is too large is not kept",
    file: polling,
    code: "if (this.#bytes <= this.#options.maxBodyBytes) this.#chunks.push(chunk);",
    without: "if (this.#bytes <= Number.MAX_VALUE) this.#chunks.push(chunk);",
  },
  {
    test: "V6",
    what: "what follows such a body is not read for ever",
    file: polling,
    code: "this.options.wheel.arm(new Alarm(request, endUnfinished), this.options.bodyTimeoutMs);",
    without: "void endUnfinished;",
  },
  {
    test: "V7",
    what: "an origin that is no URL is not parsed",
    file: origin,
    code: "return URL.canParse(origin) ? withoutDefaultPort(new URL(origin).host) : undefined;",
    without: "return withoutDefaultPort(new URL(origin).host);",
  },
  {
    test: "V8",
    what: "errors of an upgrading socket are heard",
    file: engine,
    code: '    // The client may be gone before `ws` listens.\n    socket.on("error", ignore);',
    without: "",
  },
  {
    test: "V9",
    what: "an id is looked up among connections, not among the members of an object",
    file: checks,
    code: "connections.get(sid))",
    without: "(connections.get(sid) ?? Reflect.get({}, sid)))",
  },
  {
    test: "V10",
    what: "an octet stream is answered",
    file: polling,
    code: 'this.onError("invalid content");\n      response.writeHead(400, { Connection: "close" }).end();',
    without: 'this.onError("invalid content");',
  },
  {
    test: "V10",
    what: "a refused request with an unfinished body ends its socket",
    file: refusals,
    code: 'if (!response.req.complete && response.req.method !== "GET") endConnectionAfter(response);',
    without: "",
  },
  {
    test: "V11",
    what: "time for the first packet",
    file: webTransport,
    code: "server.wheel.arm(timeout, server.opts.upgradeTimeout);",
    without: "",
  },
  {
    test: "V11",
    what: "middlewares are not passed by",
    file: webTransport,
    code: "if (acceptor.guarded) return",
    without: "if (acceptor === undefined) return",
  },
  {
    test: "V11",
    what: "the first packet is open",
    file: webTransport,
    code: 'if (first.type !== "open") return',
    without: "if (first === undefined) return",
  },
  {
    test: "V12",
    what: "a session keeps its protocol version",
    file: checks,
    code: 'if (EIO !== "4") {',
    without: "if (EIO === undefined) {",
  },
  {
    test: "V12",
    what: "a middleware that rejects is heard",
    file: baseEngine,
    code: "Promise.resolve(middleware(request, response, next)).catch(reject);",
    without: "void middleware(request, response, next);",
  },
  {
    test: "V13",
    what: "error without listeners is not emitted",
    file: socket,
    code: 'if (args[0] === "error" && this.listenerCount("error") === 0) return;',
    without: "",
  },
  {
    test: "V13",
    what: "reserved names",
    file: decode,
    code: "if (reservedEventNames.has(name))",
    without: 'if (reservedEventNames.has(name) && name === "")',
  },
  {
    test: "V14",
    what: "no CORS headers by default",
    file: options,
    code: "cors: options.cors ?? false,",
    without: "cors: options.cors ?? true,",
  },
  {
    test: "V15",
    what: "ids come from a CSPRNG",
    file: host,
    code: "randomFillSync(this.#pool);",
    without:
      "for (let i = 0; i < this.#pool.length; i++) this.#pool[i] = Math.floor(Math.random() ** 1.02 * 256);",
  },
  {
    test: "V15",
    what: "ids are logged in part",
    file: baseEngine,
    code: 'connection?.id.slice(0, 6) ?? "-"',
    without: 'connection?.id ?? "-"',
  },
  {
    test: "V16",
    what: "cookies are checked at construction",
    file: options,
    code: "if (cookie !== false) checkCookie(cookie);",
    without: "",
  },
  {
    test: "V17",
    what: "foreign origins with cookies",
    file: origin,
    code: "  return origin;\n}",
    without: "  return undefined;\n}",
  },
  {
    test: "V17",
    what: "hosts are compared whole",
    file: origin,
    code: "withoutDefaultPort(host) === originHost)",
    without: "originHost.startsWith(withoutDefaultPort(host)))",
  },
  {
    test: "V17",
    what: "proxies that rewrite Host",
    file: origin,
    code: 'for (const host of [headers.host ?? headers[":authority"], forwardedHost]) {',
    without: "for (const host of [headers.host, forwardedHost].slice(0, 1)) {",
  },
  {
    test: "V18",
    what: "patterns are linear",
    file: origin,
    code: "replace(/:(?:80|443)$/",
    without: "replace(/\\s*\\s*:(?:80|443)$/",
  },
  {
    test: "V19",
    what: "ws: an Upgrade header that was dropped",
    file: wsServer,
    code: "upgrade === undefined || upgrade.toLowerCase()",
    without: "upgrade.toLowerCase()",
  },
  {
    test: "V20",
    what: "the size of messages",
    file: engine,
    code: "maxPayload: this.opts.maxHttpBufferSize,",
    without: "maxPayload: 0,",
  },
  {
    test: "V20",
    what: "ws: offers are on an object without a prototype",
    file: "node_modules/ws/lib/extension.js",
    code: "const offers = Object.create(null);",
    without: "const offers = {};",
  },
  {
    test: "V21",
    what: "a frame's bytes are all written",
    file: frames,
    code: 'textBytes === text.length ? "latin1" : "utf8"',
    without: '"latin1"',
  },
  {
    test: "V22",
    what: "ws: the number of fragments",
    file: engine,
    code: "maxPayload: this.opts.maxHttpBufferSize,",
    without: "maxPayload: this.opts.maxHttpBufferSize, maxFragments: 0,",
  },
  {
    test: "V22",
    what: "the number of chunks",
    file: engine,
    code: "maxBufferedChunks: Math.max(4096, Math.ceil(this.opts.maxHttpBufferSize / 64)),",
    without: "",
  },
  {
    test: "V23",
    what: "ws: the mask is let go",
    file: "node_modules/ws/lib/receiver.js",
    code: "this._mask = undefined;\n\n    if (this._opcode > 0x07) {",
    without: "if (this._opcode > 0x07) {",
  },
  {
    test: "V24",
    what: "ws: pongs that wait",
    file: engine,
    code: "maxPayload: this.opts.maxHttpBufferSize,",
    without: "maxPayload: this.opts.maxHttpBufferSize, maxPendingAutoPongs: 0,",
  },
  {
    test: "V25",
    what: "compression is off by default",
    file: options,
    code: "withDefaults(options.perMessageDeflate, false,",
    without: "withDefaults(options.perMessageDeflate, true,",
  },
  {
    test: "V25",
    what: "the size of messages, inflated",
    file: engine,
    code: "maxPayload: this.opts.maxHttpBufferSize,",
    without: "maxPayload: 0,",
  },
  {
    test: "V26",
    what: "the depth of JSON",
    file: decode,
    code: "if (text.length > depthCheckedAboveLength) checkDepth(text, at, this.#maxDepth);",
    without: "void depthCheckedAboveLength; void checkDepth;",
  },
  {
    test: "V26",
    what: "the number of arguments",
    file: client,
    code: "packet.data.length > argumentsMax) {",
    without: "packet.data.length > 1e9) {",
  },
  {
    test: "V27",
    what: "limits.namespacesPerConnection",
    file: client,
    code: "if (this.#joined + this.#joining >= limit) {",
    without: "if (this.#joined + this.#joining >= 1e9) {",
  },
  {
    test: "V27",
    what: "namespaces that are being joined count",
    file: client,
    code: "if (this.#joined + this.#joining >= limit) {",
    without: "if (this.#joined >= limit) {",
  },
  {
    test: "V28",
    what: "the digits of an id",
    file: decode,
    code: "if (end - start > numberDigitsMax || !Number.isSafeInteger(id)) {",
    without: "if (Number.isNaN(id)) {",
  },
  {
    test: "V29",
    what: "limits.roomsPerSocket",
    file: roomChecks,
    code: "if (joined.size + count <= most) return undefined;",
    without: "if (joined.size <= most) return undefined;",
  },
  {
    test: "V29",
    what: "rooms that are joined with older events of them count, too",
    file: keeper,
    code: "if (socket._refusesRooms(new Set([room]))) return;",
    without: "",
  },
  {
    test: "V29",
    what: "names of rooms that a store can have",
    file: roomChecks,
    code: "if (length > tagCharactersMax) {",
    without: "if (length > 1e9) {",
  },
  {
    test: "V30",
    what: "time for a body",
    file: polling,
    code: "options.wheel.arm(this.#deadline, options.bodyTimeoutMs);",
    without: "",
  },
  {
    test: "V30",
    what: "one POST at a time",
    file: polling,
    code: "if (this.#upload !== undefined) {",
    without: "if (this.options === undefined) {",
  },
  {
    test: "V30",
    what: "one GET at a time",
    file: polling,
    code: "if (this.#poll !== undefined) {",
    without: "if (this.options === undefined) {",
  },
  {
    test: "V31",
    what: "connectTimeout",
    file: client,
    code: "server._wheel.arm(this.#connectAlarm, server._connectTimeout);",
    without: "",
  },
  {
    test: "V31",
    what: "connectTimeout waits for no GET",
    file: client,
    code: "half a minute more.\n    this.conn.close(true);",
    without: "half a minute more.\n    this.conn.close();",
  },
  {
    test: "V31",
    what: "limits.connectionsPerAddress",
    file: baseEngine,
    code: "(this.#addresses.get(address) ?? 0) < limit) return",
    without: "limit > 0) return",
  },
  {
    test: "V32",
    what: "offsets are those that were given out",
    file: recovery,
    code: "return packet?.id === offset ? packet.number : undefined;",
    without: "return packet?.number ?? number;",
  },
  {
    test: "V32",
    what: "sessions are the namespace's",
    file: recovery,
    code: "readonly #sessions = new AgedMap<PrivateSessionId, StoredSession>();",
    without:
      "static #all = new AgedMap<PrivateSessionId, StoredSession>(); readonly #sessions = SessionAwareAdapter.#all;",
  },
  {
    test: "V33",
    what: "the log of a refusal has no URL",
    file: baseEngine,
    code: 'debug("refused: %d %s %o", code, engineErrorMessages[code], context?.["name"]);',
    without: 'debug("refused: %d %s %o", code, engineErrorMessages[code], request.url);',
  },
  {
    test: "V34",
    what: "a refused upgrade ends its socket",
    file: refusals,
    code: "  socket.destroy();\n}",
    without: "}",
  },
  {
    test: "V34",
    what: "another version is refused before the 101",
    file: engine,
    code: "if (this.refusedVersion(request, abort)) return;",
    without: "",
  },
  {
    test: "V34",
    what: "an upgrade that nobody takes ends its socket",
    file: engine,
    code: "socket.end(() => socket.destroy());",
    without: "void socket;",
  },
  {
    test: "V35",
    what: "Node: the size of headers",
    env: { NODE_OPTIONS: "--max-http-header-size=65536" },
  },
  {
    test: "V36",
    what: "limits.bufferedBytes",
    file: connection,
    code: "if (before.size <= limit || this.transport.ready) return before;",
    without: "if (before.size <= 1e12) return before;",
  },
  {
    test: "V38",
    what: "limits.concurrentReads",
    file: pageReads,
    code: "if (this.#reads >= this.#max || this.#given",
    without: "if (this.#given",
  },
  {
    test: "V39",
    what: "message ids are the producer's",
    file: publish,
    code: 'if (session === undefined) return "server";',
    without: 'if (session !== null) return "server";',
  },
  {
    test: "V40",
    what: "positions have a keyed check",
    file: positions,
    code: "if (!timingSafeEqual(Buffer.from(expected), Buffer.from(check))) return undefined;",
    without: 'if (expected === "") return undefined;',
  },
  {
    test: "V40",
    what: "pids of sessions that are gone have a keyed check",
    file: claim,
    code: "if (!delivery.pids.isGenuine(pid)) return nothing;",
    without: 'if (pid === "no pid") return nothing;',
  },
  {
    test: "V41",
    what: "an entry is for the members of its rooms",
    file: session,
    code: "if (tags.length > 0 && !tags.some((tag) => this.#has(tag, offset))) return false;",
    without: "if (tags.length > 1e6) return false;",
  },
  {
    test: "V37",
    what: "no assignment to keys of a peer",
    file: binary,
    code: "return Object.fromEntries(entries);",
    without:
      "const copy: Record<string, unknown> = {}; for (const [key, item] of entries) copy[key] = item; return copy;",
  },
  {
    test: "V42",
    what: "what is not the client's file is the engine's to refuse",
    file: checks,
    code: 'if (!enabled || transport === "webtransport") {',
    without: 'if (transport === "webtransport") {',
  },
];
