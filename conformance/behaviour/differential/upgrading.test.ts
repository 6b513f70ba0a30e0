/** Differential: the upgrade from polling to WebSocket, step by step, and its failures. */
import { next, until } from "../../support/clients.ts";
import { compare, type Scenario, type Stage } from "./stage.ts";

/** A session on polling and a WebSocket that wants to take over. When noops come depends on the clock: see `withoutNoops`. */
async function begun(stage: Stage) {
  const [raw, socket] = await stage.joined("poller", "/", "polling");
  if (!("post" in raw)) throw new Error("not a poller");
  for (const name of ["upgrading", "upgrade"]) {
    socket.conn.on(name, (transport: { name: string }) => stage.note(name, transport.name));
  }
  const upgrade = stage.dial("upgrade", { query: { sid: raw.open.sid } });
  await upgrade.opened();
  return { raw, socket, upgrade };
}

/** How many noops release a poll is a matter of time; that they do is not. */
function withoutNoops(raw: { received: unknown[] }): void {
  const kept = raw.received.filter((frame) => frame !== "6");
  raw.received.splice(0, raw.received.length, ...kept);
}

const failing: readonly [what: string, frames: string[]][] = [
  ["without a probe", ["5"]],
  ["a message first", ['42["a"]']],
  ["another ping", ["2"]],
  ["another probe", ["2other"]],
  ["an unknown packet", ["x"]],
  ["a message after the probe", ["2probe", '42["a"]']],
  ["a pong after the probe", ["2probe", "3"]],
  ["a close after the probe", ["2probe", "1"]],
];

compare("upgrades", [
  {
    name: "the whole way, with events before, between and after",
    async play(stage) {
      const { raw, socket, upgrade } = await begun(stage);
      socket.emit("before the probe");
      await raw.until("42");
      await upgrade.send("2probe");
      await upgrade.until("3probe");
      socket.emit("between, polled");
      await raw.until("42");
      const upgraded = next(socket.conn, "upgrade");
      socket.emit("waiting for the upgrade");
      await upgrade.send("5");
      await upgraded;
      socket.emit("after");
      stage.io.emit("after, broadcast", Buffer.from([1]));
      await stage.fence(upgrade);
      withoutNoops(raw);
      const late = await raw.get();
      stage.lane("http").push([late.status, late.text]);
    },
  },
  {
    name: "a pending poll is released by a noop",
    async play(stage) {
      const { raw, upgrade } = await begun(stage);
      const poll = raw.get();
      await upgrade.send("2probe");
      await upgrade.until("3probe");
      stage.lane("http").push((await poll).text);
      await upgrade.send("5");
      await stage.fence(upgrade);
      withoutNoops(raw);
    },
  },
  {
    name: "packets sent together with 5",
    async play(stage) {
      const { raw, upgrade } = await begun(stage);
      await upgrade.send("2probe");
      await upgrade.until("3probe");
      await upgrade.send("5", '42["a"]', '42["b"]');
      await stage.fence(upgrade);
      withoutNoops(raw);
    },
  },
  {
    name: "two probes",
    async play(stage) {
      const { raw, upgrade } = await begun(stage);
      await upgrade.send("2probe", "2probe");
      await upgrade.until("3probe");
      await upgrade.until("3probe");
      await upgrade.send("5");
      await stage.fence(upgrade);
      withoutNoops(raw);
    },
  },
  ...failing.map(
    ([what, frames]): Scenario => ({
      name: `failing: ${what}`,
      async play(stage) {
        const { raw, socket, upgrade } = await begun(stage);
        await upgrade.send(...frames);
        // Some of them are an upgrade after all.
        await until(
          () =>
            upgrade.ended !== undefined ||
            (socket.conn as unknown as { upgraded: boolean }).upgraded,
          "the upgrade has ended in some way",
        );
        if (upgrade.ended === undefined) await stage.fence(upgrade);
        else await stage.fence(raw);
        withoutNoops(raw);
      },
    }),
  ),
  {
    name: "two at once: the second is closed",
    async play(stage) {
      const { raw, upgrade } = await begun(stage);
      await upgrade.send("2probe");
      await upgrade.until("3probe");
      const second = stage.dial("second", { query: { sid: raw.open.sid } });
      await second.finished();
      await upgrade.send("5");
      await stage.fence(upgrade);
      withoutNoops(raw);
    },
  },
  {
    name: "once more, after it is done",
    async play(stage) {
      const { raw, upgrade } = await begun(stage);
      await upgrade.send("2probe");
      await upgrade.until("3probe");
      await upgrade.send("5");
      await stage.fence(upgrade);
      const second = stage.dial("second", { query: { sid: raw.open.sid } });
      await second.finished();
      await stage.fence(upgrade);
      withoutNoops(raw);
    },
  },
  {
    name: "the upgrading socket is cut: the session goes on",
    async play(stage) {
      const { raw, socket, upgrade } = await begun(stage);
      await upgrade.send("2probe");
      await upgrade.until("3probe");
      upgrade.socket.close();
      await upgrade.finished();
      socket.emit("still there");
      await stage.fence(raw);
      withoutNoops(raw);
    },
  },
  {
    name: "the session is closed meanwhile",
    async play(stage) {
      const { raw, socket, upgrade } = await begun(stage);
      await upgrade.send("2probe");
      await upgrade.until("3probe");
      const left = next(socket, "disconnect");
      await raw.send("1");
      await left;
      await upgrade.finished();
      withoutNoops(raw);
    },
  },
  {
    name: "no 5 within upgradeTimeout",
    options: { upgradeTimeout: 150 },
    async play(stage) {
      const { raw, upgrade } = await begun(stage);
      await upgrade.send("2probe");
      await upgrade.until("3probe");
      await upgrade.finished();
      await stage.fence(raw);
      withoutNoops(raw);
    },
  },
  {
    name: "the stock client",
    async play(stage) {
      const client = stage.client("stock", "/", { transports: ["polling", "websocket"] });
      const [socket] = (await next(stage.io, "connection")) as [import("holdfast").Socket];
      await until(() => (socket.conn as unknown as { upgraded: boolean }).upgraded, "upgraded");
      socket.emit("hello", 1, Buffer.from([2]));
      await client.emitWithAck("fence");
      client.disconnect();
      await until(() => stage.io.sockets.sockets.size === 0, "it has left");
    },
  },
]);
