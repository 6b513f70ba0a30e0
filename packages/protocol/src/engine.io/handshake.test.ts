/** The handshake, whose keys the protocol suites compare one by one. */
import { expect, it } from "vitest";
import { encodeHandshake, type Handshake } from "./handshake.ts";

const handshake: Handshake = {
  maxPayload: 1_000_000,
  pingTimeout: 20_000,
  pingInterval: 25_000,
  upgrades: ["websocket"],
  sid: "lv_VI97HAXpY6yYWAAAC",
};

it("has exactly these keys in this order", () => {
  expect(encodeHandshake({ ...handshake, secret: 1 } as Handshake)).toBe(
    '{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,' +
      '"pingTimeout":20000,"maxPayload":1000000}',
  );
});

it("lists no upgrades as an empty list", () => {
  expect(JSON.parse(encodeHandshake({ ...handshake, upgrades: [] }))).toStrictEqual({
    ...handshake,
    upgrades: [],
  });
});
