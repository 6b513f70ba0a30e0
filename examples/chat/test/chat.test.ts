/** The chat, as people use it: in Chromium, on the built app. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { useChromium } from "../../../conformance/browser/chromium.ts";
import type { Chat } from "../src/server.ts";
import {
  buildChat,
  enter,
  listed,
  message,
  messages,
  say,
  upgraded,
  type Visit,
  visit as visitChat,
} from "./visitor.ts";

const chromium = useChromium();
let startChat: Awaited<ReturnType<typeof buildChat>>["startChat"];
let chat: Chat;

beforeAll(async () => {
  ({ startChat } = await buildChat());
  chat = await startChat({ host: "127.0.0.1" });
});

afterAll(() => chat.close());

const visit = (name: string, options?: Visit): Promise<Page> =>
  visitChat(chromium, chat.url, name, options);

describe.each(["websocket", "polling"] as const)("over %s", (transport) => {
  it("B reads A's text, is cut, comes back to what was said meanwhile, and answers", async () => {
    // A network that goes between two polls leaves nothing whose end the server could see: it is told by the pings.
    const { url, close } = await startChat({
      host: "127.0.0.1",
      pingInterval: 500,
      pingTimeout: 500,
    });
    onTestFinished(close);
    const [nameA, nameB] = [`Ada ${transport}`, `Bob ${transport}`];
    const a = await visitChat(chromium, url, nameA, { transport });
    const b = await visitChat(chromium, url, nameB, { transport });
    await b.getByText(`online, ${transport}`, { exact: true }).waitFor();

    await say(a, `hello over ${transport}`);
    const first = message(b, `hello over ${transport}`);
    await first.waitFor();
    expect(await first.locator(".author").textContent()).toBe(nameA);
    expect(await first.locator("time").getAttribute("datetime")).toMatch(/^\d{4}-.*Z$/);

    await b.context().setOffline(true);
    await b.getByText("offline, trying again", { exact: true }).waitFor();
    await listed(a, "In this room", `${nameB} (away)`).waitFor();
    await say(a, `still there over ${transport}?`);
    await message(a, `still there over ${transport}?`).waitFor();

    await b.context().setOffline(false);
    await b.getByText(`online, ${transport}`, { exact: true }).waitFor();
    await message(b, `still there over ${transport}?`).waitFor();
    await say(b, `back over ${transport}`);
    await message(a, `back over ${transport}`).waitFor();
    // What was there before is shown once.
    expect(await message(b, `hello over ${transport}`).count()).toBe(1);
  });
});

it("moves from polling to WebSocket by itself", async () => {
  const page = await visit("Upgraded");
  await upgraded(page);
});

it("shows who types, to the others, for a moment", async () => {
  const a = await visit("Typist");
  const b = await visit("Reader");
  // Volatile events are dropped while a page moves to another transport, and whenever one cannot leave at once.
  for (const page of [a, b]) await upgraded(page);
  await vi.waitFor(
    async () => {
      await a.getByLabel("Message", { exact: true }).pressSequentially("s");
      await b.getByText("Typist is typing…").waitFor({ timeout: 1100 });
    },
    { timeout: 15_000 },
  );
  expect(await a.getByText("is typing…").count()).toBe(0);
  await b.getByText("Typist is typing…").waitFor({ state: "detached" });
});

it("keeps rooms apart, and remembers what was said in them", async () => {
  const a = await visit("Cook");
  const b = await visit("Guest");
  await enter(a, "kitchen");
  await say(a, "soup is ready");
  await message(a, "soup is ready").waitFor();
  await say(b, "what is cooking?");
  await message(b, "what is cooking?").waitFor();
  expect(await message(b, "soup is ready").count()).toBe(0);
  expect(await message(a, "what is cooking?").count()).toBe(0);

  await enter(b, "kitchen");
  await message(b, "soup is ready").waitFor();
  expect(await message(b, "what is cooking?").count()).toBe(0);
});

it("says who is in the room", async () => {
  const a = await visit("Host");
  const b = await visit("Visitor");
  await listed(a, "In this room", "Visitor").waitFor();
  await listed(b, "In this room", "Visitor (you)").waitFor();
  await enter(b, "workshop");
  await listed(a, "In this room", "Visitor").waitFor({ state: "detached" });
});

it("says who is online, in the namespace /admin", async () => {
  const a = await visit("Porter");
  const b = await visit("Passenger");
  await listed(a, "Online", "Passenger in lobby").waitFor();
  await enter(b, "workshop");
  await listed(a, "Online", "Passenger in workshop").waitFor();
  await upgraded(b);
  await b.close();
  await listed(a, "Online", "Passenger in workshop").waitFor({ state: "detached" });
});

it("shows markup as the text that it is", async () => {
  const a = await visit("<b>Mallory</b>");
  const text = "<img src=x onerror=\"document.title='run'\">";
  await say(a, text);
  await message(a, text).waitFor();
  expect(await messages(a).locator("img, b").count()).toBe(0);
  expect(await a.title()).toBe("Holdfast chat");
});

it("refuses names and messages that are too long, whatever the page allows", async () => {
  const page = await chromium.page();
  await page.goto(chat.url);
  const name = page.getByLabel("Your name");
  await name.evaluate((field) => field.removeAttribute("maxlength"));
  await name.fill("x".repeat(25));
  await page.getByRole("button", { name: "Come in" }).click();
  await page.getByRole("alert").getByText("a name has 1 to 24 characters").waitFor();
  await name.fill("Brief");
  await page.getByRole("button", { name: "Come in" }).click();
  await page.getByRole("heading", { name: "# lobby" }).waitFor();

  const field = page.getByLabel("Message", { exact: true });
  await field.evaluate((input) => input.removeAttribute("maxlength"));
  const text = "y".repeat(1001);
  await field.fill(text);
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("a message has 1 to 1000 characters").waitFor();
  // Nothing that was written is lost.
  expect(await field.inputValue()).toBe(text);
});

it("is used with the keyboard alone", async () => {
  const page = await chromium.page();
  await page.goto(chat.url);
  await page.keyboard.type("Keys");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "# lobby" }).waitFor();
  await page.keyboard.type("typed and sent");
  await page.keyboard.press("Enter");
  await message(page, "typed and sent").waitFor();

  // Back to the last room; the messages are on the way when they are more than fit.
  const workshop = page.getByRole("button", { name: "# workshop" });
  const reached = () => workshop.evaluate((button) => button === document.activeElement);
  for (let steps = 0; steps < 3 && !(await reached()); steps++) {
    await page.keyboard.press("Shift+Tab");
  }
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "# workshop" }).waitFor();
  await page.keyboard.type("in the workshop");
  await page.keyboard.press("Enter");
  await message(page, "in the workshop").waitFor();
});

it("marks the current room for those who do not see it", async () => {
  const page = await visit("Listener");
  await enter(page, "kitchen");
  expect(await page.getByRole("button", { pressed: true }).allTextContents()).toEqual([
    "# kitchen",
  ]);
});

describe.each(["light", "dark"] as const)("in %s colours", (colorScheme) => {
  it.each([320, 360, 1280])("fits a width of %i px and is easy to read", async (width) => {
    const page = await visit(`W${"x".repeat(20)}`, {
      colorScheme,
      viewport: { width, height: 720 },
    });
    await say(page, "x".repeat(300));
    await say(page, `${width} px, ${colorScheme}`);
    await message(page, `${width} px, ${colorScheme}`).waitFor();

    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide).toBeLessThanOrEqual(width);
    expect(await page.getByRole("button", { name: "Send" }).isVisible()).toBe(true);
    // WCAG AA, for each kind of text on what is really behind it.
    for (const [selector, contrast, dark] of await page.evaluate(contrasts)) {
      expect([selector, contrast]).toEqual([selector, expect.toSatisfy((c: number) => c >= 4.5)]);
      if (selector === "#room-name") expect(dark).toBe(colorScheme === "dark");
    }
  });
});

/** Runs in the page: selector, contrast of its text, and whether the ground is dark. */
function contrasts(): [selector: string, contrast: number, dark: boolean][] {
  const channels = (colour: string): number[] => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (colour: string): number => {
    const [r = 0, g = 0, b = 0] = channels(colour).map((value) => {
      const part = value / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element: Element | null): string => {
    if (element === null) return "rgb(255, 255, 255)";
    const colour = getComputedStyle(element).backgroundColor;
    return channels(colour)[3] === 0 ? ground(element.parentElement) : colour;
  };
  const selectors = [
    "#room-name",
    "#status",
    ".author",
    "time",
    ".tick",
    "#messages p",
    "#composer button",
  ];
  return selectors.map((selector) => {
    const element = document.querySelector(selector);
    if (element === null) throw new Error(`the page has no ${selector}`);
    const behind = luminance(ground(element));
    const ink = luminance(getComputedStyle(element).color);
    const contrast = (Math.max(ink, behind) + 0.05) / (Math.min(ink, behind) + 0.05);
    return [selector, contrast, behind < 0.2];
  });
}
