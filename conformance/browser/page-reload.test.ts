/**
 * A page that is reloaded goes on where it was (S5), and two tabs of one visitor do not disturb each other (F21).
 *
 * Goal: what docs/guide/page-reload.md says, with exactly its lines in the page and the stock client that the server
 * serves. Method: a number is sent every few milliseconds; the page writes down each number in the step that it gets
 * it, and is reloaded in the middle. What it wrote down over all its lives is compared with what was sent.
 */
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { describe, expect, it, onTestFinished } from "vitest";
import { next } from "../support/clients.ts";
import { type SocketIoTestServer, startSocketIo } from "../support/servers.ts";
import { useChromium } from "./chromium.ts";
import type { ServerOptions } from "./client-page.ts";

const chromium = useChromium();

const guide = await readFile("docs/guide/page-reload.md", "utf8");
const [, documentedLines = ""] = /^```js\n([\s\S]*?)^```$/m.exec(guide) ?? [];

/** Writes down what comes, at once: nothing of it is lost with the page. */
const notes = `
  const note = (what) => { sessionStorage.notes = (sessionStorage.notes ?? "") + what + " "; };
  note("load");
  socket.on("tick", (number) => note(number));
  socket.onAny((event) => { if (event === "hf:position") note("position"); });
  socket.on("hf:gap", ({ reason }) => note("gap:" + reason));
`;

/** A server with a page of these lines, whose clients are all in one room. */
async function startWithLines(
  lines: string,
  options: ServerOptions = {},
): Promise<SocketIoTestServer> {
  const server = await startSocketIo({ store: "memory", ...options });
  onTestFinished(() => server.close());
  server.httpServer.on("request", (request, response) => {
    if (request.url !== "/page") return;
    response.setHeader("content-type", "text/html");
    response.end(
      `<!doctype html><script src="/socket.io/socket.io.js"></script><script>${lines}${notes}</script>`,
    );
  });
  server.io.on("connection", (socket) => socket.join("room"));
  return server;
}

/** Sends a number every few milliseconds, until it is stopped. */
class Ticks {
  readonly #server: SocketIoTestServer;
  #sent = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(server: SocketIoTestServer) {
    this.#server = server;
    this.#timer = setInterval(() => this.#send(), 4);
    onTestFinished(() => clearInterval(this.#timer));
  }

  #send(): void {
    this.#server.io.to("room").emit("tick", ++this.#sent);
  }

  /** @returns how many were sent */
  stop(): number {
    clearInterval(this.#timer);
    return this.#sent;
  }
}

const notesOf = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    String(sessionStorage["notes"] ?? "")
      .trim()
      .split(" "),
  );

/** All that it got, over all its lives. */
async function numbersOf(page: Page): Promise<number[]> {
  return (await notesOf(page)).filter((word) => /^\d+$/.test(word)).map(Number);
}

/** Waits until the page has got so many numbers since it was loaded. */
async function gets(page: Page, count: number): Promise<void> {
  await page.waitForFunction((wanted) => {
    const written = String(sessionStorage["notes"] ?? "");
    const sinceLoad = written.slice(written.lastIndexOf("load")).match(/\d+/g) ?? [];
    return sinceLoad.length >= wanted;
  }, count);
}

async function getsNumber(page: Page, number: number): Promise<void> {
  await page.waitForFunction(
    (wanted) => String(sessionStorage["notes"] ?? "").includes(` ${wanted} `),
    number,
  );
}

/** What the page has got over its lives, when what came after its last position is forgotten with each of them. */
function kept(written: readonly string[]): number[] {
  const numbers: number[] = [];
  let known = 0;
  for (const word of written) {
    if (word === "position") known = numbers.length;
    else if (word === "load") numbers.length = known;
    else numbers.push(Number(word));
  }
  return numbers;
}

/** Publishes a number, and waits until every session has confirmed it. */
async function publishConfirmed(server: SocketIoTestServer, number: number): Promise<void> {
  const published = await server.io.to("room").publish("tick", number, {});
  await expect.poll(() => published.missing()).toEqual([]);
}

/** How many sessions are in the room, connected or not: so many have not confirmed what is published just now. */
async function sessionsIn(server: SocketIoTestServer): Promise<number> {
  const published = await server.io.to("room").publish("count", {});
  return (await published.missing()).length;
}

const oneTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

const routes = [
  { name: "polling", transports: ["polling"] },
  { name: "polling, then websocket", transports: ["polling", "websocket"] },
] as const;

