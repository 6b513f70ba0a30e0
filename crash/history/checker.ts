/**
 * Holds a history against what docs/guide/guarantees.md promises. The total order is given by the journal, so
 * one pass over what was published and one over what was delivered do; there is nothing to search.
 *
 * What did not end may have had its effect: whoever never got an answer proves nothing by what became of it.
 */
import { FinalLog } from "./final-log.ts";
import type { ConnectLine, Line, SetupLine } from "./lines.ts";
import { Publishes } from "./publishes.ts";
import { Receiver } from "./receiver.ts";
import { Verdict } from "./verdict.ts";

export function checkHistory(lines: readonly Line[]): Verdict {
  const verdict = new Verdict();
  const setup = lines.find((line): line is SetupLine => line.kind === "setup");
  const publishes = readPublishes(lines, setup, verdict);
  const logs = readLogs(lines, publishes, verdict);
  reportLost(publishes, logs, verdict);
  readClients(lines, logs, setup?.offsets ?? "none", verdict);
  return verdict;
}

function readPublishes(
  lines: readonly Line[],
  setup: SetupLine | undefined,
  verdict: Verdict,
): Publishes {
  const publishes = new Publishes(verdict, setup?.durability);
  for (const [index, line] of lines.entries()) {
    if (line.kind === "invoke") publishes.invoke(line, index);
    else if (line.kind === "ok") publishes.ok(line, index);
    else if (line.kind === "fail") publishes.fail(line, index);
    else if (line.kind === "info") publishes.info(line, index);
    else if (line.kind === "kill") verdict.figures.kills++;
  }
  publishes.finish();
  return publishes;
}

function readLogs(
  lines: readonly Line[],
  publishes: Publishes,
  verdict: Verdict,
): Map<string, FinalLog> {
  const logs = new Map<string, FinalLog>();
  for (const [index, line] of lines.entries()) {
    if (line.kind !== "entry") continue;
    logOf(logs, line.stream, verdict).add(line, index, publishes.byMid.get(line.mid));
  }
  for (const log of logs.values()) log.finish();
  return logs;
}

function logOf(logs: Map<string, FinalLog>, stream: string, verdict: Verdict): FinalLog {
  const log = logs.get(stream) ?? new FinalLog(verdict);
  logs.set(stream, log);
  return log;
}

function reportLost(
  publishes: Publishes,
  logs: ReadonlyMap<string, FinalLog>,
  verdict: Verdict,
): void {
  for (const { mid, stream, ackedLine } of publishes.byMid.values()) {
    if (ackedLine >= 0 && logs.get(stream)?.byMid.has(mid) !== true) {
      verdict.complain("I1", ackedLine, "lost", `${mid} was acknowledged, and is gone`);
    }
  }
}

function readClients(
  lines: readonly Line[],
  logs: Map<string, FinalLog>,
  offsets: string,
  verdict: Verdict,
): void {
  const receivers = new Map<string, Receiver>();
  const connected = (line: ConnectLine): Receiver => {
    const known = receivers.get(line.client);
    if (known !== undefined) return known;
    const receiver = new Receiver(logOf(logs, line.stream, verdict), line, offsets, verdict);
    receivers.set(line.client, receiver);
    return receiver;
  };
  // A delivery is held against all stays of its client, so they are read first.
  for (const line of lines) if (line.kind === "connect") connected(line);
  for (const line of lines) {
    if ("room" in line) receivers.get(line.client)?.membership.add(line);
  }
  for (const [index, line] of lines.entries()) {
    if (!("connection" in line)) continue;
    const receiver = receivers.get(line.client);
    if (receiver === undefined) {
      verdict.complain("history", index, "other", `${line.client} never connected`);
    } else if (line.kind === "connect") receiver.connect(line, index);
    else if (line.kind === "marker") receiver.marker(line, index);
    else if (line.kind === "deliver") receiver.deliver(line, index);
    else receiver.gap(line, index);
  }
  for (const receiver of receivers.values()) receiver.finish();
}
