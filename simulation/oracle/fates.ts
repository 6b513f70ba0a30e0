/** What becomes of what was emitted: in the journal, refused, not known; and who was told what of it. */
import type { EmitRecord } from "./emit-record.ts";
import type { Oracle } from "./oracle.ts";
import type { Publishing } from "./oracle-types.ts";
import { offsetOf } from "./wire.ts";

export class Fates {
  readonly #oracle: Oracle;
  /** The last call that is known to be committed, by namespace. */
  readonly #committed = new Map<string, number>();
  /** Refused, and nobody was told yet. */
  readonly #untold = new Set<number>();
  readonly #publishing = new Set<Publishing>();

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  lastCommitted(namespace: string): number {
    return this.#committed.get(namespace) ?? 0;
  }

  /** How many publishes have no outcome yet. */
  get publishing(): number {
    return this.#publishing.size;
  }

  committed(n: number, offset: number): void {
    const emit = this.#oracle.emits.get(n);
    if (emit === undefined)
      this.#oracle.fail("I2 no effect of refused", `the journal has ${n}, which nobody emitted`);
    if (emit.fate === "committed") {
      this.#oracle.fail("I3 one effect", `${n} is in the journal at ${emit.offset} and ${offset}`);
    }
    emit.fate = "committed";
    emit.offset = offset;
    this.#oracle.order.add(0, "committed", emit.namespace, n, offset);
    const last = this.#committed.get(emit.namespace) ?? 0;
    if (n < last) this.#oracle.fail("I21 emit order", `${n} was committed after ${last}`);
    this.#committed.set(emit.namespace, n);
    for (const session of this.#oracle.sessions) {
      if (session.namespace === emit.namespace) session.committedUpTo(n);
    }
  }

  refused(n: number): void {
    const emit = this.#oracle.emits.get(n);
    // A repeat may be refused whose first one was taken.
    if (emit?.fate !== "pending") return;
    emit.fate = "refused";
    this.#untold.add(n);
  }

  /** The store has failed: whether it is in the journal is seen when that is opened again. */
  unknown(n: number): void {
    const emit = this.#oracle.emits.get(n);
    if (emit?.fate !== "pending") return;
    emit.fate = "unknown";
    this.#untold.add(n);
  }

  /** It is on the disk of a process that is no more. Changes of rooms before it may be so as well; nobody was told. */
  recovered(n: number, offset: number): void {
    const emit = this.#oracle.emits.get(n);
    if (emit === undefined) {
      this.#oracle.fail("I2 no effect of refused", `the journal has ${n}, which nobody emitted`);
    }
    if (emit.fate === "refused") {
      this.#oracle.fail(
        "I2 no effect of refused",
        `${n} was refused, and is in the journal at ${offset}`,
      );
    }
    if (emit.fate === "committed" && emit.offset !== offset) {
      this.#oracle.fail("I3 one effect", `${n} is in the journal at ${emit.offset} and ${offset}`);
    }
    if (emit.fate === "committed") return;
    emit.fate = "committed";
    emit.offset = offset;
    for (const session of this.#oracle.sessions) session.unsettle();
  }

  /** What was recovered is not there any more: the next process had not come so far as to make sure of it. */
  vanished(n: number): void {
    const emit = this.#oracle.emits.get(n);
    if (emit !== undefined) emit.fate = "lost";
  }

  /** The application was told that an emit had no effect, or that this is not known. */
  toldRefused(n: number, unseen = false): void {
    this.#refusedUnseen(n, unseen);
    const fate = this.#oracle.emits.get(n)?.fate;
    if (fate !== "refused" && fate !== "unknown")
      this.#oracle.fail("I2 no effect of refused", `${n} is ${fate}, and was told refused`);
    this.#untold.delete(n);
  }

  /** A store that is not open has seen nothing of it, nor has one whose server takes nothing any more. */
  #refusedUnseen(n: number, unseen: boolean): void {
    const emit = this.#oracle.emits.get(n);
    if (emit?.fate !== "pending") return;
    if (unseen || !this.#oracle.options.isOpen(emit.namespace)) emit.fate = "refused";
  }

  /** The application awaits what becomes of a publish. */
  publishes(n: number): Publishing {
    const publishing: Publishing = {
      resolved: (position, duplicate) => {
        this.#publishing.delete(publishing);
        const emit = this.#oracle.emits.get(n);
        if (emit?.fate !== "committed") {
          this.#oracle.fail("I1 durable", `${n} was acknowledged while ${emit?.fate}`);
        }
        if (offsetOf(position) !== emit.offset) {
          this.#oracle.fail(
            "I5 immutable",
            `${n} is at ${emit.offset}, and was said to be at ${position}`,
          );
        }
        if (duplicate !== emit.acknowledged) this.#checkDuplicate(emit, duplicate);
        emit.acknowledged = true;
      },
      rejected: (code) => {
        this.#publishing.delete(publishing);
        this.#untold.delete(n);
        this.#refusedUnseen(n, code === "HF_DRAINING");
        const fate = this.#oracle.emits.get(n)?.fate;
        if (fate === "committed" && !publishing.again) {
          this.#oracle.fail(
            "I2 no effect of refused",
            `${n} was refused with ${code}, and is ${fate}`,
          );
        }
      },
      again: this.#oracle.emits.get(n)?.published === true,
    };
    const emit = this.#oracle.emits.get(n);
    if (emit !== undefined) emit.published = true;
    this.#publishing.add(publishing);
    return publishing;
  }

  #checkDuplicate({ n, acknowledged, published }: EmitRecord, duplicate: boolean): void {
    // It may be on the disk though nobody was told; but who was told must be told the same again.
    if (acknowledged && !duplicate) this.#oracle.fail("I3 one effect", `${n} had an effect twice`);
    if (duplicate && !published) this.#oracle.fail("I3 one effect", `${n} is no duplicate`);
  }

  /** The process is no more: what the journal has by now is all that there is. */
  crashed(): void {
    for (const emit of this.#oracle.emits.values()) if (emit.fate === "pending") emit.fate = "lost";
    this.#untold.clear();
    this.#publishing.clear();
  }

  lostAll(): void {
    for (const emit of this.#oracle.emits.values()) emit.fate = "lost";
    this.#committed.clear();
  }

  /** A drain is over: nothing that was taken is without an outcome. */
  checkDrained(): void {
    if (this.#publishing.size > 0) {
      this.#oracle.fail("I19 drain", `${this.#publishing.size} publishes have no outcome`);
    }
    for (const { n, fate } of this.#oracle.emits.values()) {
      if (fate === "pending")
        this.#oracle.fail("I19 drain", `${n} is neither committed nor refused`);
    }
  }

  checkComplete(): void {
    const [untold] = this.#untold;
    if (untold !== undefined) {
      this.#oracle.fail("I2 no effect of refused", `nobody was told of ${untold}`);
    }
    if (this.#publishing.size > 0) this.#oracle.fail("I18 liveness", "a publish never ended");
  }
}
