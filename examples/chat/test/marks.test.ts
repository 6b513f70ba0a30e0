/** What the page tells of each message: how far mine have come, and which of the others' I have not seen. */
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { useChromium } from "../../../conformance/browser/chromium.ts";
import { ChatProcess } from "./chat-process.ts";
import {
  buildChat,
  enter,
  listed,
  message,
  messages,
  say,
  shows,
  texts,
  upgraded,
  visit,
} from "./visitor.ts";

const chromium = useChromium();
let startChat: Awaited<ReturnType<typeof buildChat>>["startChat"];

beforeAll(async () => {
  ({ startChat } = await buildChat());
});

/** A chat without anybody in it yet. */
async function start(): Promise<string> {
  const chat = await startChat({ host: "127.0.0.1", pingInterval: 500, pingTimeout: 500 });
  onTestFinished(() => chat.close());
  return chat.url;
}

async function tick(page: Page, text: string, meaning: string): Promise<void> {
  await message(page, text).getByRole("img", { name: meaning, exact: true }).waitFor();
}

async function goOffline(page: Page): Promise<void> {
  await page.context().setOffline(true);
  await page.getByText("You are offline.").waitFor();
}

async function goOnline(page: Page): Promise<void> {
  await page.context().setOffline(false);
  await page.getByText("You are offline.").waitFor({ state: "hidden" });
}

describe("ticks", () => {
  it("a message is on its way, stored, and delivered when the last one who was away has it", async () => {
    const url = await start();
    const a = await visit(chromium, url, "Ada");
    const b = await visit(chromium, url, "Bob");
    const c = await visit(chromium, url, "Cid");
    await listed(a, "In this room", "Cid").waitFor();
    await say(a, "all here");
    await tick(a, "all here", "delivered to everyone");

    await goOffline(c);
    await listed(a, "In this room", "Cid (away)").waitFor();
    await say(a, "not all here");
    await shows(b, "not all here");
    await tick(a, "not all here", "stored");
    await goOffline(a);
    await say(a, "nobody there");
    await tick(a, "nobody there", "on its way");

    await goOnline(c);
    await shows(c, "not all here");
    await goOnline(a);
    // It learns of it though it was away when it happened.
    await tick(a, "not all here", "delivered to everyone");
    await tick(a, "nobody there", "delivered to everyone");
    // Only what I wrote has them.
    expect(await messages(b).getByRole("img").count()).toBe(0);
  });

  it("are there after a reload", async () => {
    const url = await start();
    const a = await visit(chromium, url, "Ada");
    const b = await visit(chromium, url, "Bob");
    await listed(a, "In this room", "Bob").waitFor();
    await say(a, "first");
    await tick(a, "first", "delivered to everyone");
    await goOffline(b);
    await listed(a, "In this room", "Bob (away)").waitFor();
    await say(a, "second");
    await tick(a, "second", "stored");
    await a.reload();
    await tick(a, "first", "delivered to everyone");
    await tick(a, "second", "stored");
    await goOnline(b);
    await tick(a, "second", "delivered to everyone");
  });

  it("are told by the server that comes after the one that stored the message", async () => {
    const server = await ChatProcess.start();
    const a = await visit(chromium, server.url, "Ada");
    const b = await visit(chromium, server.url, "Bob");
    await listed(a, "In this room", "Bob").waitFor();
    await upgraded(b);
    await b.goto("about:blank");
    await listed(a, "In this room", "Bob (away)").waitFor();
    await say(a, "is it on?");
    await tick(a, "is it on?", "stored");
    await server.kill();
    await a.getByText("You are offline.").waitFor();
    await server.start();
    await a.getByText("You are offline.").waitFor({ state: "hidden" });
    await say(a, "it is");
    await tick(a, "it is", "stored");
    await b.goto(server.url);
    await tick(a, "is it on?", "delivered to everyone");
    await tick(a, "it is", "delivered to everyone");
  });

  it("need one tab of each person", async () => {
    const url = await start();
    const a = await visit(chromium, url, "Ada");
    const b = await visit(chromium, url, "Bob");
    const second = await b.context().newPage();
    await second.goto(url);
    await second.getByLabel("Your name").fill("Bob");
    await second.getByRole("button", { name: "Come in" }).click();
    await listed(a, "In this room", "Bob").waitFor();
    await say(a, "to both tabs");
    await shows(b, "to both tabs");
    await shows(second, "to both tabs");
    expect(await listed(a, "In this room", "Bob").count()).toBe(1);
    await second.close();
    await say(a, "to one tab");
    await tick(a, "to one tab", "delivered to everyone");
  });
});

describe("what is new", () => {
  const unread = (page: Page) => messages(page).locator(".unread");

  it("is marked and counted when I come back, until I have answered", async () => {
    const url = await start();
    const a = await visit(chromium, url, "Ada");
    const b = await visit(chromium, url, "Bob");
    await say(a, "seen");
    await shows(b, "seen");
    await b.goto("about:blank");
    await listed(a, "In this room", "Bob (away)").waitFor();
    for (const text of ["one", "two", "three"]) await say(a, text);
    await shows(a, "three");

    await b.goto(url);
    await b.getByText("Caught up 3 messages", { exact: true }).waitFor();
    expect(await unread(b).textContent()).toBe("3 new messages");
    expect(await messages(b).locator(".unread + li p").textContent()).toBe("one");
    expect(await texts(b)).toEqual(["seen", "one", "two", "three"]);

    await say(b, "I am back");
    await unread(b).waitFor({ state: "detached" });
    expect(await b.getByText("Caught up").count()).toBe(0);
    await shows(b, "I am back");
    await b.reload();
    await shows(b, "I am back");
    await listed(b, "In this room", "Bob (you)").waitFor();
    expect(await unread(b).count()).toBe(0);
  });

  it("is marked when it comes while the page is in the background", async () => {
    const url = await start();
    const a = await visit(chromium, url, "Ada");
    const b = await visit(chromium, url, "Bob");
    await say(a, "seen");
    await shows(b, "seen");
    const setHidden = (hidden: boolean) =>
      b.evaluate((value) => {
        Object.defineProperty(document, "hidden", { value, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
    await setHidden(true);
    await say(a, "psst");
    await unread(b).waitFor();
    expect(await unread(b).textContent()).toBe("1 new message");
    expect(await messages(b).locator(".unread + li p").textContent()).toBe("psst");
    await setHidden(false);
    await say(a, "there you are");
    await shows(b, "there you are");
    expect(await unread(b).textContent()).toBe("1 new message");
  });

  it("is marked in a room that I was not in", async () => {
    const url = await start();
    const a = await visit(chromium, url, "Ada");
    const b = await visit(chromium, url, "Bob");
    await enter(a, "kitchen");
    await enter(b, "kitchen");
    await say(a, "soup?");
    await shows(b, "soup?");
    await enter(b, "lobby");
    await say(a, "it is getting cold");
    await shows(a, "it is getting cold");
    await enter(b, "kitchen");
    await b.getByText("Caught up 1 message", { exact: true }).waitFor();
    expect(await texts(b)).toEqual(["soup?", "it is getting cold"]);
  });
});
