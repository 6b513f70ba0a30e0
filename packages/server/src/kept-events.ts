/** What a server with a store has more: the journal that the options name, and what keeps the events of a namespace. */
import { PacketType } from "@holdfast/protocol";
import { type AdapterNamespace, encodedPacket } from "./adapter.ts";
import { Delivery } from "./delivery/delivery.ts";
import type { LaneEntry } from "./delivery/lane-records.ts";
import type { SessionExpiry } from "./delivery/session-expiry.ts";
import type { SessionTable } from "./delivery/session-table.ts";
import { type Journal, openStore } from "./delivery/store.ts";
import { roomOfTag, userOfTag } from "./delivery/tags.ts";
import { ServerError } from "./errors.ts";
import { type Host, simulatedBy } from "./host/host.ts";
import { Alarm, type TimerWheel } from "./host/timer-wheel.ts";
import { JournalAdapter } from "./journal-adapter.ts";
import type { Limits } from "./limits.ts";
import type { Namespace } from "./namespace.ts";
import type { ServerOptions } from "./options.ts";
import type { Server } from "./server.ts";
import { SessionKeeper } from "./session-keeper.ts";
import { type StoreStatus, StoreWatch } from "./store-watch.ts";
import { eventOf } from "./stored-event.ts";
import { parseDuration, parseSize, show } from "./units.ts";

// biome-ignore lint/suspicious/noExplicitAny: servers of whatever event maps
type AnyServer = Server<any, any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: namespaces of whatever event maps
type AnyNamespace = Namespace<any, any, any, any>;

/** An emit that the store refused. */
export interface RefusedEmit {
  /** HF_STORE_FULL, HF_STORE_READ_ONLY, … See docs/reference/errors.md. */
  readonly code: string;
  readonly error: Error;
  readonly namespace: string;
  readonly event: string;
  readonly args: readonly unknown[];
  /** Rooms and ids of sockets. None, and no users: it was for everyone. */
  readonly rooms: readonly string[];
  /** Those that it was addressed to by `user()`. */
  readonly users: readonly string[];
}

/** @returns undefined without a store. @throws ServerError HF_OPTION_INVALID */
export function openJournal(
  options: Partial<ServerOptions>,
  host: Host,
  { namespaces }: Limits,
): Promise<Journal> | undefined {
  const given = simulatedBy(options)?.journal;
  if (given !== undefined) return Promise.resolve(given as Journal);
  if (options.store === undefined) return undefined;
  if (options.adapter !== undefined && options.adapter !== null) {
    throw new ServerError("HF_OPTION_INVALID", '"adapter" and "store" exclude each other');
  }
  const clock = {
    monotonicMs: () => host.monotonicMs(),
    wallMs: () => host.wallMs(),
    startTimer: (delayMs: number, run: () => void) => {
      const timer = host.startTimer(delayMs, run, true);
      return () => timer.cancel();
    },
  };
  return openStore(options, clock, namespaces);
}

/** Watches the store, and ends the process when it has failed, unless the options say otherwise. */
export function watchStore(journal: Promise<Journal>, server: AnyServer): StoreWatch {
  const { opts, _host: host } = server;
  const name = show(opts.store);
  let wasLow = false;
  const changed = (status: StoreStatus): void => {
    const becameLow = status.low && !wasLow;
    wasLow = status.low;
    if (server.sockets.listenerCount("store_status") > 0) server.sockets._emitStoreStatus(status);
    else if (becameLow) console.error(lowSpaceLine(name, status));
  };
  return new StoreWatch(journal, { host, name, failFast: opts.failFast !== false, changed });
}

function lowSpaceLine(name: string, { freeBytes = 0 }: StoreStatus): string {
  const mebibytes = Math.floor(freeBytes / 1024 ** 2);
  return `holdfast: the disk of the store ${name} has ${mebibytes} MiB of free space left; when it is full, publishes are refused (HF_STORE_FULL). See docs/guide/operations.md#a-full-disk`;
}

/** Gives a namespace what keeps its events and its sessions; anew when the store was closed. @returns its adapter */
export function keepEvents(
  server: AnyServer,
  namespace: AnyNamespace,
  journal: Promise<Journal>,
): JournalAdapter {
  const { delivery, stop } = makeDelivery(server, namespace, journal);
  namespace._keeper?.reopen(delivery);
  namespace._keeper ??= makeKeeper(namespace, delivery);
  namespace._keeper.onClose = stop;
  return namespace._keeper.adapter;
}

function makeKeeper(namespace: AnyNamespace, delivery: Delivery): SessionKeeper {
  const nsp: AdapterNamespace = namespace;
  const { _host: host, _limits: limits, _refusal: refusal } = namespace.server;
  const adapter = new JournalAdapter(nsp, delivery, host.newId(), limits.roomsPerSocket);
  adapter.refusal = refusal;
  return new SessionKeeper(namespace, delivery, adapter);
}

