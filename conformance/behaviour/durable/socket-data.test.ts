/** `socket.data` with what JSON cannot say: the rest of it is kept all the same, and somebody is told. */
import { expect, it, onTestFinished } from "vitest";
import { pair, start, until } from "../../support/clients.ts";
import { away, reconnecting } from "../../support/durable.ts";

type Warning = Error & { code?: string };

function warnings(): Warning[] {
  const heard: Warning[] = [];
  const listen = (warning: Warning) => heard.push(warning);
  process.on("warning", listen);
  onTestFinished(() => {
    process.off("warning", listen);
  });
  return heard;
}

const cycle: { self?: unknown } = {};
cycle.self = cycle;
const throwing = {
  get broken(): never {
    throw new Error("no value");
  },
};

it.each([
  ["a timer", () => setInterval(() => {}, 1e6).unref()],
  ["a BigInt", () => 1n],
  ["a cycle", () => cycle],
  ["a getter that throws", () => throwing],
])(
  "%s in socket.data is left out, with one warning; what else is there is kept",
  async (_what, make) => {
    const heard = warnings();
    const server = await start({ store: "memory" }, "holdfast");
    const [socket, client] = await pair(server, "/", reconnecting);
    const kept = { name: "ann", ["__proto__"]: 1, seen: [1, 2] };
    socket.data = { ...kept, bad: make(), nothing: undefined };
    const again = await away(server.io, client, () => {});
    expect(again.recovered).toBe(true);
    expect(again.data).toEqual(kept);
    expect(Object.getPrototypeOf(again.data)).toBe(Object.prototype);
    again.data.bad = make();
    await away(server.io, client, () => {});
    await until(() => heard.length > 0, "the warning");
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatchObject({ name: "HoldfastWarning", code: "HF_DATA_INVALID" });
    expect(heard[0]?.message).toContain('socket.data["bad"]');
    expect(heard[0]?.message).not.toContain("\n");
  },
);

it("data that is larger than what is kept of a session is told, too", async () => {
  const heard = warnings();
  const server = await start({ store: "memory" }, "holdfast");
  const [socket, client] = await pair(server, "/", reconnecting);
  socket.data = { text: "x".repeat(16 * 1024 * 1024) };
  const again = await away(server.io, client, () => {});
  expect(again.recovered).toBe(true);
  expect(again.data).toEqual({});
  await until(() => heard.length > 0, "the warning");
  expect(heard[0]).toMatchObject({ code: "HF_DATA_INVALID" });
  expect(heard[0]?.message).toContain("16777227 characters, at most 16777216");
});

it("data that cannot be said at all is told, too", async () => {
  const heard = warnings();
  const server = await start({ store: "memory" }, "holdfast");
  const [socket, client] = await pair(server, "/", reconnecting);
  socket.data = [1n];
  const again = await away(server.io, client, () => {});
  expect(again.data).toEqual({});
  await until(() => heard.length > 0, "the warning");
  expect(heard.map(({ code }) => code)).toEqual(["HF_DATA_INVALID"]);
});

it("a socket in its own data is left out, with one warning", async () => {
  const heard = warnings();
  const server = await start({ store: "memory" }, "holdfast");
  const [socket, client] = await pair(server, "/", reconnecting);
  socket.data = { name: "ann", socket };
  expect((await away(server.io, client, () => {})).data).toEqual({ name: "ann" });
  expect(heard).toHaveLength(1);
});
