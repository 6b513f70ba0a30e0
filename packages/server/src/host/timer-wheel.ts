/**
 * One timer for any number of deadlines.
 *
 * Deadlines with the same delay fall due in the order in which they were armed, so each delay is a
 * linked list: arming, disarming and finding the next one cost the same for ten connections and for
 * a hundred thousand, and an idle connection owns no timer of its own and no closure.
 */
import type { Host, TimerHandle } from "./host.ts";

/** A deadline that can be armed again and again. `onDue` is shared, `owner` is what it is called with. */
export class Alarm<Owner = unknown> {
  readonly owner: Owner;
  readonly onDue: (owner: Owner, alarm: Alarm<Owner>) => void;
  /** @internal */ dueMs = 0;
  /** @internal */ list: AlarmList | undefined = undefined;
  /** @internal */ previous: AnyAlarm | undefined = undefined;
  /** @internal */ next: AnyAlarm | undefined = undefined;

  constructor(owner: Owner, onDue: (owner: Owner, alarm: Alarm<Owner>) => void) {
    this.owner = owner;
    this.onDue = onDue;
  }

  get armed(): boolean {
    return this.list !== undefined;
  }
}

interface AnyAlarm {
  readonly armed: boolean;
  dueMs: number;
  list: AlarmList | undefined;
  previous: AnyAlarm | undefined;
  next: AnyAlarm | undefined;
}

interface AlarmList {
  readonly delayMs: number;
  first: AnyAlarm | undefined;
  last: AnyAlarm | undefined;
}

/** More lists than this are not kept when they are empty. Delays that come again and again are fewer. */
const keptLists = 64;

/** What follows an alarm counts from when that was due, unless it was later than this: then the process was busy. */
const chainedMs = 10;

export class TimerWheel {
  readonly #host: Pick<Host, "monotonicMs" | "startTimer">;
  readonly #background: boolean;
  readonly #lists = new Map<number, AlarmList>();
  #armed = 0;
  #timer: TimerHandle | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;
  /** What is armed while alarms go off is due after them. */
  #earliestMs = 0;

  /** @param background whether its deadlines keep the process alive no longer than something else does */
  constructor(host: Pick<Host, "monotonicMs" | "startTimer">, background: boolean) {
    this.#host = host;
    this.#background = background;
  }

  /** Sets the alarm to go off `delayMs` from now. An alarm that was armed before starts anew. */
  arm<Owner>(alarm: Alarm<Owner>, delayMs: number): void {
    this.#armFrom(alarm, delayMs, this.#host.monotonicMs());
  }

  /** The same for an alarm that has just gone off, `delayMs` from when it was due: delays do not add up. */
  armAgain<Owner>(alarm: Alarm<Owner>, delayMs: number): void {
    const nowMs = this.#host.monotonicMs();
    const inTime = nowMs - alarm.dueMs < chainedMs;
    this.#armFrom(alarm, delayMs, inTime ? Math.min(alarm.dueMs, nowMs) : nowMs);
  }

  #armFrom<Owner>(alarm: Alarm<Owner>, delayMs: number, fromMs: number): void {
    if (alarm.list === undefined) this.#armed++;
    else unlink(alarm);
    let list = this.#lists.get(delayMs);
    if (list === undefined) {
      list = { delayMs, first: undefined, last: undefined };
      this.#lists.set(delayMs, list);
    }
    // A whole number: V8 keeps those in place, and makes an object of any other. The lower one, as timers have it: who
    // comes back right after the time of a deadline is late.
    alarm.dueMs = Math.max(this.#earliestMs, Math.floor(fromMs + delayMs));
    alarm.list = list;
    alarm.previous = list.last;
    if (list.last === undefined) list.first = alarm;
    else list.last.next = alarm;
    list.last = alarm;
    if (alarm.dueMs < this.#timerDueMs) this.#schedule(alarm.dueMs);
  }

  disarm<Owner>(alarm: Alarm<Owner>): void {
    if (alarm.list === undefined) return;
    const list = alarm.list;
    unlink(alarm);
    this.#armed--;
    if (list.first === undefined) this.#drop(list);
    if (this.#armed === 0) this.#stop();
  }

  #drop(list: AlarmList): void {
    if (this.#lists.size > keptLists && this.#lists.get(list.delayMs) === list) {
      this.#lists.delete(list.delayMs);
    }
  }

  #schedule(dueMs: number): void {
    this.#timer?.cancel();
    this.#timerDueMs = dueMs;
    const delayMs = Math.max(1, Math.ceil(dueMs - this.#host.monotonicMs()));
    const waitMs = Math.min(delayMs, 0x7fff_ffff);
    this.#timer = this.#host.startTimer(waitMs, () => this.#fire(), this.#background);
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerDueMs = Number.POSITIVE_INFINITY;
  }

  #fire(): void {
    this.#timer = undefined;
    this.#timerDueMs = Number.POSITIVE_INFINITY;
    // Timers count whole milliseconds and may fire a fraction early: what is due within one is due.
    const nowMs = this.#host.monotonicMs() + 0.999;
    this.#earliestMs = Math.floor(nowMs) + 1;
    for (const list of [...this.#lists.values()]) {
      // Alarms armed from here on are due later than that, so this ends.
      while (list.first !== undefined && list.first.dueMs <= nowMs) {
        const alarm = list.first;
        unlink(alarm);
        this.#armed--;
        if (alarm instanceof Alarm) alarm.onDue(alarm.owner, alarm);
      }
      if (list.first === undefined) this.#drop(list);
    }
    let nextMs = Number.POSITIVE_INFINITY;
    for (const list of this.#lists.values()) {
      if (list.first !== undefined && list.first.dueMs < nextMs) nextMs = list.first.dueMs;
    }
    if (nextMs !== Number.POSITIVE_INFINITY && nextMs < this.#timerDueMs) this.#schedule(nextMs);
  }
}

function unlink(alarm: AnyAlarm): void {
  const list = alarm.list;
  if (list === undefined) return;
  if (alarm.previous === undefined) list.first = alarm.next;
  else alarm.previous.next = alarm.next;
  if (alarm.next === undefined) list.last = alarm.previous;
  else alarm.next.previous = alarm.previous;
  alarm.list = undefined;
  alarm.previous = undefined;
  alarm.next = undefined;
}
