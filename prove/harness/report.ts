/** The table: one row per scenario and transport, the systems side by side. */
import type { Scenario } from "../scenarios/scenario.ts";
import type { SystemName } from "./messages.ts";
import type { TransportName } from "./stage.ts";
import type { Cell } from "./tally.ts";

export interface Row {
  readonly scenario: Scenario;
  readonly transports: readonly TransportName[];
  /** The reason, when a cell has no numbers. */
  readonly cells: Readonly<Record<SystemName, Cell | string>>;
}

const systems: readonly SystemName[] = ["socket.io", "holdfast"];

const columns = ["events", "lost", "dup", "out of order", "trials with loss", "`recovered`"];

function strong(n: number): string {
  return n === 0 ? "0" : `**${n.toLocaleString("en")}**`;
}

function cellColumns(cell: Cell | string): string[] {
  if (typeof cell === "string") return [cell, ...columns.slice(1).map(() => "–")];
  const { events, lost, duplicated, outOfOrder, trialsWithLoss, trials, reconnects, recovered } =
    cell;
  return [
    events.toLocaleString("en"),
    strong(lost),
    strong(duplicated),
    strong(outOfOrder),
    `${trialsWithLoss}/${trials}`,
    reconnects === 0 ? "–" : `${recovered}/${reconnects}`,
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Everything, one line for each system. */
export function fullTable(rows: readonly Row[]): string {
  return table(
    ["", "scenario", "transport", "server", ...columns],
    rows.flatMap(({ scenario, transports, cells }) =>
      systems.map((system) => [
        scenario.id,
        scenario.what,
        transports.join(" → "),
        system,
        ...cellColumns(cells[system]),
      ]),
    ),
  );
}

function wrong(cell: Cell | string | undefined): string {
  if (cell === undefined) return "–";
  if (typeof cell === "string") return cell;
  const { events, lost, duplicated, outOfOrder } = cell;
  const parts = [
    lost > 0 ? `${lost.toLocaleString("en")} lost` : "",
    duplicated > 0 ? `${duplicated.toLocaleString("en")} twice` : "",
    outOfOrder > 0 ? `${outOfOrder.toLocaleString("en")} out of order` : "",
  ].filter((part) => part !== "");
  const of = `of ${events.toLocaleString("en")}`;
  return parts.length === 0 ? `0 ${of}` : `**${parts.join(", ")}** ${of}`;
}

/** One line for each scenario, for the README. */
export function shortTable(rows: readonly Row[]): string {
  const ids = [...new Set(rows.map(({ scenario }) => scenario.id))];
  const has = (row: Row, transport: TransportName) => row.transports.at(-1) === transport;
  return table(
    ["", "what happens", "socket.io 4.8.4", "holdfast", "socket.io, polling", "holdfast, polling"],
    ids.map((id) => {
      const mine = rows.filter(({ scenario }) => scenario.id === id);
      const socket = mine.find((row) => has(row, "websocket"));
      const poll = mine.find((row) => has(row, "polling"));
      return [
        id,
        mine[0]?.scenario.what ?? "",
        wrong(socket?.cells["socket.io"]),
        wrong(socket?.cells.holdfast),
        wrong(poll?.cells["socket.io"]),
        wrong(poll?.cells.holdfast),
      ];
    }),
  );
}

export function notes(rows: readonly Row[]): string {
  const scenarios = [...new Set(rows.map(({ scenario }) => scenario))];
  const texts = [...new Set(scenarios.flatMap(({ note }) => (note === undefined ? [] : [note])))];
  return texts
    .map((text) => {
      const ids = scenarios.filter(({ note }) => note === text).map(({ id }) => id);
      return `- ${ids.join(", ")}: ${text}.`;
    })
    .join("\n");
}

/** Every cell of ours that is not what we promise. */
export function complaints(rows: readonly Row[]): string[] {
  return rows.flatMap(({ scenario, transports, cells: { holdfast } }) => {
    const where = `${scenario.id} over ${transports.join(" → ")}`;
    if (typeof holdfast === "string") return [`${where}: ${holdfast}`];
    const { lost, duplicated, outOfOrder } = holdfast;
    if (lost + duplicated + outOfOrder === 0) return [];
    return [`${where}: ${lost} lost, ${duplicated} duplicated, ${outOfOrder} out of order`];
  });
}