function makeDelivery(
  server: AnyServer,
  namespace: AnyNamespace,
  journal: Promise<Journal>,
): { delivery: Delivery; stop: () => void } {
  const { name } = namespace;
  const { encoder, opts, _host: host, _upkeepWheel: wheel, _limits: limits } = server;
  const delivery = new Delivery(journal, {
    name,
    offsets:
      namespace._options.offsets ??
      opts.offsets ??
      (opts.connectionStateRecovery ? "argument" : "event"),
    highWaterBytes: parseSize("highWater", opts.highWater ?? "512KiB"),
    replies: { count: limits.storedReplies, characters: limits.storedRepliesBytes },
    readsMax: limits.concurrentReads,
    encode: (event, ...args) => {
      const data = [event, ...args];
      return encodedPacket(encoder.encode({ type: PacketType.EVENT, nsp: name, data }), false);
    },
    wallMs: () => host.wallMs(),
    monotonicMs: () => host.monotonicMs(),
    expiry: {
      keepMs: parseDuration("sessions.keep", opts.sessions?.keep ?? "7d"),
      sessionsMax: limits.sessions,
    },
    wentOffline: () => sweeping.start(),
    skipped: (session, offset) => {
      console.error(
        `holdfast: entry ${offset} of ${name} is not given to session ${session.key} any more: its client ended the connection each time that it got it (gap "skipped")`,
      );
    },
    later: (delayMs, run) => wheel.arm(new Alarm<unknown>(undefined, run), delayMs),
    afterTurn: (run) => host.afterTurn(run),
    pieces: { pieceOfWork: host.pieceOfWork, rest: () => host.rest() },
    counters: server._counters,
    refused: (entry, error) => {
      server._counters.emitsRefused++;
      tellRefused(server, name, entry, { error, ...addressees(entry.tags, delivery.sessions) });
    },
  });
  const sweeping = new Sweeping(delivery.expiry, wheel);
  delivery.ready.then(
    () => sweeping.start(),
    () => undefined,
  );
  return { delivery, stop: () => sweeping.stop() };
}

/** Looks for sessions whose time is up, while there are any that are offline. */
class Sweeping {
  readonly #wheel: TimerWheel;
  readonly #expiry: SessionExpiry;
  readonly #alarm: Alarm<Sweeping>;
  #stopped = false;
  #sweeps = false;

  constructor(expiry: SessionExpiry, wheel: TimerWheel) {
    this.#wheel = wheel;
    this.#expiry = expiry;
    this.#alarm = new Alarm<Sweeping>(this, sweepIsDue);
  }

  start(): void {
    if (this.#stopped || this.#sweeps || this.#alarm.armed || !this.#expiry.hasOffline) return;
    this.#wheel.arm(this.#alarm, this.#expiry.intervalMs);
  }

  async due(): Promise<void> {
    this.#sweeps = true;
    await this.#expiry.sweep(() => this.#stopped);
    this.#sweeps = false;
    this.start();
  }

  stop(): void {
    this.#stopped = true;
    this.#wheel.disarm(this.#alarm);
  }
}

function sweepIsDue(sweeping: Sweeping): void {
  void sweeping.due();
}

/** Whom tags stand for, as an application names them. */
function addressees(
  tags: readonly string[],
  sessions: SessionTable,
): Pick<RefusedEmit, "rooms" | "users"> {
  const rooms: string[] = [];
  const users: string[] = [];
  for (const tag of tags) {
    const user = userOfTag(tag);
    const room = roomOfTag(tag);
    if (user !== undefined) users.push(user);
    else if (room !== tag || !tag.startsWith("\u0000")) rooms.push(room);
    else for (const { socketId } of sessions.members(tag)) rooms.push(socketId);
  }
  return { rooms, users };
}

/** An emit that nobody waits for had no effect, or one that is not known. Never silence. */
function tellRefused(
  server: AnyServer,
  namespace: string,
  entry: LaneEntry,
  {
    error,
    rooms,
    users,
  }: Pick<RefusedEmit, "rooms" | "users"> & { error: Error & { readonly code: string } },
): void {
  const { code } = error;
  const { event, args } = eventOf(entry, server._parser);
  // Not from within the lane: a listener may emit.
  process.nextTick(() => {
    if (server.sockets.listenerCount("emit_refused") > 0) {
      server.sockets._emitRefused({ code, error, namespace, event, args, rooms, users });
      return;
    }
    const target = [...rooms, ...users].join(", ") || "all";
    console.error(`holdfast: "${event}" to ${target} was not taken: ${error.message} (${code})`);
  });
}