describe.each(routes)("over $name", ({ transports }) => {
  const options: ServerOptions = { transports: [...transports] };

  it("S5: loses and repeats nothing over reloads, with the documented lines", async () => {
    const server = await startWithLines(documentedLines, options);
    const page = await chromium.page();
    await page.goto(`${server.url}/page`);
    await page.waitForFunction(() => sessionStorage.getItem("hf") !== null);
    const ticks = new Ticks(server);
    for (const count of [1, 40, 7, 25]) {
      await gets(page, count);
      await page.reload();
    }
    await gets(page, 10);
    const last = ticks.stop();
    await getsNumber(page, last);

    const written = await notesOf(page);
    expect(written.filter((word) => word === "load")).toHaveLength(5);
    expect(kept(written)).toEqual(oneTo(last));
    expect(await sessionsIn(server)).toBe(1);
  });

  it("S5: loses nothing over reloads with identify, and nothing but `io()` in the page", async () => {
    const server = await startWithLines("const socket = io();", {
      ...options,
      identify: ({ handshake }) => ({ user: "ann", device: handshake.headers["user-agent"] }),
    });
    const page = await chromium.page();
    await page.goto(`${server.url}/page`);
    const ticks = new Ticks(server);
    for (const count of [1, 40, 7, 25]) {
      await gets(page, count);
      await page.reload();
    }
    await gets(page, 10);
    const last = ticks.stop();
    await getsNumber(page, last);

    // Each life is a stretch without holes, and joins the one before: what was not confirmed yet may come again.
    const lives = (await notesOf(page)).join(" ").split("load").slice(1);
    let end: number | undefined;
    for (const life of lives) {
      expect(life).not.toContain("gap");
      const numbers = (life.match(/\d+/g) ?? []).map(Number);
      const [first = 0] = numbers;
      expect(first, "no hole between two lives").toBeLessThanOrEqual((end ?? first) + 1);
      end = numbers.at(-1) ?? 0;
      expect(numbers).toEqual(oneTo(end).slice(first - 1));
    }
    expect(end).toBe(last);
  });

  it("S5: repeats nothing that was confirmed, with identify", async () => {
    const server = await startWithLines("const socket = io();", {
      ...options,
      identify: () => "ann",
    });
    const page = await chromium.page();
    const connected = next(server.io, "connection");
    await page.goto(`${server.url}/page`);
    await connected;
    for (let number = 1; number <= 4; number++) {
      await publishConfirmed(server, number);
      await page.reload();
    }
    server.io.to("room").emit("tick", 5);
    await getsNumber(page, 5);
    expect(await numbersOf(page)).toEqual(oneTo(5));
  });
});

/** A second tab, with a copy of what the first keeps in its `sessionStorage`, as browsers do it. */
async function duplicate(page: Page): Promise<Page> {
  const opened = page.context().waitForEvent("page");
  await page.evaluate(() => void window.open(location.href));
  return opened;
}

const pidOf = (page: Page): Promise<string> =>
  page.evaluate(() => JSON.parse(String(sessionStorage.getItem("hf"))).pid as string);

describe("F21: two tabs of one visitor", () => {
  it("a duplicated tab gets a session of its own, with the documented lines", async () => {
    const server = await startWithLines(documentedLines);
    const page = await chromium.page();
    await page.goto(`${server.url}/page`);
    await page.waitForFunction(() => sessionStorage.getItem("hf") !== null);
    await publishConfirmed(server, 1);
    const pid = await pidOf(page);

    const copy = await duplicate(page);
    await copy.waitForFunction((old) => !sessionStorage.getItem("hf")?.includes(old), pid);
    expect(await pidOf(page)).toBe(pid);
    expect(await sessionsIn(server)).toBe(2);

    // Both are there, and get everything from now on once, also over a reload of each.
    for (let number = 2; number <= 5; number++) {
      await publishConfirmed(server, number);
      await (number % 2 === 0 ? page : copy).reload();
    }
    server.io.to("room").emit("tick", 6);
    await getsNumber(page, 6);
    await getsNumber(copy, 6);
    expect(kept(await notesOf(page))).toEqual(oneTo(6));
    // It began with a copy of the first one's notes.
    expect(kept(await notesOf(copy))).toEqual(oneTo(6));
    expect(await sessionsIn(server)).toBe(2);
  });

  it("two tabs of one device have a session each, with identify", async () => {
    const server = await startWithLines("const socket = io();", {
      identify: () => ({ user: "ann", device: "laptop" }),
    });
    const page = await chromium.page();
    const connected = next(server.io, "connection");
    await page.goto(`${server.url}/page`);
    await connected;
    await publishConfirmed(server, 1);

    const second = next(server.io, "connection");
    const copy = await duplicate(page);
    await second;
    for (let number = 2; number <= 5; number++) {
      await publishConfirmed(server, number);
      await (number % 2 === 0 ? page : copy).reload();
    }
    server.io.to("room").emit("tick", 6);
    await getsNumber(page, 6);
    await getsNumber(copy, 6);
    expect(await numbersOf(page)).toEqual(oneTo(6));
    expect(await numbersOf(copy)).toEqual(oneTo(6));
    expect(await sessionsIn(server)).toBe(2);
  });
});
