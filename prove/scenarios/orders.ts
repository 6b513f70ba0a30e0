/** From client to server: S9, the client repeats what was not answered; S10, the link dies under what it sends. */
import type { FaultLink } from "../../conformance/support/fault-proxy.ts";
import type { Listener } from "../harness/listener.ts";
import type { Stage } from "../harness/stage.ts";
import { numbers, type Tally } from "../harness/tally.ts";
import { polling, type Scenario, websocket } from "./scenario.ts";

const retries = { retries: 10, ackTimeout: 2_000 };

/** Sends orders; resolves when each was answered. Only a client with `retries` is sure to get there. */
async function sendAnswered(stage: Stage, listener: Listener, to: number): Promise<void> {
  const answered = numbers(1, to).map(
    (n) =>
      new Promise<void>((resolve, reject) => {
        const order = { id: `${stage.room}/${n}`, n };
        listener.socket.emit("order", order, (error: unknown) => {
          if (error === null || error === undefined) resolve();
          else reject(new Error(`order ${n}`, { cause: error }));
        });
      }),
  );
  await Promise.all(answered);
}

function effects(stage: Stage, to: number, listener: Listener): Tally {
  const order = stage.server.room(stage.room).effects;
  return stage.counted(order, numbers(1, to), [listener]);
}

function holdsAnswer({ toClient }: FaultLink): boolean {
  return toClient.received > toClient.delivered;
}

function holdsOrder({ toServer }: FaultLink): boolean {
  return toServer.received > toServer.delivered;
}

export const retriesAndCuts: Scenario = {
  id: "S9",
  what: "client → server, `retries: 10`, three cuts",
  failures: ["F12"],
  transports: [websocket, polling],
  note: "what is counted are the effects of the handler, and the cuts come while an answer is on its way; on Holdfast it is `socket.on(event, { once: (p) => p.id }, handler)`",
  async trial(stage) {
    const listener = await stage.connect({}, retries);
    const { effects: done } = stage.server.room(stage.room);
    const sending = sendAnswered(stage, listener, 30);
    for (let cut = 0; cut < 3; cut++) {
      const at = Math.min(28, done.length + stage.between(1, 8));
      await stage.server.until(stage.room, () => done.length >= at, `${at} effects`);
      // Either the answer is on its way when the cut comes, or anything may be.
      if (stage.random.below(2) === 0) {
        stage.proxy.shape({ blackhole: true }, "toClient");
        await stage.proxy.until(({ links }) => links.some(holdsAnswer), "an answer to hold back");
      }
      stage.cut();
      await listener.until(({ socket }) => !socket.connected, "the client to notice");
      stage.proxy.shape({});
      await stage.back(listener);
    }
    await sending;
    return effects(stage, 30, listener);
  },
};

export const linkDies: Scenario = {
  id: "S10",
  what: "client → server, the link dies under 20 events",
  failures: ["F22"],
  transports: [websocket, polling],
  note:
    "a plain emit of the stock client on npm socket.io; on Holdfast the same client with `retries` and a handler with `once`. " +
    "What a client without `retries` sends into a dead link no server can save",
  async trial(stage) {
    const ours = stage.system === "holdfast";
    const listener = await stage.connect({}, ours ? retries : {});
    const { effects: done } = stage.server.room(stage.room);
    const send = (n: number) => void listener.socket.emit("order", { id: `${stage.room}/${n}`, n });
    stage.proxy.shape({ blackhole: true }, "toServer");
    for (const n of numbers(1, 20)) send(n);
    // With long-polling an answer to a ping may be before them on the way, and they behind it, still in the client.
    await stage.proxy.until(({ links }) => links.some(holdsOrder), "orders in the void");
    stage.cut();
    await listener.until(({ socket }) => !socket.connected, "the client to notice");
    stage.proxy.shape({});
    await stage.back(listener);
    for (const n of numbers(21, 30)) send(n);
    await stage.server.until(stage.room, () => done.includes(30), "the last event");
    return effects(stage, 30, listener);
  },
};
