/**
 * The checker is right about histories that are known: those of a server that keeps its promises pass, and each promise
 * that a short history breaks is named. That it finds what was changed in a long one is in mutations.test.ts.
 */
import { describe, expect, it } from "vitest";
import { seeded } from "../../conformance/behaviour/upgrade/seeded.ts";
import { checkHistory } from "./checker.ts";
import { type Line, mergeLines, offsetOf, parseLines } from "./lines.ts";
import { synthesizeHistory } from "./synthesize.ts";
import { describeFigures, describeFirst } from "./verdict.ts";

type Draft<L> = L extends Line ? Omit<L, "at"> : never;

/** A history of one client in one room, from the moment it has joined. */
function history(...drafts: Draft<Line>[]): Line[] {
  const before: Draft<Line>[] = [
    { kind: "setup", offsets: "event", durability: "disk" },
    connect(1),
    { kind: "joining", client: "c", room: "r" },
    { kind: "joined", client: "c", room: "r" },
  ];
  return [...before, ...drafts].map((draft, at) => ({ at, ...draft }) as Line);
}

const connect = (connection: number): Draft<Line> => ({
  ...{ kind: "connect", client: "c", connection, stream: "/", reports: true },
});
const invoke = (mid: string, rooms = ["r"], op = `op ${mid}`): Draft<Line> => ({
  ...{ kind: "invoke", op, publisher: "p", stream: "/", rooms, mid, hash: `#${mid}` },
});
const ok = (mid: string, offset: number, op = `op ${mid}`, duplicate = false): Draft<Line> => ({
  ...{ kind: "ok", op, position: `p${offset}`, duplicate, durability: "disk" },
});
const published = (mid: string, offset: number): Draft<Line>[] => [invoke(mid), ok(mid, offset)];
const deliver = (mid: string, connection = 1): Draft<Line> => ({
  ...{ kind: "deliver", client: "c", connection, mid, hash: `#${mid}` },
});
const marker = (offset: number, connection = 1): Draft<Line> => ({
  ...{ kind: "marker", client: "c", connection, offset },
});
const gap = (from: number, to: number): Draft<Line> => ({
  ...{ kind: "gap", client: "c", connection: 1, from, to, reason: "retention" },
});
const entry = (mid: string, offset: number): Draft<Line> => ({
  ...{ kind: "entry", stream: "/", offset, position: `p${offset}`, mid, hash: `#${mid}` },
});

const two = [...published("a", 1), ...published("b", 2)];
const log = [entry("a", 1), entry("b", 2)];
const told = [deliver("a"), deliver("b")];

const broken: [what: string, rule: string, lines: Line[]][] = [
  ["an acknowledged event that is gone", "I1", history(...two, deliver("a"), entry("a", 1))],
  [
    "a refused event that is there",
    "I2",
    history(invoke("a"), { kind: "fail", op: "op a", code: "X" }, deliver("a"), entry("a", 1)),
  ],
  [
    "an event with two effects",
    "I3",
    history(...published("a", 1), deliver("a"), entry("a", 1), entry("a", 2)),
  ],
  [
    "a retry that has an effect of its own",
    "I3",
    history(...published("a", 1), invoke("a", ["r"], "2"), ok("a", 1, "2"), deliver("a"), ...log),
  ],
  [
    "a first publish that is called a duplicate",
    "I3",
    history(invoke("a"), ok("a", 1, "op a", true), deliver("a"), entry("a", 1)),
  ],
  [
    "a later publish that comes to stand first",
    "I4",
    history(...published("b", 2), ...published("a", 1), ...told, ...log),
  ],
  [
    "offsets that fall",
    "I4",
    history(invoke("a"), ok("a", 2), ...told, entry("a", 2), entry("b", 1)),
  ],
  ["an event that moved", "I5", history(...published("a", 7), deliver("a"), entry("a", 1))],
  [
    "an event whose content changed",
    "I5",
    history(...published("a", 1), { ...deliver("a"), hash: "?" } as Draft<Line>, entry("a", 1)),
  ],
  ["a phantom", "I6", history(deliver("a"))],
  ["a hole that is filled later", "I7", history(...two, deliver("b"), deliver("a"), ...log)],
  [
    "a hole that is filled on resume",
    "I7",
    history(...two, deliver("b"), connect(2), deliver("a", 2), deliver("b", 2), ...log),
  ],
  ["a repeat on one connection", "I7", history(...two, ...told, deliver("b"), ...log)],
  ["an event that never comes", "I8", history(...two, deliver("b"), ...log)],
  [
    "a repeat of what the position covers",
    "I9",
    history(...two, ...told, marker(2), connect(2), deliver("b", 2), ...log),
  ],
  [
    "a client that is taken back behind its position",
    "I9",
    history(...two, ...told, marker(2), connect(2), marker(1, 2), deliver("b", 2), ...log),
  ],
  [
    "a position that covers what did not come yet",
    "I8",
    history(...two, deliver("a"), marker(2), deliver("b"), ...log),
  ],
  ["a gap over what can be read", "I10", history(...two, deliver("b"), gap(0, 1), ...log)],
  [
    "a delivery on a connection that was taken over",
    "I11",
    history(
      ...two,
      deliver("a"),
      connect(2),
      deliver("b", 1),
      deliver("a", 2),
      deliver("b", 2),
      ...log,
    ),
  ],
  [
    "a class that was not promised",
    "I12",
    history(
      invoke("a"),
      { ...ok("a", 1), durability: "memory" } as Draft<Line>,
      deliver("a"),
      entry("a", 1),
    ),
  ],
  ["a publish that never ends", "I18", history(invoke("a"))],
  ["a publish that ends twice", "I18", history(...two, ok("a", 1), ...told, ...log)],
  [
    "an event of another room",
    "I20",
    history(invoke("a", ["s"]), ok("a", 1), deliver("a"), entry("a", 1)),
  ],
  [
    "an event from after the client has left",
    "I20",
    history(
      ...([
        { kind: "leaving", client: "c", room: "r" },
        { kind: "left", client: "c", room: "r" },
      ] as const),
      ...published("a", 1),
      deliver("a"),
      entry("a", 1),
    ),
  ],
  [
    "an event that the client itself made for the others",
    "I20",
    history(
      { ...invoke("a"), except: "c" } as Draft<Line>,
      ok("a", 1),
      deliver("a"),
      entry("a", 1),
    ),
  ],
];

