/** Bugs that are planted into what only the wide campaign runs. See faults.ts. */
import type { Fault } from "./faults.ts";

const files = "packages/journal/src/files";
const commit = `${files}/commit.ts`;
const server = "packages/server/src";
const wide = ["--wide"];
const onFiles = ["--wide", "--store=files"];
/** Its reads take long. */
const onSlowDisk = ["--wide", "--store=simulated"];

const inFiles: readonly Fault[] = [
  {
    what: "a commit is told before it is flushed",
    file: commit,
    code: "else if (!this.#flushesEach) this.#finish(group);",
    without: "else if (this.#failure === undefined) this.#finish(group);",
    words: onFiles,
  },
  {
    what: "a flush that failed counts as one",
    file: commit,
    code: "      if (error !== undefined) this.fail(error);\n      else if (this.#failure",
    without: "      if (this.#failure",
    words: onFiles,
  },
  {
    what: "a write that failed counts as one",
    file: commit,
    code: "      else queueMicrotask(() => this.fail(error));\n      return;\n",
    without: "      return this.#onWritten(group, undefined);\n",
    words: onFiles,
  },
  {
    what: "a group is told after the write of the next one has failed",
    file: commit,
    code: "    if (this.#committed === undefined) return;\n",
    without: "",
    words: onFiles,
  },
  {
    what: "a full group is written in the midst of a batch",
    file: commit,
    code: "if (endsBatch && this.#isFull(",
    without: "if (this.#isFull(",
    words: onFiles,
  },
  {
    what: "a full group does not wait for the one that is on its way",
    file: commit,
    code: "if (this.#running === undefined && this.#filling.segment === this.#written) this",
    without: "if (this.#filling.segment === this.#written) this",
    words: onFiles,
  },
  {
    what: "a write at once counts as whole when the disk took half of it",
    file: commit,
    code: "    if (written >= group.bytes) this.#onWritten(group, undefined);\n    else {",
    without: "    this.#onWritten(group, undefined);\n    if (written < 0) {",
    words: onFiles,
  },
  {
    what: "a write counts as whole when the disk took half of it",
    file: `${files}/file-io.ts`,
    code: "if (error !== undefined || written >= length) return done(error);",
    without: "return done(error);",
    words: onFiles,
  },
  {
    what: "what a killed process has left is taken for flushed",
    file: `${files}/open.ts`,
    code: "      await flush(file);\n",
    without: "",
    words: onFiles,
  },
  {
    what: "a torn end stays where it is",
    file: `${files}/open.ts`,
    code: "if (segment === number) await write(file, [new Uint8Array(to - from)], from);",
    without: "void [segment, from, to, write];",
    words: onFiles,
  },
  {
    what: "message ids are forgotten with the process",
    file: `${files}/files-journal.ts`,
    code: "    this.#streams.restoreIds(recovered);\n",
    without: "",
    words: onFiles,
  },
  {
    what: "a file is made without its name being flushed",
    file: `${files}/file-io.ts`,
    code: "  await disk.flushFolder(folder);\n",
    without: "",
    words: onFiles,
  },
];

const once = `${server}/once-calls.ts`;

const inOnce: readonly Fault[] = [
  {
    what: "the answer of a handler with once is not kept",
    file: once,
    code: '    await this.#delivery.change({ type: "once", ...key, reply });\n',
    without: "",
    words: wide,
  },
  {
    what: "the answer of a handler with once leaves before it is kept",
    file: once,
    code: 'await this.#delivery.change({ type: "once", ...key, reply });',
    without: 'void this.#delivery.change({ type: "once", ...key, reply });',
    words: wide,
  },
  {
    what: "a repeat runs beside the call that it repeats",
    file: once,
    code: "    if (running !== undefined) return running.catch(() => undefined);\n",
    without: "    void running;\n",
    words: wide,
  },
  {
    what: "that a handler with once has begun is not kept",
    file: once,
    code: 'await this.#delivery.change({ type: "attempt", ...key });',
    without: "await undefined;",
    words: wide,
  },
  {
    what: "a checkpoint forgets the answers",
    file: `${server}/delivery/once-table.ts`,
    code: "    for (const reply of this.#replies) lines.push({ reply });\n",
    without: "",
    words: wide,
  },
];

const delivery = `${server}/delivery`;

