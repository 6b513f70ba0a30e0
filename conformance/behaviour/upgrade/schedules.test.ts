/**
 * The upgrade from polling to WebSocket under load, with a fault at each of its five steps.
 *
 * Goal: nothing that is sent in either direction is lost, doubled or overtaken, as long as the session survives; and
 * where it does not, each side has the beginning of what the other has sent.
 *
 * Method: both sides send numbered messages in seeded bursts all the time, by a client of our own that takes the
 * steps one at a time: 1 open the WebSocket, 2 probe, 3 pause polling, 4 say upgrade, 5 flush. A schedule is a step,
 * a fault, and a seed for the rest: when exactly the fault happens, how the bytes are cut into TCP chunks, and the
 * traffic. The seed is in the test's name.
 */
import { afterAll, describe, expect, it } from "vitest";
import { pass, until } from "../../support/clients.ts";
import { closePayload } from "../../support/raw-websocket.ts";
import { type EngineConnection, type EngineServer, startEngine } from "../../support/servers.ts";
import { type Chance, seeded } from "./seeded.ts";
import { numbered, numberOf, UpgradingClient } from "./upgrading-client.ts";

const steps = ["open", "probe", "pause", "upgrade", "flush"] as const;
type Step = (typeof steps)[number];

/** Long enough that no upgrade of these tests takes it, unless a schedule is about it. */
const patience = 10_000;

/** What holds after a fault: everything arrives; or the session ends, and what arrived is a beginning. */
type Outcome = "complete" | "prefix" | "closed by the server";

/** One running schedule. */
class Run {
  readonly server: EngineServer;
  readonly connection: EngineConnection;
  readonly client: UpgradingClient;
  readonly chance: Chance;
  /** The numbers that came from the client. */
  readonly heard: number[] = [];
  /** How many messages the server has sent, and how many when it closed. */
  sent = 0;
  sentAtClose: number | undefined;
  closeReasons: string[] = [];
  /** The fault has made the client leave the upgrade. */
  abandoned = false;
  #talking = true;
  readonly #talks: Promise<void>[];

  private constructor(
    server: EngineServer,
    connection: EngineConnection,
    client: UpgradingClient,
    chance: Chance,
  ) {
    this.server = server;
    this.connection = connection;
    this.client = client;
    this.chance = chance;
    connection.on("message", (data: unknown) => this.heard.push(numberOf(data)));
    connection.on("close", (reason: string) => this.closeReasons.push(reason));
    this.#talks = [this.#talk(() => this.serverSends()), this.#talk(() => client.emit())];
  }

  static async begin(seed: number, upgradeTimeout: number): Promise<Run> {
    const server = await startEngine({ upgradeTimeout });
    const client = await UpgradingClient.open(server);
    const connection = server.engine.clients[client.sid];
    if (connection === undefined) throw new Error("the session is not there");
    return new Run(server, connection, client, seeded(seed));
  }

  serverSends(): void {
    if (this.sentAtClose !== undefined || this.connection.readyState !== "open") return;
    this.connection.send(numbered(this.sent++));
  }

  serverCloses(discard: boolean): void {
    this.sentAtClose ??= this.sent;
    this.connection.close(discard);
  }