const allowed: [what: string, lines: Line[]][] = [
  ["everything as it should be", history(...two, ...told, marker(2), ...log)],
  [
    "the effect of a publish of which nobody knows",
    history(invoke("a"), { kind: "info", op: "op a", why: "killed" }, deliver("a"), entry("a", 1)),
  ],
  ["no effect of one", history(invoke("a"), { kind: "info", op: "op a", why: "killed" })],
  [
    "a retry that is told to be one",
    history(
      ...[invoke("a"), { kind: "info", op: "op a", why: "killed" } as const],
      ...[invoke("a", ["r"], "2"), ok("a", 1, "2", true), deliver("a"), entry("a", 1)],
    ),
  ],
  [
    "a repeat of what came after the position",
    history(
      ...two,
      deliver("a"),
      marker(1),
      deliver("b"),
      connect(2),
      marker(1, 2),
      deliver("b", 2),
      ...log,
    ),
  ],
  [
    "a repeat after a string has taken the place of the position",
    history(
      ...[...two, deliver("a"), marker(1), { ...deliver("b"), trailing: true } as Draft<Line>],
      ...[connect(2), deliver("a", 2), deliver("b", 2), ...log],
    ),
  ],
  ["a gap over what is gone", history(...two.slice(2), deliver("b"), gap(0, 1), entry("b", 2))],
  [
    "an event that raced with a leave",
    history(
      ...[{ kind: "leaving", client: "c", room: "r" } as const, ...published("a", 1)],
      ...[{ kind: "left", client: "c", room: "r" } as const, entry("a", 1)],
    ),
  ],
];

describe("a history", () => {
  it.each(broken)("with %s breaks %s", (_what, rule, lines) => {
    const verdict = checkHistory(lines);
    expect(verdict.violations.map((violation) => violation.rule)).toContain(rule);
    expect(describeFirst(verdict, lines)).toContain("is broken in line");
  });

  it.each(allowed)("with %s breaks nothing", (_what, lines) => {
    expect(describeFirst(checkHistory(lines), lines)).toBe("");
  });
});

it("finds nothing in the histories of a server that keeps its promises", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const lines = synthesizeHistory(seeded(seed), 400);
    expect(`${seed}: ${describeFirst(checkHistory(lines), lines)}`).toBe(`${seed}: `);
  }
});

it("counts, and shows the first violation with the lines around it", () => {
  const lines = synthesizeHistory(seeded(1), 400);
  const { figures } = checkHistory(lines);
  expect(figures).toMatchObject({
    lost: 0,
    duplicated: 0,
    outOfOrder: 0,
    phantom: 0,
    silentGaps: 0,
  });
  expect(
    Math.min(figures.acked, figures.refused, figures.unknown, figures.repeated),
  ).toBeGreaterThan(0);
  const place = lines.findIndex((line, i) => i > 100 && line.kind === "deliver");
  const phantom = lines.with(place, { ...lines[place], mid: "phantom" } as Line);
  const shown = describeFirst(checkHistory(phantom), phantom).split("\n");
  expect(shown).toHaveLength(23);
  expect(shown.find((text) => text.startsWith(">"))).toContain(`> ${place}: `);
  expect(describeFigures(checkHistory(phantom).figures)).toContain("phantom 1");
});

it("reads files whose last line was not finished, and puts them in the order of time", () => {
  const first = parseLines('{"at":1,"kind":"kill"}\n{"at":5,"kind":"start"}\n{"at":9,"ki');
  const second = parseLines('{"at":3,"kind":"cut"}\n');
  expect(mergeLines([first, second]).map(({ at }) => at)).toEqual([1, 3, 5]);
  expect(parseLines('{"at":1')).toEqual([]);
});

it("reads the offset of a position", () => {
  expect(offsetOf("hf.some-epoch.zz.check123")).toBe(1295);
  expect(() => offsetOf("12")).toThrow("not a position");
});

it("reads a million lines in seconds", () => {
  const lines = synthesizeHistory(seeded(2), 4_000);
  const rounds = Math.ceil(100_000 / lines.length);
  // Of its own time: others work on this machine too.
  const before = process.cpuUsage();
  for (let i = 0; i < rounds; i++) checkHistory(lines);
  const perSecond = (rounds * lines.length) / (process.cpuUsage(before).user / 1e6);
  console.log(`the checker reads ${Math.round(perSecond).toLocaleString("en")} lines a second`);
  expect(perSecond).toBeGreaterThan(50_000);
});
