/** Connections that are cut: S1 to S4, S7 and S8. In each, events are published before, during and after. */
import type { Stage } from "../harness/stage.ts";
import { polling, type Scenario, websocket } from "./scenario.ts";

const both = [websocket, polling];

/** The last of the phases: all that was not published yet. By order, all has come when the last one has. */
async function publishRest(
  stage: Stage,
  listener: Awaited<ReturnType<Stage["connect"]>>,
  { from, to }: { from: number; to: number },
): Promise<void> {
  await stage.publish(from, to);
  await listener.has(to);
}

export const cleanCut: Scenario = {
  id: "S1",
  what: "clean cut, reconnect",
  failures: ["F6"],
  transports: both,
  async trial(stage) {
    const listener = await stage.connect();
    const before = stage.between(3, 15);
    const away = before + stage.between(3, 15);
    await stage.publish(1, before);
    await listener.has(before);
    await stage.cutAndTell(listener);
    await stage.publish(before + 1, away);
    await stage.back(listener);
    await publishRest(stage, listener, { from: away + 1, to: 40 });
    return stage.tally(listener);
  },
};

export const halfOpen: Scenario = {
  id: "S2",
  what: "half-open: the server does not notice the cut",
  failures: ["F1"],
  transports: both,
  async trial(stage) {
    const listener = await stage.connect();
    const before = stage.between(3, 15);
    const away = before + stage.between(5, 10);
    await stage.publish(1, before);
    await listener.has(before);
    await stage.cutClientOff(listener);
    await stage.publish(before + 1, away);
    if ((await stage.server.connected(stage.room)) === 0) throw new Error("the server noticed");
    await stage.back(listener);
    await publishRest(stage, listener, { from: away + 1, to: 40 });
    return stage.tally(listener);
  },
};

export const nothingBefore: Scenario = {
  id: "S3",
  what: "no event received before the cut",
  failures: ["F2"],
  transports: both,
  async trial(stage) {
    const listener = await stage.connect();
    const away = stage.between(5, 10);
    await stage.cutAndTell(listener);
    await stage.publish(1, away);
    await stage.back(listener);
    await publishRest(stage, listener, { from: away + 1, to: 30 });
    return stage.tally(listener);
  },
};

export const volatileString: Scenario = {
  id: "S4",
  what: "a volatile event that ends in a string before the cut",
  failures: ["F3"],
  transports: both,
  async trial(stage) {
    const listener = await stage.connect();
    const before = stage.between(3, 10);
    const away = before + stage.between(5, 10);
    await stage.publish(1, before);
    await listener.has(before);
    let seen = 0;
    listener.socket.on("presence", () => seen++);
    // A volatile event may be dropped: it is sent until it has arrived.
    for (let tries = 0; tries < 100 && seen === 0; tries++) {
      await stage.server.reachable(stage.room);
      await stage.server.volatile(stage.room, "Alice is here");
      await stage.roundTrip(listener);
    }
    if (seen === 0) throw new Error("the volatile event never came");
    await stage.cutAndTell(listener);
    await stage.publish(before + 1, away);
    await stage.back(listener);
    await publishRest(stage, listener, { from: away + 1, to: 30 });
    return stage.tally(listener);
  },
};

export const fourCuts: Scenario = {
  id: "S7",
  what: "four cuts in a row",
  failures: ["F5"],
  transports: both,
  async trial(stage) {
    const listener = await stage.connect();
    await stage.publish(1, 4);
    await listener.has(4);
    let next = 5;
    for (let cut = 0; cut < 4; cut++) {
      await stage.cutAndTell(listener);
      const away = next + stage.between(2, 10);
      await stage.publish(next, away);
      await stage.back(listener);
      next = away + 1;
    }
    await publishRest(stage, listener, { from: next, to: 60 });
    return stage.tally(listener);
  },
};

export const blackhole: Scenario = {
  id: "S8",
  what: "200 ms into the void, then the client closes",
  failures: ["F1"],
  transports: both,
  async trial(stage) {
    const listener = await stage.connect();
    await stage.publish(1, 10);
    await listener.has(10);
    for (const link of stage.proxy.links) link.shape({ blackhole: true });
    const begin = performance.now();
    await stage.publish(11, 30, { everyMs: 10 });
    const restMs = 200 - (performance.now() - begin);
    // The scenario is a time: nothing is waited for.
    if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
    const { connects } = listener;
    const { joined } = stage.server.room(stage.room);
    listener.socket.io.engine.close();
    await listener.until((one) => one.connects > connects, "the reconnect");
    await stage.server.until(stage.room, (room) => room.joined > joined, "it joins again");
    await publishRest(stage, listener, { from: 31, to: 40 });
    return stage.tally(listener);
  },
};
