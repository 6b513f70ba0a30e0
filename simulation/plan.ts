/**
 * What happens in one seed: its options, and a list of actions with their times. The plan is made before it runs, so
 * that parts of it can be left out to find the shortest one that still fails.
 */
import type { TransportChoice } from "./clients/device.ts";
import { Random } from "./kernel/random.ts";

export interface DevicePlan {
  readonly name: string;
  /** Whose it is, if it is one of several tabs of one device. Default: its own. */
  readonly owner?: string;
  readonly transports: TransportChoice;
  readonly keepsPid: boolean;
  readonly rooms: readonly string[];
  readonly lowMs: number;
  readonly highMs: number;
}

export type StoreKind = "none" | "memory" | "simulated" | "files";

/** The journal in files, and the disk under it. */
export interface FilesPlan {
  /** How long a call of the disk takes. */
  readonly lowMs: number;
  readonly highMs: number;
  readonly segmentBytes: number;
  readonly cacheBytes: number;
  /** From how much on a group goes to the disk in the midst of a turn. */
  readonly groupBytes: number;
  /** Whether a process whose store has failed ends itself. */
  readonly failFast: boolean;
}

/** Clients that try again until they have an answer, and a handler with `once`. */
export interface OrdersPlan {
  /** How long the client waits before it sends again. */
  readonly ackTimeoutMs: number;
  /** How long the handler takes before and after its effect. */
  readonly lowMs: number;
  readonly highMs: number;
  /** How often it throws, before it has an effect. */
  readonly throwsPercent: number;
}

export interface Plan {
  readonly seed: number;
  readonly store: StoreKind;
  /** Whether nothing may be lost. */
  readonly durable: boolean;
  readonly offsets: "event" | "argument" | "none";
  readonly namespaces: readonly string[];
  readonly devices: readonly DevicePlan[];
  readonly identify: boolean;
  readonly joinAlways: boolean;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly kernelBytes: number;
  readonly highWaterBytes: number;
  readonly concurrentReads: number;
  /** How many entries are kept. */
  readonly keptEntries: number;
  readonly chaosMs: number;
  readonly actions: readonly Action[];
  /** What the clock on the wall says at first, and how far it jumps. */
  readonly wall?: { readonly startMs: number; readonly jumpMs: number };
  /** For the store "files". */
  readonly files?: FilesPlan;
  readonly orders?: OrdersPlan;
}

/** `a`, `b`, `c`: numbers that the action takes its choices from. */
export interface Action {
  readonly at: number;
  readonly kind: ActionKind;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const kinds = [
  ["room", 14],
  ["all", 3],
  ["except", 4],
  ["from socket", 5],
  ["to socket", 4],
  ["burst", 5],
  ["volatile", 2],
  ["transient", 3],
  ["publish", 4],
  ["publish again", 2],
  ["direct", 3],
  ["ask", 3],
  ["join", 5],
  ["leave", 4],
  ["sockets join", 1],
  ["sockets leave", 1],
  ["kick", 1],
  ["say", 5],
  ["store place", 2],
  ["reload", 1],
  ["leave namespace", 1],
  ["come back", 2],
  ["cut", 3],
  ["half-open server", 3],
  ["half-open client", 2],
  ["block down", 2],
  ["block up", 1],
  ["block", 2],
  ["unblock", 4],
  ["slow", 1],
  ["kill", 1],
  ["restart", 1],
  ["set clock", 1],
  ["fill disk", 1],
  ["free disk", 2],
] as const;

/** What a calm seed does without. */
const disturbing: ReadonlySet<string> = new Set([
  "reload",
  "cut",
  "half-open server",
  "half-open client",
  "block down",
  "block up",
  "block",
  "slow",
  "kill",
  "restart",
]);

/** What only happens in the wide campaign. */
export type WideActionKind =
  | "cut power"
  | "kill twice"
  | "cut power at start"
  | "leave early"
  | "ask and cut"
  | "fail disk"
  | "order"
  | "perishable"
  | "join since"
  | "drain"
  | "run"
  | "duplicate tab";

export type ActionKind = (typeof kinds)[number][0] | WideActionKind;

export const roomNames = ["a", "b", "c"] as const;

export interface PlanOptions {
  /** Demands of a server without a store what only one with a store can give. */
  readonly strict?: boolean;
  readonly store?: StoreKind;
  /** Another campaign with seeds of its own: see wide-plan.ts. */
  readonly wide?: boolean;
}

/** @param stream which chance it draws from: plans of one seed with another stream have nothing in common */
export function makePlan(seed: number, options: PlanOptions = {}, stream = 1): Plan {
  const random = new Random(seed, stream);
  const namespaces = random.chance(75) ? ["/"] : ["/", "/chat"];
  const store =
    options.store ??
    random.weighted([
      ["simulated", 5],
      ["memory", 1],
    ] as const);
  const identify = random.chance(30);
  const devices = Array.from({ length: random.between(2, 4) }, (_, at): DevicePlan => {
    const lowMs = random.between(1, 40);
    return {
      name: `d${at}`,
      transports: random.weighted([
        ["websocket", 5],
        ["polling", 2],
        ["upgrade", 3],
      ] as const),
      keepsPid: !identify || random.chance(50),
      rooms: roomNames.filter(() => random.chance(55)),
      lowMs,
      highMs:
        lowMs +
        random.weighted([
          [0, 2],
          [20, 3],
          [300, 1],
        ] as const),
    };
  });
  const pingIntervalMs = random.weighted([
    [25_000, 2],
    [5_000, 2],
    [1_000, 1],
  ] as const);
  const chaosMs = random.weighted([
    [4_000, 3],
    [15_000, 3],
    [60_000, 1],
  ] as const);
  const calm = random.chance(15);
  const actions = Array.from({ length: random.between(30, 90) }, (): Action => {
    const kind = random.weighted(calm ? kinds.filter(([kind]) => !disturbing.has(kind)) : kinds);
    return {
      at: random.below(chaosMs),
      kind,
      a: random.below(1000),
      b: random.below(1000),
      c: random.below(1000),
    };
  });
  actions.sort((left, right) => left.at - right.at);
  return {
    seed,
    store,
    durable: store !== "none" || options.strict === true,
    offsets: random.weighted([
      ["event", 6],
      ["argument", 3],
      ["none", 1],
    ] as const),
    namespaces,
    devices,
    identify,
    joinAlways: random.chance(50),
    pingIntervalMs,
    pingTimeoutMs: random.weighted([
      [20_000, 2],
      [4_000, 3],
    ] as const),
    kernelBytes: random.weighted([
      [65_536, 3],
      [600, 1],
    ] as const),
    highWaterBytes: random.weighted([
      [1_048_576, 2],
      [2_000, 2],
    ] as const),
    concurrentReads: random.pick([1, 32]),
    keptEntries: random.weighted([
      [1_000_000, 5],
      [12, 1],
    ] as const),
    chaosMs,
    actions,
  };
}