const inOlder: readonly Fault[] = [
  {
    what: "older events that were on their way when the connection broke are forgotten",
    file: `${delivery}/session-table.ts`,
    code: "    for (const backfill of session.backfills ?? []) backfill.sent = backfill.next;\n",
    without: "",
    words: wide,
  },
  {
    what: "a checkpoint forgets the older events that are owed",
    file: `${delivery}/stored-session.ts`,
    code: "    ...(backfills && {\n",
    without: "    ...(undefined && backfills && {\n",
    words: wide,
  },
  {
    what: "what follows a join does not wait for the older events",
    file: `${delivery}/catch-up.ts`,
    code: "if (session?.backfills === undefined || !session.live) return;",
    without: "if (session !== undefined) return;",
    words: wide,
  },
  {
    what: "the newest older events are one less than was asked for",
    file: `${server}/join-since.ts`,
    code: "left-- <= 0",
    without: "left-- <= 1",
    words: wide,
  },
  {
    what: "a room that is left before its older events are found is joined all the same",
    file: `${server}/session-keeper.ts`,
    code: "      if (!rooms.has(room)) continue;\n",
    without: "",
    words: onSlowDisk,
  },
  {
    what: "what has expired is given all the same",
    file: `${delivery}/catch-up.ts`,
    code: "if (this.#isExpired(entry)) running.progress.expired++;",
    without: "if (entry.expiresMs === -1) running.progress.expired++;",
    words: wide,
  },
  {
    what: "what has expired is given to who joins with older events",
    file: `${delivery}/catch-up.ts`,
    code: "if (this.#isExpired(entry) || !session.isOwed(entry)) continue;",
    without: "if (!session.isOwed(entry)) continue;",
    words: wide,
  },
  {
    what: "what has a time to live is not given later at all",
    file: `${delivery}/catch-up.ts`,
    code: "if (this.#isExpired(entry)) running.progress.expired++;",
    without: "if (entry.expiresMs !== undefined) running.progress.expired++;",
    words: wide,
  },
  {
    what: "a client is told a new pid before that is kept",
    file: `${server}/session-keeper.ts`,
    code: 'await delivery.change({ type: "name", session: session.key, pid });',
    without: 'void delivery.change({ type: "name", session: session.key, pid }).catch(() => {});',
    words: wide,
  },
];

const drain = `${server}/drain.ts`;

const inDrain: readonly Fault[] = [
  {
    what: "a drain takes nothing any more from the beginning",
    file: drain,
    code: "  await sendAway(connectionsOf(server), overMs, host);\n",
    without: `  for (const { _keeper } of server._nsps.values()) {
      if (_keeper) _keeper.adapter.refusal = new ServerError("HF_DRAINING");
    }
    await sendAway(connectionsOf(server), overMs, host);\n`,
    words: wide,
  },
  {
    what: "a drain does not wait for what is in flight",
    file: drain,
    code: "  await Promise.all(keepers.map(finish));\n",
    without: "  void finish;\n",
    words: wide,
  },
  {
    what: "a drain does not store what is only in memory",
    file: drain,
    code: "    keeper.flush();\n",
    without: "",
    words: wide,
  },
  {
    what: "a server that drains lets clients in",
    file: drain,
    code: "if (engine instanceof BaseEngine) engine.refuseHandshakes(",
    without: "if (engine instanceof BaseEngine) void (",
    words: wide,
  },
];

const inTabs: readonly Fault[] = [
  {
    what: "two clients are told one pid",
    file: `${server}/admission.ts`,
    code: "const pid = (how.gap === undefined ? how.pid : undefined) ?? this.#newPid();",
    without: "const pid = how.gap === undefined ? session.pid : this.#newPid();",
    words: wide,
  },
  {
    what: "a slot is taken from a client that is there",
    file: `${server}/admission.ts`,
    code: "(await client.probe(probeMs))",
    without: "(await client.probe(0))",
    words: wide,
  },
  {
    what: "a page that was duplicated takes the session of the first one",
    file: `${server}/admission.ts`,
    code: "if (claim.saved && !(await this.#reserveIfSilent(session))) return undefined;",
    without: "if (claim.saved) this.#reserve(session);",
    words: wide,
  },
  {
    what: "each client that comes without a pid has a new slot",
    file: `${server}/admission.ts`,
    code: "      if (session !== undefined) {\n        const { from, gap }",
    without: "      if (session !== undefined && session.slot < 0) {\n        const { from, gap }",
    words: wide,
  },
  {
    what: "who gets a new session is told what is missing in that of another",
    file: `${server}/admission.ts`,
    code: "    if (!session.ending) return undefined;",
    without: "    if (!session.ending) return gap;",
    words: wide,
  },
  {
    what: "whose session is gone goes on in silence with another one of its holder's",
    file: `${server}/admission.ts`,
    code: "if (lost !== undefined) return",
    without: "if (lost !== undefined && identity === undefined) return",
    words: wide,
  },
];

const byTheWall: readonly Fault[] = [
  {
    what: "the age of what is kept goes by the clock on the wall",
    file: `${files}/files-journal.ts`,
    code: "return Math.floor(this.#ageBase + this.clock.monotonicMs() - this.#openedMs);",
    without: "return Math.floor(this.clock.wallMs());",
    words: onFiles,
  },
  {
    what: "sessions end by the clock on the wall",
    file: `${delivery}/session-expiry.ts`,
    code: "return this.#startMs + this.#options.monotonicMs() - this.#startMonotonicMs;",
    without: "return this.#options.wallMs();",
    words: wide,
  },
];

export const wideFaults: readonly Fault[] = [
  ...inFiles,
  ...inOnce,
  ...inOlder,
  ...inDrain,
  ...inTabs,
  ...byTheWall,
  {
    what: "a session is taken up whose end was refused",
    file: "packages/server/src/delivery/session.ts",
    code: 'if (type === "end") this.endRefused = true;',
    without: 'if (type === "end") this.ending = false;',
    words: wide,
  },
];
