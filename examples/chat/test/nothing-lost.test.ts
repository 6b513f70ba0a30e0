/**
 * A conversation goes on over whatever happens to a page, its network and the server.
 *
 * Goal: nothing is lost and nothing is shown twice. Method: two people talk without a pause; in the middle a page is
 * reloaded, a network is gone, the server is killed. In the end every message that was written is counted in the
 * pages, and both show them in the same order.
 */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { useChromium } from "../../../conformance/browser/chromium.ts";
import type { Chat } from "../src/server.ts";
import { ChatProcess } from "./chat-process.ts";
import {
  buildChat,
  listed,
  message,
  messages,
  type Route,
  say,
  shown,
  shows,
  stopTalking,
  talk,
  texts,
  type Visit,
  visit,
} from "./visitor.ts";

const chromium = useChromium();
let chat: Chat;

beforeAll(async () => {
  const { startChat } = await buildChat();
  // A lost network is noticed in a second instead of a minute.
  chat = await startChat({ host: "127.0.0.1", pingInterval: 500, pingTimeout: 500 });
});

afterAll(() => chat.close());

const routes: Route[] = ["websocket", "polling"];

/** Two people who have a room of the chat for themselves, for each test another. */
async function pair(transport: Route, url = chat.url): Promise<[a: Page, b: Page]> {
  const options: Visit = { transport };
  const a = await visit(chromium, url, "Ada", options);
  const b = await visit(chromium, url, "Bob", options);
  await listed(b, "In this room", "Ada").waitFor();
  return [a, b];
}

const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix} ${index + 1}`);

const startingWith = (all: readonly string[], prefix: string): string[] =>
  all.filter((text) => text.startsWith(`${prefix} `));

/** Waits until so many messages are shown. */
async function showsMany(page: Page, count: number): Promise<void> {
  await page.waitForFunction(
    (wanted) => document.querySelectorAll("#messages [data-id]").length >= wanted,
    count,
  );
}

describe.each(routes)("over %s", (transport) => {
  it("a page that is reloaded again and again", async () => {
    const [a, b] = await pair(transport);
    const before = (await texts(a)).length;
    await talk(a, `a ${transport}`);
    let written = 0;
    for (let reload = 1; reload <= 4; reload++) {
      // The last of them are on their way when the page goes.
      for (let count = 0; count < 3; count++) await say(b, `b ${transport} ${++written}`);
      await b.reload();
      await showsMany(b, 1);
    }
    const count = await stopTalking(a);
    await shows(a, `b ${transport} ${written}`);
    await shows(a, `a ${transport} ${count}`);
    await shows(b, `a ${transport} ${count}`);
    await shows(b, `b ${transport} ${written}`);

    const all = (await texts(a)).slice(before);
    expect(startingWith(all, `a ${transport}`)).toEqual(numbered(`a ${transport}`, count));
    expect(startingWith(all, `b ${transport}`)).toEqual(numbered(`b ${transport}`, written));
    expect(all).toHaveLength(count + written);
    // A new page shows the latest hundred of before, and all that came since.
    const there = await texts(b);
    expect(there.length).toBeGreaterThanOrEqual(Math.min(100, all.length));
    const common = Math.min(there.length, all.length);
    expect(there.slice(-common)).toEqual(all.slice(-common));
  });

  it("a network that is gone for longer than the server waits", async () => {
    const [a, b] = await pair(transport);
    const [first, wrote] = [`before ${transport}`, `offline ${transport}`];
    await say(a, first);
    await shows(b, first);
    await talk(a, `x ${transport}`);
    await b.context().setOffline(true);
    await b.getByText("You are offline.").waitFor();
    await listed(a, "In this room", "Bob (away)").waitFor();
    const known = startingWith(await texts(b), `x ${transport}`).length;
    for (const text of numbered(wrote, 3)) await say(b, text);
    expect(await message(b, `${wrote} 3`).getByRole("img").getAttribute("aria-label")).toBe(
      "on its way",
    );
    await showsMany(a, (await shown(b)).length + 20);
    const count = await stopTalking(a);
    await shows(a, `x ${transport} ${count}`);

    await b.context().setOffline(false);
    await b.getByText("You are offline.").waitFor({ state: "hidden" });
    await shows(b, `x ${transport} ${count}`);
    await shows(a, `${wrote} 3`);
    await b.getByText(`Caught up ${count - known} messages`, { exact: true }).waitFor();

    const there = await texts(b);
    const since = there.slice(there.indexOf(first) + 1);
    // What Bob wrote came after what he missed: he was away.
    expect(since).toEqual([...numbered(`x ${transport}`, count), ...numbered(wrote, 3)]);
    expect((await texts(a)).slice(-since.length)).toEqual(since);
    const [divider] = await messages(b).locator(".unread + li p").allTextContents();
    expect(divider).toBe(`x ${transport} ${known + 1}`);
  });

  it("a server that is killed or sent away in mid-sentence, and started again", async () => {
    const server = await ChatProcess.start();
    const [a, b] = await pair(transport, server.url);
    await talk(a, "a");
    await talk(b, "b");
    // The last time it is asked to go, and takes its time.
    for (const end of ["kill", "kill", "terminate"] as const) {
      await showsMany(b, (await shown(b)).length + 15);
      const code = await server[end]();
      expect(code).toBe(end === "kill" ? null : 0);
      await a.getByText("You are offline.").waitFor();
      await server.start();
      await a.getByText("You are offline.").waitFor({ state: "hidden" });
    }
    const [countA, countB] = [await stopTalking(a), await stopTalking(b)];
    for (const page of [a, b]) {
      await shows(page, `a ${countA}`);
      await shows(page, `b ${countB}`);
    }
    const all = await texts(a);
    expect(startingWith(all, "a")).toEqual(numbered("a", countA));
    expect(startingWith(all, "b")).toEqual(numbered("b", countB));
    expect(all).toHaveLength(countA + countB);
    expect(await texts(b)).toEqual(all);

    // A visitor who comes later finds it, too.
    const c = await visit(chromium, server.url, "Cid", { transport });
    await shows(c, all.at(-1) ?? "");
    expect(await texts(c)).toEqual(all.slice(-100));
  });
});

it("shows no hole when what was missed is not kept any more", async () => {
  const { startChat } = await buildChat();
  const short = await startChat({ pingInterval: 500, pingTimeout: 500, keep: { entries: 10 } });
  onTestFinished(() => short.close());
  const a = await visit(chromium, short.url, "Ada");
  const b = await visit(chromium, short.url, "Bob");
  await say(a, "seen");
  await shows(b, "seen");
  await b.context().setOffline(true);
  await b.getByText("You are offline.").waitFor();
  for (const text of numbered("missed", 30)) await say(a, text);
  await shows(a, "missed 30");
  await b.context().setOffline(false);
  await shows(b, "missed 30");
  await b.getByText(/^Caught up/).waitFor();
  const there = await texts(b);
  expect(there.length).toBeGreaterThan(1);
  expect(there.length).toBeLessThan(20);
  expect(there).toEqual((await texts(a)).slice(-there.length));
});
