/** Pages in browsers: S5, the page is loaded again; S6, polling is upgraded to WebSocket while events come. */
import type { Listener } from "../harness/listener.ts";
import type { Stage } from "../harness/stage.ts";
import type { Tally } from "../harness/tally.ts";
import { polling, type Scenario, upgrading, websocket } from "./scenario.ts";

/** A reload is another client object; it knows what the page has stored, and nothing else. */
async function reload(
  stage: Stage,
  how: {
    /** What the new page says of the old one. */
    auth(old: Listener): Readonly<Record<string, unknown>>;
    /** Whether the page stays until the server knows what it has got. */
    readonly confirmed: boolean;
  },
): Promise<Tally> {
  const old = await stage.connect();
  await stage.publish(1, 10, { how: "publish" });
  await old.has(10);
  await stage.roundTrip(old);
  if (how.confirmed) await stage.server.confirmed(stage.room);
  old.abandon();
  await stage.cutAndTell(old);
  await stage.publish(11, 30);
  stage.proxy.refusing = false;
  const fresh = await stage.connect(how.auth(old));
  await stage.publish(31, 40);
  await fresh.has(40);
  return stage.tally(old, fresh);
}

export const pageReload: Scenario = {
  id: "S5",
  what: "page reload (a new client object)",
  failures: [],
  transports: [websocket, polling],
  note: "the page runs the lines of docs/guide/page-reload.md, which npm socket.io does not know",
  // Those lines need the event that tells the position.
  setup: { holdfast: { offsets: "event" } },
  trial: (stage) => reload(stage, { auth: (old) => ({ hf: old.saved }), confirmed: false }),
};

export const pageReloadIdentified: Scenario = {
  id: "S5i",
  what: "page reload, the user is known (`identify`)",
  failures: [],
  transports: [websocket, polling],
  note: "the page stores nothing; Holdfast finds the session by `identify`, and where it was by what its connection has confirmed: the page is loaded again once it has. What came in the moment before may come once more",
  setup: { holdfast: { identify: true } },
  trial: (stage) => reload(stage, { auth: () => ({}), confirmed: true }),
};

export const upgradeUnderLoad: Scenario = {
  id: "S6",
  what: "polling → websocket upgrade under load",
  failures: ["F15"],
  transports: [upgrading],
  async trial(stage) {
    const connecting = stage.connect();
    await stage.server.until(stage.room, (room) => room.joined > 0, "the client joins");
    let last = 0;
    const publishSome = async (count: number) => {
      await stage.publish(last + 1, last + count, { everyMs: 1 });
      last += count;
    };
    await publishSome(stage.between(5, 20));
    const listener = await connecting;
    while (!listener.upgraded && last < 5_000) await publishSome(5);
    await publishSome(Math.max(10, 60 - last));
    await listener.until(({ upgraded }) => upgraded, "the upgrade");
    await listener.has(last);
    return stage.tally(listener);
  },
};
