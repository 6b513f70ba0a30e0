/** Headless Chromium for the browser tests: one browser per test file, one context (its own cookies) per page. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, onTestFinished } from "vitest";

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface Chromium {
  /** A page in a context of its own, closed with the test. */
  page(options?: BrowserContextOptions): Promise<Page>;
}

/** Starts with the tests of the file that calls it, and ends with them. Without `quic` there is no WebTransport. */
export function useChromium({ quic = false }: { quic?: boolean } = {}): Chromium {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: "/usr/bin/chromium",
      args: quic ? flags : [...flags, "--disable-quic"],
    });
  });
  afterAll(async () => {
    await browser?.close();
  });
  return {
    async page(options = {}) {
      if (browser === undefined) throw new Error("Chromium did not start");
      const context = await browser.newContext(options);
      onTestFinished(() => context.close());
      // A busy machine may take so long; nothing else is waited for longer.
      context.setDefaultTimeout(30_000);
      return context.newPage();
    },
  };
}
