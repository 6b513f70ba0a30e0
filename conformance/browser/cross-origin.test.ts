/**
 * Pages of another origin, in Chromium, which decides itself what it sends and what it shows to them. The other origin
 * is another port of the same host: cookies know no ports, so a cookie of the one goes to the other too.
 */
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { SocketIoTestServer } from "../support/servers.ts";
import { targetName } from "../support/target.ts";
import { useChromium } from "./chromium.ts";
import {
  type ClientOptions,
  openClient,
  type ServerOptions,
  startWithPage,
  tryToConnect,
} from "./client-page.ts";

const chromium = useChromium();
const polling: ClientOptions = { transports: ["polling"] };
const websocket: ClientOptions = { transports: ["websocket"] };
const pollingRefused = "refused: xhr poll error";
const websocketRefused = "refused: websocket error";

interface Visit {
  readonly page: Page;
  readonly home: SocketIoTestServer;
  readonly other: SocketIoTestServer;
  /** The cookies that came with each handshake at the other server. */
  readonly cookies: (string | undefined)[];
  /** The transport that each of these handshakes was made on. */
  readonly transports: unknown[];
  /** Connects to the other server from the page. */
  connect(options: ClientOptions): Promise<string>;
}

/** A page of one server, and another server with these options, which may depend on the origin of the page. */
async function visit(
  optionsFor: (origin: string) => ServerOptions,
  { cookie }: { cookie?: string } = {},
): Promise<Visit> {
  const home = await startWithPage();
  const other = await startWithPage(optionsFor(home.url));
  const cookies: (string | undefined)[] = [];
  const transports: unknown[] = [];
  other.io.on("connection", ({ handshake }) => {
    cookies.push(handshake.headers.cookie);
    transports.push(handshake.query["transport"]);
  });
  const page = await chromium.page();
  await openClient(page, home);
  if (cookie !== undefined) {
    await page.evaluate((text) => {
      // biome-ignore lint/suspicious/noDocumentCookie: a test of cookies in every browser's oldest way
      document.cookie = text;
    }, cookie);
  }
  const connect = (options: ClientOptions) => tryToConnect(page, other.url, options);
  return { page, home, other, cookies, transports, connect };
}

describe("with cors for the page's origin", () => {
  it("connects over polling, WebSocket and the upgrade, without cookies where there are none", async () => {
    const { connect, cookies, transports } = await visit((origin) => ({ cors: { origin } }));
    expect(await connect(polling)).toBe("polling");
    expect(await connect(websocket)).toBe("websocket");
    // It may have moved before it is let in.
    expect(["polling", "websocket"]).toContain(await connect({}));
    expect(transports).toEqual(["polling", "websocket", "polling"]);
    expect(cookies).toEqual([undefined, undefined, undefined]);
  });

  it("gets the cookies when both sides want credentials", async () => {
    const { connect, cookies } = await visit(
      (origin) => ({ cors: { origin, credentials: true } }),
      { cookie: "session=secret" },
    );
    expect(await connect({ ...polling, withCredentials: true })).toBe("polling");
    expect(await connect(polling)).toBe("polling");
    expect(await connect(websocket)).toBe("websocket");
    expect(cookies).toEqual(["session=secret", undefined, "session=secret"]);
  });

  it("refuses polling with credentials when only the page wants them", async () => {
    const { connect } = await visit((origin) => ({ cors: { origin } }));
    expect(await connect({ ...polling, withCredentials: true })).toBe(pollingRefused);
  });

  it("answers the preflight of a request with headers of its own", async () => {
    const { connect } = await visit((origin) => ({
      cors: { origin, allowedHeaders: ["x-token"] },
    }));
    expect(await connect({ ...polling, extraHeaders: { "x-token": "t" } })).toBe("polling");
    expect(await connect({ ...polling, extraHeaders: { "x-other": "t" } })).toBe(pollingRefused);
  });
});

describe("without cors", () => {
  it("refuses polling: the browser shows the page no answer", async () => {
    const { connect, cookies } = await visit(() => ({}));
    expect(await connect(polling)).toBe(pollingRefused);
    expect(cookies).toEqual([]);
  });

  it("refuses polling when cors is for another origin", async () => {
    const { connect, cookies } = await visit(() => ({ cors: { origin: "https://app.example" } }));
    expect(await connect(polling)).toBe(pollingRefused);
    expect(cookies).toEqual([]);
  });

  it("serves a WebSocket that acts in nobody's name", async () => {
    const { connect, cookies } = await visit(() => ({}));
    expect(await connect(websocket)).toBe("websocket");
    expect(cookies).toEqual([undefined]);
  });

  it.runIf(targetName === "holdfast")(
    "V17: refuses a WebSocket with the visitor's cookies",
    async () => {
      const { page, connect, cookies, other, home } = await visit(() => ({}), {
        cookie: "session=secret",
      });
      expect(await connect(websocket)).toBe(websocketRefused);
      expect(cookies).toEqual([]);
      expect(other.io.engine.refusals).toEqual(new Map([["HF_ORIGIN_REFUSED", 1]]));
      // The server's own page goes on as it did, over each transport.
      expect(await tryToConnect(page, home.url, websocket)).toBe("websocket");
      expect(await tryToConnect(page, home.url, polling)).toBe("polling");
    },
  );
});
