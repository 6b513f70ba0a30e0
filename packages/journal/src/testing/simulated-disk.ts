/**
 * A disk in memory that does what disks do at the worst moment. What was written and not flushed is a set of sectors
 * of 512 bytes: a power cut keeps any of them, each in any state it had since the last flush. Names that were made,
 * renamed or removed since the folder was flushed are kept or lost one by one. After a flush that failed, what was to
 * be flushed is never written, however often one flushes again. All of it from a seed.
 */
import { basename, dirname } from "node:path";
import type { Disk, DiskFile, DiskLock } from "../disk.ts";
import { JournalError } from "../errors.ts";
import type { SeededRandom } from "./seeded-random.ts";

export const sectorBytes = 512;

/** What a power cut does to what was not flushed. */
export type PowerCut = "lose all" | "keep all" | SeededRandom;

export type DiskCallName =
  | "open"
  | "create"
  | "write"
  | "flush"
  | "truncate"
  | "rename"
  | "unlink"
  | "flushFolder"
  | "freeBytes"
  | "read";

export interface DiskCall {
  readonly name: DiskCallName;
  readonly path: string;
  /** What this call is among all that count: those that change something. Reads have 0. */
  readonly number: number;
}

/**
 * What happens to a call instead: an error, fewer bytes than asked for, or nothing at all behind a "done". A write that
 * is short ends with a sector: a kernel takes whole pages, and whoever is killed then leaves no part of a sector.
 */
export type DiskFault =
  | { readonly error: string }
  | { readonly short: true }
  | { readonly lie: true };

class Inode {
  /** What a reader sees. */
  data = new Uint8Array();
  /** What is on the disk. */
  durable = new Uint8Array();
  /** The states that a sector has had since the last flush. */
  readonly dirty = new Map<number, Uint8Array[]>();

  write(bytes: Uint8Array, position: number): void {
    if (position + bytes.length > this.data.length) this.resize(position + bytes.length);
    this.data.set(bytes, position);
    const first = Math.floor(position / sectorBytes);
    for (let sector = first; sector * sectorBytes < position + bytes.length; sector++) {
      const states = this.dirty.get(sector) ?? [];
      const start = sector * sectorBytes;
      states.push(this.data.slice(start, start + sectorBytes));
      this.dirty.set(sector, states);
    }
  }

  resize(size: number): void {
    const data = new Uint8Array(size);
    data.set(this.data.subarray(0, size));
    this.data = data;
  }

  /** Only what is dirty is written: what a flush that failed has dropped is not, though a reader still sees it. */
  flush(): void {
    const durable = new Uint8Array(this.data.length);
    durable.set(this.durable.subarray(0, durable.length));
    for (const [sector, states] of this.dirty) {
      const start = sector * sectorBytes;
      const room = durable.subarray(start, start + sectorBytes);
      room.set(states.at(-1)?.subarray(0, room.length) ?? []);
    }
    this.durable = durable;
    this.dirty.clear();
  }

  /** @returns the file as a power cut leaves it */
  cut(how: PowerCut): Inode {
    const left = new Inode();
    left.data = how === "keep all" ? this.data.slice() : this.durable.slice();
    if (typeof how !== "string") {
      if (this.data.length !== this.durable.length && how.chance(0.5))
        left.resize(this.data.length);
      for (const [sector, states] of this.dirty) {
        const state = states[how.below(states.length + 1)];
        if (state === undefined) continue;
        const room = left.data.subarray(sector * sectorBytes, sector * sectorBytes + state.length);
        room.set(state.subarray(0, room.length));
      }
    }
    left.durable = left.data.slice();
    return left;
  }

  clone(): Inode {
    const copy = new Inode();
    copy.data = this.data.slice();
    copy.durable = this.durable.slice();
    for (const [sector, states] of this.dirty) copy.dirty.set(sector, [...states]);
    return copy;
  }
}

type NameChange =
  | { readonly kind: "link"; readonly path: string; readonly inode: Inode }
  | { readonly kind: "rename"; readonly path: string; readonly to: string; readonly inode: Inode }
  | { readonly kind: "unlink"; readonly path: string };

export interface SimulatedDiskOptions {
  /** What fits on it, in bytes. Default: no limit. */
  readonly capacity?: number;
  /** When a call is done. Default: a microtask later. */
  readonly schedule?: (run: () => void) => void;
}

export class SimulatedDisk {
  capacity: number;
  bootId = "boot-1";
  /** Looks at each call before it happens; what it gives happens instead. */
  onCall: ((call: DiskCall) => DiskFault | undefined) | undefined;
  readonly schedule: (run: () => void) => void;
  /** Calls that change something, so far. */
  calls = 0;
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #changes: NameChange[] = [];
  #process: SimulatedProcess | undefined;

  constructor(options: SimulatedDiskOptions = {}) {
    this.capacity = options.capacity ?? Number.POSITIVE_INFINITY;
    this.schedule = options.schedule ?? queueMicrotask;
  }

