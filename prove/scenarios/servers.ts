/** More than one server, or one that dies: S11, two nodes over Redis streams; S12, kill -9 and another start. */
import type { Listener } from "../harness/listener.ts";
import type { ServerProcess } from "../harness/server-process.ts";
import type { Stage } from "../harness/stage.ts";
import { count, numbers, type Tally } from "../harness/tally.ts";
import { polling, type Scenario, websocket } from "./scenario.ts";

/** Two publishers count on their own: only within one of them is there an order to keep. */
const secondFrom = 100_001;
const perPublisher = 300;

type Cut = (stage: Stage, listener: Listener, node: ServerProcess) => Promise<void>;

/** Both nodes publish all the time; the client is cut off three times and comes back at the other node. */
async function changeNodes(stage: Stage, cut: Cut): Promise<Tally> {
  const nodes = [stage.node(0), stage.node(1)] as const;
  const { room } = stage;
  const listener = await stage.connect();
  const publishing = Promise.all([
    nodes[0].publish({ room, from: 1, to: perPublisher, everyMs: 1, how: "emit" }),
    nodes[1].publish({
      room,
      from: secondFrom,
      to: secondFrom + perPublisher - 1,
      everyMs: 1,
      how: "emit",
    }),
  ]);
  for (let cuts = 0; cuts < 3; cuts++) {
    const enough = Math.min(listener.received.length + stage.between(5, 60), perPublisher);
    // Who loses many may never get there.
    const heard = listener.until(({ received }) => received.length >= enough, `${enough} events`);
    await Promise.race([heard, publishing]);
    await cut(stage, listener, stage.node(cuts));
    await stage.back(listener, stage.node(cuts + 1));
  }
  await publishing;
  // What comes after everything else, twice, from both: nothing can still be on its way behind it.
  for (const more of [0, 1]) {
    const fences = [perPublisher + 1 + more, secondFrom + perPublisher + more] as const;
    for (const index of [0, 1] as const) {
      const n = fences[index];
      await nodes[index].publish({ room, from: n, to: n, everyMs: 0, how: "emit" });
    }
    for (const n of fences) await listener.has(n);
  }
  const first = count(
    numbers(1, perPublisher),
    listener.received.filter((n) => n < secondFrom),
  );
  const both = stage.counted(
    listener.received.filter((n) => n >= secondFrom),
    numbers(secondFrom, secondFrom + perPublisher - 1),
    [listener],
  );
  return {
    ...both,
    events: first.events + both.events,
    lost: first.lost + both.lost,
    duplicated: first.duplicated + both.duplicated,
    outOfOrder: first.outOfOrder + both.outOfOrder,
  };
}

const oneNode =
  "npm socket.io with @socket.io/redis-streams-adapter on two nodes and a Redis; **Holdfast on one node**, with the same cuts: several nodes come later";

const nodes: Scenario["nodes"] = (system) => (system === "socket.io" ? 2 : 1);

export const nodesCleanCut: Scenario = {
  id: "S11",
  what: "two nodes under load, three clean cuts",
  failures: [],
  transports: [websocket],
  note: oneNode,
  nodes,
  trial: (stage) =>
    changeNodes(stage, (_stage, listener, node) => stage.cutAndTell(listener, node)),
};

export const nodesHalfOpen: Scenario = {
  id: "S11b",
  what: "the same, half-open",
  failures: ["F1"],
  transports: [websocket],
  note: oneNode,
  nodes,
  trial: (stage) => changeNodes(stage, (_stage, listener) => stage.cutClientOff(listener)),
};

/** Where the events after the restart begin: the fate of those that were not reported before it is open. */
const afterRestart = 10_001;

export const killed: Scenario = {
  id: "S12",
  what: "server kill -9 under load, another start",
  failures: ["F9"],
  transports: [websocket, polling],
  note: "published is what the server has reported: on Holdfast when `publish` resolved, on npm socket.io when `emit` returned",
  ownServer: true,
  async trial(stage) {
    const { room, server } = stage;
    const listener = await stage.connect();
    server.publishOn({ room, from: 1, to: 1_000, everyMs: 2, how: "publish", report: true });
    const enough = stage.between(5, 20);
    await listener.until(({ received }) => received.length >= enough, `${enough} events`);
    await server.kill();
    stage.proxy.refusing = true;
    await listener.until(({ socket }) => !socket.connected, "the client to notice");
    stage.notePublished(server.room(room).published);

    await stage.startAgain();
    const away = stage.between(5, 20);
    await stage.publish(afterRestart, afterRestart + away, { how: "publish" });
    await stage.back(listener);
    const last = afterRestart + away + 10;
    await stage.publish(afterRestart + away + 1, last, { how: "publish" });
    await listener.has(last);
    return stage.tally(listener);
  },
};
