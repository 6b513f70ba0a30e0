/** A person in the chat, in a page of headless Chromium: what the tests do and see there. */
import type { BrowserContextOptions, Locator, Page } from "playwright-core";
import type { Chromium } from "../../../conformance/browser/chromium.ts";

export type Route = "websocket" | "polling";

export interface Visit extends BrowserContextOptions {
  transport?: Route;
}

/** A message as it is shown. */
export interface Shown {
  readonly text: string;
  readonly stage: string;
}

/** Builds the app. @returns what its server exports */
export async function buildChat(): Promise<typeof import("../src/server.ts")> {
  const load = (path: string) => import(new URL(path, import.meta.url).href);
  const { build } = (await load("../build.mjs")) as { build(): Promise<void> };
  await build();
  return (await load("../build/server.js")) as typeof import("../src/server.ts");
}

/** A page that has come in under this name. */
export async function visit(
  chromium: Chromium,
  url: string,
  name: string,
  { transport, ...options }: Visit = {},
): Promise<Page> {
  const page = await chromium.page(options);
  await page.goto(`${url}/${transport === undefined ? "" : `?transport=${transport}`}`);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Come in" }).click();
  await page.getByRole("heading", { name: "# lobby" }).waitFor();
  return page;
}

/**
 * Waits until the page has moved to WebSocket. A page that goes away in the middle of that leaves no connection whose
 * end the server could see: it is missed only when its pings are.
 */
export async function upgraded(page: Page): Promise<void> {
  await page.getByText("online, websocket", { exact: true }).waitFor();
}

export async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

export async function enter(page: Page, room: string): Promise<void> {
  await page.getByRole("button", { name: `# ${room}` }).click();
  await page.getByRole("heading", { name: `# ${room}` }).waitFor();
}

/** Begins to send `prefix 1`, `prefix 2`, … several times a second. */
export async function talk(page: Page, prefix: string): Promise<void> {
  await page.evaluate((word) => {
    const field = document.querySelector<HTMLInputElement>("#text");
    const form = document.querySelector<HTMLFormElement>("#composer");
    if (field === null || form === null) throw new Error("there is nothing to write in");
    let number = 0;
    const timer = setInterval(() => {
      field.value = `${word} ${++number}`;
      form.requestSubmit();
    }, 150);
    Object.assign(globalThis, {
      stopTalking() {
        clearInterval(timer);
        return number;
      },
    });
  }, prefix);
}

/** @returns how many messages were sent since `talk` */
export function stopTalking(page: Page): Promise<number> {
  return page.evaluate(() => (globalThis as unknown as { stopTalking(): number }).stopTalking());
}

/** Every message that is shown, in the order on the page. */
export function shown(page: Page): Promise<Shown[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("#messages [data-id]")].map((item) => ({
      text: item.querySelector("p")?.textContent ?? "",
      stage: item.dataset["stage"] ?? "",
    })),
  );
}

export async function texts(page: Page): Promise<string[]> {
  return (await shown(page)).map(({ text }) => text);
}

/**
 * Waits until the page shows a message with exactly this text, and nothing of its own is on its way. The stock client
 * sends one message after the other: many that have waited take a while.
 */
export async function shows(page: Page, text: string): Promise<void> {
  await page.waitForFunction(
    (wanted) => {
      const items = [...document.querySelectorAll<HTMLElement>("#messages [data-id]")];
      const sending = items.some((item) => item.dataset["stage"] === "sending");
      return !sending && items.some((item) => item.querySelector("p")?.textContent === wanted);
    },
    text,
    { timeout: 60_000 },
  );
}

export const messages = (page: Page): Locator => page.getByRole("list", { name: "Messages" });
export const message = (page: Page, text: string): Locator =>
  messages(page).getByRole("listitem").filter({ hasText: text });
export const listed = (page: Page, list: string, text: string): Locator =>
  page.getByRole("list", { name: list }).getByText(text, { exact: true });