  /** Sends a few messages every few turns or milliseconds until told to stop. */
  async #talk(send: () => void): Promise<void> {
    while (this.#talking) {
      for (let count = this.chance.below(4); count > 0; count--) send();
      await this.moment(4);
    }
  }

  /** Lets some turns of the loop, or some milliseconds, pass. */
  async moment(limit: number): Promise<void> {
    const amount = this.chance.below(limit);
    if (this.chance.below(2) === 0) await pass(amount);
    else for (let i = 0; i <= amount; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  async silence(): Promise<void> {
    this.#talking = false;
    await Promise.all(this.#talks);
  }

  async finish(): Promise<void> {
    await this.silence();
    this.client.destroy();
    await this.server.close();
  }

  /** How the bytes of a step are cut. */
  chunkBytes(): number | undefined {
    return this.chance.pick([undefined, undefined, 1, 3]);
  }

  async take(step: Step): Promise<void> {
    const { client } = this;
    const chunkBytes = this.chunkBytes();
    if (step === "open") await client.openSocket(chunkBytes);
    else if (step === "probe") await client.probe(chunkBytes);
    else if (step === "pause") await client.pause();
    else if (step === "upgrade") await client.sayUpgrade(chunkBytes);
    else await client.flush(chunkBytes);
  }
}

interface Fault {
  readonly what: string;
  /** Does it, and says what is to hold then. */
  apply(run: Run, step: Step): Outcome | Promise<Outcome>;
  /** It waits for something that a step under way would not allow. */
  readonly onlyBefore?: boolean;
  readonly upgradeTimeout?: (step: Step) => number;
}

/** A fault of the WebSocket: before `5` the session stays on polling, after it the session ends with it. */
function socketFault(what: string, cut: (run: Run) => void): Fault {
  return {
    what,
    apply(run) {
      const { client } = run;
      const moved = client.saidUpgrade;
      if (client.upgradeConnection === undefined) return "complete";
      cut(run);
      if (moved) {
        client.end("its WebSocket was cut");
        return "prefix";
      }
      run.abandoned = true;
      return "complete";
    },
  };
}

const faults: Fault[] = [
  {
    what: "is delayed",
    async apply(run): Promise<Outcome> {
      await run.moment(40);
      return "complete";
    },
  },
  {
    what: "is delayed for longer than upgradeTimeout",
    onlyBefore: true,
    // Before the flush the move has been made: the rest of the upgrade has to fit into the time then.
    upgradeTimeout: (step) => ({ open: patience, flush: 1000 })[step as string] ?? 80,
    async apply(run, step): Promise<Outcome> {
      if (step === "open" || step === "flush") {
        await pass(step === "open" ? 100 : 1100);
        return "complete";
      }
      const closing = await run.client.socket().closed();
      expect(closing.code).toBe(1005);
      run.abandoned = true;
      return "complete";
    },
  },
  socketFault("has its WebSocket closed by the client", ({ client, chance }) => {
    client.closeSocket(
      chance.pick([closePayload(1000), closePayload(1001, "away"), Buffer.alloc(0)]),
    );
  }),
  socketFault("has its WebSocket ended by the client without a close", ({ client }) => {
    client.upgradeConnection?.end();
  }),
  socketFault("has its WebSocket reset by the client", ({ client }) => {
    client.upgradeConnection?.reset();
  }),
  socketFault("has its WebSocket cut by the server's machine", ({ client, server }) => {
    const port = client.upgradeConnection?.socket.localPort;
    for (const socket of server.tcpSockets) if (socket.remotePort === port) socket.destroy();
  }),
  {
    what: "has its polling cut",
    apply({ client }) {
      const lost = client.polling;
      client.cutPolling();
      if (!lost) return "complete";
      client.end("its GET was cut");
      return "prefix";
    },
  },
  {
    what: "has its session closed by the client",
    async apply({ client }): Promise<Outcome> {
      // Once the session has moved, a POST finds it on another transport: refused, and nothing happens.
      const status = await client.postAlone("1");
      if (status !== 200) return "complete";
      client.end("it closed its session");
      return "prefix";
    },
    onlyBefore: true,
  },
  {
    what: "has its session closed by the server",
    apply(run) {
      run.serverCloses(false);
      return "closed by the server";
    },
  },
  {
    what: "has its session discarded by the server",
    apply(run) {
      run.serverCloses(true);
      return "prefix";
    },
  },
];

/** Takes the steps, with the fault at one of them. */
async function upgrade(run: Run, at: Step, fault: Fault): Promise<Outcome> {
  let outcome: Outcome = "complete";
  for (const step of steps) {
    const during = step === at && !fault.onlyBefore && run.chance.below(2) === 0;
    if (step === at && !during) outcome = await fault.apply(run, step);
    if (run.abandoned || run.client.ended !== undefined) break;
    const taking = run.take(step);
    if (during) {
      // Not awaited in between: it may fail because of the fault.
      taking.catch(() => undefined);
      await run.moment(3);
      outcome = await fault.apply(run, step);
    }
    try {
      await taking;
    } catch (error) {
      const expected = run.abandoned || run.client.ended !== undefined || outcome !== "complete";
      if (!expected) throw error;
      if (!run.client.saidUpgrade) run.abandoned = true;
      break;
    }
    await run.moment(3);
  }
  if (run.abandoned) run.client.abandon();
  return outcome;
}

const tally = { schedules: 0, completed: 0, down: 0, up: 0 };

const firstNumbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

async function check(run: Run, outcome: Outcome): Promise<void> {
  const { client, connection } = run;
  if (outcome === "complete") {
    for (let i = 0; i < 5; i++) await run.moment(5);
    await run.silence();
    await until(
      () =>
        client.ended !== undefined ||
        (client.received.length >= run.sent && run.heard.length >= client.emitted),
      `all arrives: ${client.received.length} of ${run.sent} down, ${run.heard.length} of ${client.emitted} up`,
    );
    expect(client.ended).toBeUndefined();
    expect(run.closeReasons).toEqual([]);
    expect(client.received).toEqual(firstNumbers(run.sent));
    expect(run.heard).toEqual(firstNumbers(client.emitted));
    expect(connection.transport.name).toBe(run.abandoned ? "polling" : "websocket");
    expect([connection.upgrading, connection.upgraded]).toEqual([false, !run.abandoned]);
    tally.completed++;
  } else if (outcome === "closed by the server") {
    await until(() => client.ended !== undefined, "the client learns of the close");
    await until(() => run.closeReasons.length > 0, "the session closes");
    expect(run.closeReasons).toHaveLength(1);
    // A close of the server waits for what was sent before it.
    expect(client.received).toEqual(firstNumbers(run.sentAtClose ?? -1));
    expect(run.heard).toEqual(firstNumbers(run.heard.length));
    expect(run.server.engine.clientsCount).toBe(0);
  } else {
    await run.silence();
    await run.moment(5);
    expect(client.received).toEqual(firstNumbers(client.received.length));
    expect(client.received.length).toBeLessThanOrEqual(run.sent);
    expect(run.heard).toEqual(firstNumbers(run.heard.length));
    expect(run.heard.length).toBeLessThanOrEqual(client.emitted);
  }
  tally.schedules++;
  tally.down += client.received.length;
  tally.up += run.heard.length;
}

/** 300 schedules; 10,000 in the long form (`npm run verify:long`). */
const seedsEach = process.env["HOLDFAST_LONG"] === undefined ? 6 : 200;
const rows = steps.flatMap((step, s) =>
  faults.flatMap((fault, f) =>
    Array.from({ length: seedsEach }, (_, i) => ({
      step,
      fault,
      what: fault.what,
      seed: i < 10 ? 1000 * (s + 1) + 10 * f + i : 100_000 * (s + 1) + 1000 * f + i,
    })),
  ),
);

describe("F15: an upgrade", () => {
  it.concurrent.each(rows)("at step $step $what (seed $seed)", async ({ step, fault, seed }) => {
    const run = await Run.begin(seed, fault.upgradeTimeout?.(step) ?? patience);
    try {
      await check(run, await upgrade(run, step, fault));
    } finally {
      await run.finish();
    }
  });
});

afterAll(() => {
  console.log(
    `upgrade: ${tally.schedules} of ${rows.length} schedules held, ${tally.completed} of them with the session alive; ` +
      `${tally.down} messages down, ${tally.up} up, each counted`,
  );
});
