/**
 * The wide campaign: what the plans of plan.ts do not have. Its seeds are its own, and a plan begins with one of
 * plan.ts that is drawn from another stream of chance; so nothing that is added here changes a seed of the first
 * campaign. Each behaviour draws from a stream of its own, so that another one that comes later changes few seeds.
 */
import { Random } from "./kernel/random.ts";
import {
  type Action,
  type FilesPlan,
  makePlan,
  type OrdersPlan,
  type Plan,
  type PlanOptions,
} from "./plan.ts";

type Kinds = readonly (readonly [kind: Action["kind"], weight: number])[];

const basePlan = 11;
const streams = {
  store: 12,
  files: 13,
  orders: 14,
  older: 15,
  drain: 16,
  tabs: 17,
  starts: 18,
  haste: 19,
  runs: 20,
  replays: 21,
  groups: 22,
} as const;

export function planOf(seed: number, options: PlanOptions = {}): Plan {
  const wide = options.wide === true || options.store === "files";
  return wide ? makeWidePlan(seed, options) : makePlan(seed, options);
}

export function makeWidePlan(seed: number, options: PlanOptions = {}): Plan {
  const base = makePlan(seed, options, basePlan);
  const store =
    options.store ??
    new Random(seed, streams.store).weighted([
      ["files", 5],
      ["simulated", 3],
      ["memory", 1],
    ] as const);
  const stored = store === "files" ? withFiles({ ...base, store }) : { ...base, store };
  const behaviours = [
    withOrders,
    withOlder,
    withDrains,
    withTabs,
    withStarts,
    withHaste,
    withRuns,
    withReplays,
  ];
  return behaviours.reduce((plan, add) => add(plan), stored);
}

/** More actions, at any time. */
function withActions(plan: Plan, random: Random, count: number, kinds: Kinds): Plan {
  const more = Array.from({ length: count }, (): Action => {
    const at = random.below(plan.chaosMs);
    const kind = random.weighted(kinds);
    return { at, kind, a: random.below(1000), b: random.below(1000), c: random.below(1000) };
  });
  const actions = [...plan.actions, ...more].sort((left, right) => left.at - right.at);
  return { ...plan, actions };
}

/** In every third seed, clients with retries. */
function withOrders(plan: Plan): Plan {
  const random = new Random(plan.seed, streams.orders);
  if (!random.chance(33)) return plan;
  const lowMs = random.pick([0, 20, 500]);
  const orders: OrdersPlan = {
    ackTimeoutMs: random.pick([2_500, 6_000, 15_000]),
    lowMs,
    highMs: lowMs + random.pick([1, 100, 2_000]),
    throwsPercent: random.pick([0, 10, 40]),
  };
  return withActions({ ...plan, orders }, random, random.between(5, 20), [
    ["order", 12],
    ["kill", 1],
    ["cut", 3],
    ["half-open server", 1],
  ]);
}

/** In every third seed, joins with older events, and events with a time to live. */
function withOlder(plan: Plan): Plan {
  const random = new Random(plan.seed, streams.older);
  if (!random.chance(33)) return plan;
  return withActions(plan, random, random.between(10, 30), [
    ["join since", 6],
    ["perishable", 6],
    ["leave", 3],
    ["publish", 3],
    ["half-open server", 1],
    ["cut", 2],
  ]);
}

/** In every third seed, deploys. */
function withDrains(plan: Plan): Plan {
  const random = new Random(plan.seed, streams.drain);
  if (!random.chance(33)) return plan;
  return withActions(plan, random, random.between(4, 12), [
    ["drain", 4],
    ["publish", 4],
    ["burst", 4],
    ["room", 4],
  ]);
}

/** In every third seed, several tabs of one device, which have one name. */
function withTabs(plan: Plan): Plan {
  const random = new Random(plan.seed, streams.tabs);
  if (!random.chance(33)) return plan;
  let owner = "";
  const devices = plan.devices.map((device) => {
    if (owner === "" || random.chance(35)) owner = device.name;
    return { ...device, owner, keepsPid: random.chance(50) };
  });
  const kinds: Kinds = [
    ["duplicate tab", 3],
    ["store place", 3],
    ["reload", 3],
    ["cut", 2],
    ["half-open server", 2],
    ["room", 4],
    ["publish", 2],
  ];
  return withActions({ ...plan, devices, identify: true }, random, random.between(8, 20), kinds);
}

const filesKinds: Kinds = [
  ["cut power", 4],
  ["kill", 2],
  ["kill twice", 2],
  ["fail disk", 2],
  ["burst", 4],
  ["publish", 4],
  ["publish again", 3],
];

function withFiles(plan: Plan): Plan {
  const random = new Random(plan.seed, streams.files);
  const lowMs = random.pick([0, 1, 3]);
  const files: FilesPlan = {
    lowMs,
    highMs: lowMs + random.pick([0, 3, 15]),
    segmentBytes: 64 * 1024,
    cacheBytes: random.pick([0, 8_000, 8_000_000]),
    groupBytes: new Random(plan.seed, streams.groups).pick([300, 1_500, 100_000]),
    failFast: random.chance(70),
  };
  return withActions({ ...plan, files }, random, random.between(4, 16), filesKinds);
}

/** In every third seed on files, power that is cut while a process makes its own what a killed one has left. */
function withStarts(plan: Plan): Plan {
  const random = new Random(plan.seed, streams.starts);
  if (plan.store !== "files" || !random.chance(33)) return plan;
  return withActions(plan, random, random.between(3, 8), [
    ["cut power at start", 1],
    ["burst", 1],
  ]);
}

/** In every fifth seed, clients that leave before they are let in, and broadcasts whose answers are just on their way. */
function withHaste(plan: Plan): Plan {
  const random = new Random(plan.seed, streams.haste);
  if (!random.chance(20)) return plan;
  return withActions(plan, random, random.between(6, 16), [
    ["leave early", 1],
    ["ask and cut", 1],
  ]);
}

/** In every third seed, rooms that get several events at once, to clients that are slow or not there. */
function withRuns(plan: Plan): Plan {
  const random = new Random(plan.seed, streams.runs);
  if (!random.chance(33)) return plan;
  return withActions(plan, random, random.between(4, 16), [
    ["run", 8],
    ["join", 3],
    ["block down", 2],
    ["unblock", 2],
    ["cut", 1],
    ["half-open server", 1],
  ]);
}

/** In every tenth seed, clients on long-polling that bring no position: what they missed may come before CONNECT. */
function withReplays(plan: Plan): Plan {
  const random = new Random(plan.seed, streams.replays);
  if (!random.chance(10)) return plan;
  const devices = plan.devices.map((device) => ({
    ...device,
    transports: "polling" as const,
    keepsPid: false,
  }));
  const asked = { devices, identify: true, offsets: "argument", highWaterBytes: 2_000 } as const;
  return withActions({ ...plan, ...asked }, random, random.between(10, 25), [
    ["room", 6],
    ["run", 3],
    ["cut", 4],
    ["half-open server", 2],
    ["block down", 1],
    ["unblock", 1],
  ]);
}
