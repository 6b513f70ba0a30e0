/** Shared header texts: equal to what came, the same string for all, and bounded whatever clients send. */
import { expect, it } from "vitest";
import { shareHeaders } from "./shared-text.ts";

it("changes no header", () => {
  const headers = [
    "Host",
    "127.0.0.1:3000",
    "User-Agent",
    "a browser",
    "Cookie",
    "secret=1",
    "odd",
  ];
  const before = [...headers];
  shareHeaders(headers);
  expect(headers).toEqual(before);
});

it("stays right when more different texts come than it keeps", () => {
  for (let client = 0; client < 5000; client++) {
    const headers = ["User-Agent", `browser ${client}`, `X-${client}`, `${client}`];
    shareHeaders(headers);
    expect(headers).toEqual(["User-Agent", `browser ${client}`, `X-${client}`, `${client}`]);
  }
});