  /** The disk as a new process sees it. Whatever the one before still has in its hands is dead. */
  newProcess(): Disk {
    this.#process = new SimulatedProcess(this);
    return this.#process;
  }

  isCurrent(process: SimulatedProcess): boolean {
    return this.#process === process;
  }

  /** @returns a disk as this one is after a power cut now; this one goes on */
  afterPowerCut(how: PowerCut): SimulatedDisk {
    const names = new Map(how === "keep all" ? this.#names : this.#durableNames);
    if (typeof how !== "string") {
      for (const change of this.#changes) if (how.chance(0.5)) applyChange(names, change);
    }
    const left = new SimulatedDisk({ capacity: this.capacity, schedule: this.schedule });
    const cut = new Map<Inode, Inode>();
    for (const [path, inode] of names) {
      const after = cut.get(inode) ?? inode.cut(how);
      cut.set(inode, after);
      left.#names.set(path, after);
      left.#durableNames.set(path, after);
    }
    left.bootId = `${this.bootId}+`;
    return left;
  }

  /** @returns a disk with the same files, flushed or not */
  clone(options: Pick<SimulatedDiskOptions, "schedule"> = {}): SimulatedDisk {
    const { capacity, schedule } = this;
    const copy = new SimulatedDisk({ capacity, schedule, ...options });
    const copies = new Map<Inode, Inode>();
    const copyOf = (inode: Inode): Inode => {
      const made = copies.get(inode) ?? inode.clone();
      copies.set(inode, made);
      return made;
    };
    for (const [path, inode] of this.#names) copy.#names.set(path, copyOf(inode));
    for (const [path, inode] of this.#durableNames) copy.#durableNames.set(path, copyOf(inode));
    copy.#changes = this.#changes.map((change) =>
      "inode" in change ? { ...change, inode: copyOf(change.inode) } : change,
    );
    copy.bootId = this.bootId;
    return copy;
  }

  // --- for tests that damage things ---

  paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** The bytes of a file: change them, and the disk has gone bad. */
  bytes(path: string): Uint8Array {
    return this.#inode(path).data;
  }

  /** Makes a file shorter or longer, as damage does. */
  resize(path: string, size: number): void {
    this.#inode(path).resize(size);
  }

  /** Makes a file, or gives it another content. */
  put(path: string, bytes: Uint8Array): void {
    const inode = new Inode();
    inode.data = bytes.slice();
    inode.durable = bytes.slice();
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  remove(path: string): void {
    this.#names.delete(path);
    this.#durableNames.delete(path);
  }

  get usedBytes(): number {
    let bytes = 0;
    for (const { data } of this.#names.values()) bytes += data.length;
    return bytes;
  }

  // --- for its processes ---

  /** Counts a call. @returns what happens instead of it. Throws the error that it is to have */
  begin(name: DiskCallName, path: string): DiskFault | undefined {
    const number = name === "read" || name === "open" ? 0 : ++this.calls;
    const fault = this.onCall?.({ name, path, number });
    if (fault !== undefined && "error" in fault) {
      if (name === "flush") this.#names.get(path)?.dirty.clear();
      throw diskError(fault.error, name, path);
    }
    return fault;
  }

  lookUp(path: string, mode: "read" | "write" | "create"): Inode {
    const existing = this.#names.get(path);
    if (mode !== "create") {
      if (existing === undefined) throw diskError("ENOENT", "open", path);
      return existing;
    }
    if (existing !== undefined) throw diskError("EEXIST", "open", path);
    const inode = new Inode();
    this.#change({ kind: "link", path, inode });
    return inode;
  }

  isAt(path: string, inode: Inode): boolean {
    return this.#names.get(path) === inode;
  }

  rename(path: string, to: string): void {
    this.#change({ kind: "rename", path, to, inode: this.#inode(path) });
  }

  unlink(path: string): void {
    this.#inode(path);
    this.#change({ kind: "unlink", path });
  }

  flushFolder(folder: string): void {
    const rest: NameChange[] = [];
    for (const change of this.#changes) {
      if (dirname(change.path) === folder) applyChange(this.#durableNames, change);
      else rest.push(change);
    }
    this.#changes = rest;
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw diskError("ENOENT", "open", path);
    return inode;
  }

  #change(change: NameChange): void {
    applyChange(this.#names, change);
    this.#changes.push(change);
  }
}

/** How much of a write is done that is short: half of it, up to the end of a sector; all of it within one sector. */
function shortCount(position: number, length: number): number {
  const first = Math.floor(position / sectorBytes) + 1;
  const half = Math.floor((position + length / 2) / sectorBytes);
  return Math.min(length, Math.max(first, half) * sectorBytes - position);
}

function applyChange(names: Map<string, Inode>, change: NameChange): void {
  if (change.kind === "link") names.set(change.path, change.inode);
  else {
    names.delete(change.path);
    if (change.kind === "rename") names.set(change.to, change.inode);
  }
}

function diskError(code: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code });
}

/** What one process has of the disk. Once another has begun, nothing that it asks for ever happens. */
class SimulatedProcess implements Disk {
  readonly #disk: SimulatedDisk;
  #locked = false;

  constructor(disk: SimulatedDisk) {
    this.#disk = disk;
  }

  /** Runs a call a moment later, if the process still lives then. */
  run<Result>(
    call: { readonly name: DiskCallName; readonly path: string } | undefined,
    act: (fault: DiskFault | undefined) => Result,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.later(call, act, (error, result) => {
        if (error === undefined) resolve(result as Result);
        else reject(error);
      });
    });
  }

  /** The same with a callback: `result` is undefined when there is an error. */
  later<Result>(
    call: { readonly name: DiskCallName; readonly path: string } | undefined,
    act: (fault: DiskFault | undefined) => Result,
    done: (error: Error | undefined, result: Result | undefined) => void,
  ): void {
    this.#disk.schedule(() => {
      if (!this.#disk.isCurrent(this)) return;
      let result: Result;
      try {
        result = act(call && this.#disk.begin(call.name, call.path));
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)), undefined);
        return;
      }
      done(undefined, result);
    });
  }

  makeFolder(): Promise<void> {
    return this.run(undefined, () => undefined);
  }

  open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    const name = mode === "create" ? "create" : "open";
    return this.run({ name, path }, () => {
      const inode = this.#disk.lookUp(path, mode);
      return new SimulatedFile(this, this.#disk, path, inode);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.run({ name: "rename", path: from }, () => this.#disk.rename(from, to));
  }

  unlink(path: string): Promise<void> {
    return this.run({ name: "unlink", path }, () => this.#disk.unlink(path));
  }

  list(folder: string): Promise<string[]> {
    return this.run(undefined, () =>
      this.#disk
        .paths()
        .filter((path) => dirname(path) === folder)
        .map((path) => basename(path)),
    );
  }

  flushFolder(path: string): Promise<void> {
    return this.run({ name: "flushFolder", path }, (fault) => {
      if (fault === undefined) this.#disk.flushFolder(path);
    });
  }

  freeBytes(path: string): Promise<number> {
    return this.run({ name: "freeBytes", path }, () => this.#disk.capacity - this.#disk.usedBytes);
  }

  lock(folder: string): Promise<DiskLock> {
    return this.run(undefined, () => {
      if (this.#locked) throw new JournalError("HF_STORE_LOCKED", { detail: folder });
      this.#locked = true;
      return {
        release: () => {
          this.#locked = false;
          return Promise.resolve();
        },
      };
    });
  }

  bootId(): Promise<string> {
    return Promise.resolve(this.#disk.bootId);
  }
}

class SimulatedFile implements DiskFile {
  readonly #process: SimulatedProcess;
  readonly #disk: SimulatedDisk;
  readonly #path: string;
  readonly #inode: Inode;

  constructor(process: SimulatedProcess, disk: SimulatedDisk, path: string, inode: Inode) {
    this.#process = process;
    this.#disk = disk;
    this.#path = path;
    this.#inode = inode;
  }

  write(
    parts: readonly Uint8Array[],
    position: number,
    done: (error: Error | undefined, written: number) => void,
  ): void {
    const act = (fault: DiskFault | undefined) =>
      this.#write(Buffer.concat(parts), position, fault);
    const call = { name: "write", path: this.#path } as const;
    this.#process.later(call, act, (error, count = 0) => done(error, count));
  }

  writeAtOnce(parts: readonly Uint8Array[], position: number): number {
    const bytes = Buffer.concat(parts);
    if (!this.#disk.isCurrent(this.#process)) return bytes.length;
    return this.#write(bytes, position, this.#disk.begin("write", this.#path));
  }

  #write(bytes: Uint8Array, position: number, fault: DiskFault | undefined): number {
    const short = fault !== undefined && "short" in fault;
    const count = short ? shortCount(position, bytes.length) : bytes.length;
    const grown = Math.max(0, position + count - this.#inode.data.length);
    if (this.#disk.usedBytes + grown > this.#disk.capacity) {
      throw diskError("ENOSPC", "write", this.#path);
    }
    this.#inode.write(bytes.subarray(0, count), position);
    return count;
  }

  flush(done: (error: Error | undefined) => void): void {
    const act = (fault: DiskFault | undefined): void => {
      if (fault === undefined) this.#inode.flush();
    };
    this.#process.later({ name: "flush", path: this.#path }, act, (error) => done(error));
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return this.#process.run({ name: "read", path: this.#path }, () => {
      const bytes = this.#inode.data.subarray(position, position + target.length);
      target.set(bytes);
      return bytes.length;
    });
  }

  size(): Promise<number> {
    return this.#process.run(undefined, () => this.#inode.data.length);
  }

  isAt(path: string): Promise<boolean> {
    return this.#process.run(undefined, () => this.#disk.isAt(path, this.#inode));
  }

  truncate(size: number): Promise<void> {
    return this.#process.run({ name: "truncate", path: this.#path }, () =>
      this.#inode.resize(size),
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
