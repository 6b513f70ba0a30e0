/**
 * Writes histories of a server that keeps every promise, from a seed: publishes that end in each way, retries, joins,
 * leaves, cut connections with the repeats that are allowed, kills. What the checker is tried on.
 */
import type { Chance } from "../../conformance/behaviour/upgrade/seeded.ts";
import type { Line } from "./lines.ts";

type Untimed<L> = L extends Line ? Omit<L, "at"> : never;

const stream = "/";
const rooms = ["red", "green", "blue"] as const;

interface Entry {
  readonly offset: number;
  readonly mid: string;
  readonly hash: string;
  readonly room: string;
  readonly except: string | undefined;
  readonly trailing: boolean;
}

interface Unfinished {
  readonly mid: string;
  readonly room: string;
  readonly except: string | undefined;
  readonly trailing: boolean;
  entry: Entry | undefined;
}

/** What the server knows of a client, and what the client does. */
class ModelClient {
  readonly name: string;
  readonly reports: boolean;
  readonly #rooms = new Map<string, { from: number; to: number }[]>();
  connection = 0;
  /** Offset up to which it was sent everything on this connection. */
  sent = 0;
  /** The position that it gives back. */
  position = 0;
  spoilt = false;
  receipt = 0;

  constructor(name: string, reports: boolean) {
    this.name = name;
    this.reports = reports;
  }

  isIn(room: string): boolean {
    return this.#rooms.get(room)?.some(({ to }) => to === Number.POSITIVE_INFINITY) === true;
  }

  join(room: string, head: number): void {
    const stays = this.#rooms.get(room) ?? [];
    stays.push({ from: head, to: Number.POSITIVE_INFINITY });
    this.#rooms.set(room, stays);
  }

  leave(room: string, head: number): void {
    const stay = this.#rooms.get(room)?.at(-1);
    if (stay !== undefined) stay.to = head;
  }

  gets({ offset, room, except }: Entry): boolean {
    const stays = this.#rooms.get(room) ?? [];
    return except !== this.name && stays.some(({ from, to }) => offset > from && offset <= to);
  }
}

class World {
  readonly lines: Line[] = [];
  readonly #chance: Chance;
  readonly #log: Entry[] = [];
  readonly #clients: ModelClient[];
  readonly #unfinished: Unfinished[] = [];
  #offset = 0;
  #ids = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
    this.#write({ kind: "setup", offsets: "event", durability: "process" });
    this.#clients = [
      new ModelClient("js-1", true),
      new ModelClient("js-2", true),
      new ModelClient("python-1", false),
    ];
    for (const client of this.#clients) this.#connect(client);
  }

  run(steps: number): void {
    const { below } = this.#chance;
    for (let i = 0; i < steps; i++) {
      const client = this.#chance.pick(this.#clients as [ModelClient, ...ModelClient[]]);
      const step = below(100);
      if (step < 30) this.#publish();
      else if (step < 35) this.#retry();
      else if (step < 75) this.#deliver(client);
      else if (step < 85) this.#mark(client);
      else if (step < 93) this.#move(client);
      else if (step < 98) this.#connect(client);
      else this.#kill();
    }
    for (const client of this.#clients) {
      while (this.#deliver(client)) this.#mark(client);
    }
    for (const { offset, mid, hash } of this.#log) {
      this.#write({ kind: "entry", stream, offset, position: `p${offset}`, mid, hash });
    }
  }

  #write(line: Untimed<Line>): void {
    this.lines.push({ at: this.lines.length * 10, ...line });
  }

  #invoke(attempt: Unfinished): string {
    const op = `op-${this.#ids++}`;
    const { mid, room, except } = attempt;
    const both = { op, publisher: "publisher", stream, rooms: [room], mid, hash: `#${mid}` };
    this.#write({ kind: "invoke", ...both, ...(except === undefined ? {} : { except }) });
    return op;
  }

  #commit({ mid, room, except, trailing }: Unfinished): Entry {
    // Session records take offsets too.
    this.#offset += 1 + this.#chance.below(2);
    const entry = { offset: this.#offset, mid, hash: `#${mid}`, room, except, trailing };
    this.#log.push(entry);
    return entry;
  }

  #publish(): void {
    const { below, pick } = this.#chance;
    const attempt: Unfinished = {
      mid: `m${this.#ids++}`,
      room: pick(rooms),
      except: below(6) === 0 ? "js-1" : undefined,
      trailing: below(5) === 0,
      entry: undefined,
    };
    const op = this.#invoke(attempt);
    const fate = below(10);
    if (fate === 0) {
      this.#write({ kind: "fail", op, code: "HF_STORE_FULL" });
      return;
    }
    if (fate !== 1) attempt.entry = this.#commit(attempt);
    // It may be delivered before its publisher knows.
    for (const client of this.#clients) if (below(2) === 0) this.#deliver(client);
    if (fate <= 2) {
      this.#write({ kind: "info", op, why: "no answer" });
      if (below(2) === 0) this.#unfinished.push(attempt);
    } else this.#ok(op, attempt, false);
  }

  #retry(): void {
    const attempt = this.#unfinished.shift();
    if (attempt === undefined) return;
    const op = this.#invoke(attempt);
    const duplicate = attempt.entry !== undefined;
    attempt.entry ??= this.#commit(attempt);
    this.#ok(op, attempt, duplicate);
  }

  #ok(op: string, { entry }: Unfinished, duplicate: boolean): void {
    const position = `p${entry?.offset}`;
    this.#write({ kind: "ok", op, position, duplicate, durability: "process" });
  }

  #deliver(client: ModelClient): boolean {
    const entry = this.#log.find((one) => one.offset > client.sent && client.gets(one));
    if (entry === undefined) return false;
    client.sent = entry.offset;
    if (entry.trailing) client.spoilt = true;
    const { mid, hash, trailing } = entry;
    const { name, connection } = client;
    this.#write({
      ...{ kind: "deliver", client: name, connection, mid, hash },
      ...(trailing ? { trailing } : {}),
    });
    return true;
  }

  #mark(client: ModelClient): void {
    client.receipt = client.sent;
    if (!client.reports) return;
    client.position = client.sent;
    client.spoilt = false;
    this.#writePosition(client);
  }

  #move(client: ModelClient): void {
    const room = this.#chance.pick(rooms);
    const { name } = client;
    const leaves = client.isIn(room);
    this.#write({ kind: leaves ? "leaving" : "joining", client: name, room });
    if (leaves) client.leave(room, this.#offset);
    else client.join(room, this.#offset);
    this.#write({ kind: leaves ? "left" : "joined", client: name, room });
  }

  #connect(client: ModelClient): void {
    client.connection++;
    client.sent = client.reports && !client.spoilt ? client.position : client.receipt;
    client.position = client.sent;
    client.spoilt = false;
    const { name, connection, reports } = client;
    this.#write({ kind: "connect", client: name, connection, stream, reports });
    if (reports) this.#writePosition(client);
  }

  #writePosition({ name, connection, position }: ModelClient): void {
    this.#write({ kind: "marker", client: name, connection, offset: position });
  }

  #kill(): void {
    this.#write({ kind: "kill" });
    for (const client of this.#clients) this.#connect(client);
  }
}

export function synthesizeHistory(chance: Chance, steps: number): Line[] {
  const world = new World(chance);
  world.run(steps);
  return world.lines;
}
