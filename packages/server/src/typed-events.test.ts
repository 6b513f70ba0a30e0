/**
 * The types of events. Goal: an application that is typed against Socket.IO 4.8 compiles unchanged, and what
 * does not compile there does not compile here. Method: the compiler is the judge of everything but the last
 * block (`tsc -p tsconfig.tests.json`); every type below was first read from npm socket.io 4.8.4.
 */
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import {
  type AllButLast,
  type ArgsWithoutAck,
  type DecorateAcknowledgements,
  type DecorateAcknowledgementsWithMultipleResponses,
  type DecorateAcknowledgementsWithTimeoutAndMultipleResponses,
  type DefaultEventsMap,
  type EventNames,
  type EventNamesWithAck,
  type EventNamesWithError,
  type EventNamesWithoutAck,
  type EventParams,
  type EventsMap,
  type ExpectMultipleResponses,
  type FallbackToUntypedListener,
  type FirstNonErrorArg,
  type FirstNonErrorTuple,
  type InferFirstAndPreserveLabel,
  type Last,
  type MultiplyArray,
  type OnceReply,
  type PrependTimeoutError,
  type RemoveAcknowledgements,
  type ReservedOrUserEventNames,
  type ReservedOrUserListener,
  StrictEventEmitter,
  type TypedEventBroadcaster,
} from "./typed-events.ts";

/** Written as an interface, as most applications do: it has no index signature. */
interface Events {
  plain: () => void;
  values: (text: string, count: number) => void;
  optional: (text: string, count?: number) => void;
  many: (...counts: number[]) => void;
  ack: (text: string, done: (count: number) => void) => void;
  ackAlone: (done: () => void) => void;
  ackOfTwo: (done: (count: number, text: string) => void) => void;
  ackWithError: (text: string, done: (failure: Error, count: number) => void) => void;
  ackOfErrorOnly: (done: (failure: Error) => void) => void;
  ackIfGiven: (text: string, done?: (count: number) => void) => void;
  ackInFront: (done: (count: number) => void, text: string) => void;
}

type WithoutAck = "plain" | "values" | "optional" | "many" | "ackIfGiven" | "ackInFront";
type WithError = "ackWithError" | "ackOfErrorOnly";
type WithAck = "ack" | "ackAlone" | "ackOfTwo" | WithError;

/** One event says nothing about its argument. */
interface Vague {
  // biome-ignore lint/suspicious/noExplicitAny: what an event of `any` does to a map is what is tested
  anything: (value: any) => void;
  ack: (done: (count: number) => void) => void;
  plain: (text: string) => void;
}

const broken = new Error("broken");

describe("maps of events", () => {
  it("take interfaces, type aliases and records", () => {
    expectTypeOf<Events>().toExtend<EventsMap>();
    expectTypeOf<{ hello: (name: string) => void }>().toExtend<DefaultEventsMap>();
    expectTypeOf<Record<"a" | "b", () => void>>().toExtend<EventsMap>();
  });

  it("take any event and any arguments by default", () => {
    expectTypeOf<EventNames<DefaultEventsMap>>().toEqualTypeOf<string>();
    expectTypeOf<EventParams<DefaultEventsMap, "hello">[number]>().toBeAny();
    expectTypeOf<DefaultEventsMap["hello"]>().returns.toEqualTypeOf<void>();
  });

  it("name their events, by symbols too", () => {
    const mark = Symbol("mark");
    expectTypeOf<EventNames<Events>>().toEqualTypeOf<WithoutAck | WithAck>();
    expectTypeOf<EventNames<{ [mark]: () => void; 1: () => void }>>().toEqualTypeOf<typeof mark>();
    expectTypeOf<EventNames<Record<never, never>>>().toBeNever();
    expect(mark.description).toBe("mark");
  });

  it("give the arguments of an event", () => {
    expectTypeOf<EventParams<Events, "plain">>().toEqualTypeOf<[]>();
    expectTypeOf<EventParams<Events, "values">>().toEqualTypeOf<[text: string, count: number]>();
    expectTypeOf<EventParams<Events, "optional">>().toEqualTypeOf<
      [text: string, count?: number | undefined]
    >();
    expectTypeOf<EventParams<Events, "many">>().toEqualTypeOf<number[]>();
    expectTypeOf<EventParams<Events, "plain" | "many">>().toEqualTypeOf<[] | number[]>();
  });
});

describe("events with an acknowledgement", () => {
  it("are those whose last argument is always a callback", () => {
    expectTypeOf<EventNamesWithAck<Events>>().toEqualTypeOf<WithAck>();
    expectTypeOf<EventNamesWithoutAck<Events>>().toEqualTypeOf<WithoutAck>();
  });

  it("are told from those whose callback takes an error first", () => {
    expectTypeOf<EventNamesWithError<Events>>().toEqualTypeOf<WithError>();
  });

  it("take no part in what is emitted to everyone without a timeout", () => {
    expectTypeOf<RemoveAcknowledgements<Events>>().toEqualTypeOf<Pick<Events, WithoutAck>>();
  });

  it("are both, with and without, in a map that does not tell", () => {
    expectTypeOf<EventNamesWithAck<DefaultEventsMap>>().toEqualTypeOf<string>();
    expectTypeOf<EventNamesWithoutAck<DefaultEventsMap>>().toEqualTypeOf<string>();
    expectTypeOf<EventNamesWithError<DefaultEventsMap>>().toEqualTypeOf<string>();
    expectTypeOf<RemoveAcknowledgements<DefaultEventsMap>>().toEqualTypeOf<DefaultEventsMap>();
  });

  it("are both for the whole map as soon as one event of it does not tell", () => {
    expectTypeOf<EventNamesWithAck<Vague>>().toEqualTypeOf<keyof Vague>();
    expectTypeOf<EventNamesWithoutAck<Vague>>().toEqualTypeOf<keyof Vague>();
    expectTypeOf<RemoveAcknowledgements<Vague>>().toEqualTypeOf<Vague>();
  });

  it("are none where the values of the map are no functions", () => {
    expectTypeOf<EventNamesWithAck<{ text: string }>>().toBeNever();
    expectTypeOf<EventNamesWithoutAck<{ text: string }>>().toEqualTypeOf<"text">();
  });
});

describe("handlers with `once`", () => {
  it("get the arguments without the acknowledgement", () => {
    expectTypeOf<ArgsWithoutAck<EventParams<Events, "plain">>>().toEqualTypeOf<[]>();
    expectTypeOf<ArgsWithoutAck<EventParams<Events, "values">>>().toEqualTypeOf<
      [text: string, count: number]
    >();
    expectTypeOf<ArgsWithoutAck<EventParams<Events, "optional">>>().toEqualTypeOf<
      [text: string, count?: number | undefined]
    >();
    expectTypeOf<ArgsWithoutAck<EventParams<Events, "many">>>().toEqualTypeOf<number[]>();
    expectTypeOf<ArgsWithoutAck<EventParams<Events, "ack">>>().toEqualTypeOf<[text: string]>();
    expectTypeOf<ArgsWithoutAck<EventParams<Events, "ackAlone">>>().toEqualTypeOf<[]>();
    expectTypeOf<ArgsWithoutAck<EventParams<Events, "ackIfGiven">>>().toEqualTypeOf<[string]>();
    expectTypeOf<ArgsWithoutAck<EventParams<DefaultEventsMap, "any">>[number]>().toBeAny();
  });

  it("return what the acknowledgement takes", () => {
    expectTypeOf<OnceReply<EventParams<Events, "plain">>>().toEqualTypeOf<void>();
    expectTypeOf<OnceReply<EventParams<Events, "ack">>>().toBeNumber();
    expectTypeOf<OnceReply<EventParams<Events, "ackAlone">>>().toEqualTypeOf<void>();
    expectTypeOf<OnceReply<EventParams<Events, "ackIfGiven">>>().toBeNumber();
    expectTypeOf<OnceReply<EventParams<Events, "ackOfTwo">>>().toEqualTypeOf<never>();
    expectTypeOf<OnceReply<EventParams<DefaultEventsMap, "any">>>().toBeUnknown();
  });
});

describe("tuples", () => {
  it("have a last element", () => {
    expectTypeOf<Last<[]>>().toBeNever();
    expectTypeOf<Last<[string]>>().toEqualTypeOf<string>();
    expectTypeOf<Last<[string, number, boolean]>>().toEqualTypeOf<boolean>();
    expectTypeOf<Last<readonly [string, number]>>().toEqualTypeOf<number>();
    expectTypeOf<Last<string[]>>().toEqualTypeOf<string>();
    expectTypeOf<Last<[string, ...number[]]>>().toEqualTypeOf<number>();
    expectTypeOf<Last<[string, (number | undefined)?]>>().toEqualTypeOf<number | undefined>();
  });

  it("have what is before it, with the names of the parameters", () => {
    expectTypeOf<AllButLast<[string]>>().toEqualTypeOf<[]>();
    expectTypeOf<AllButLast<[text: string, count: number, done: () => void]>>().toEqualTypeOf<
      [text: string, count: number]
    >();
    expectTypeOf<AllButLast<string[]>[number]>().toBeAny();
    expectTypeOf<AllButLast<[string, number?]>[number]>().toBeAny();
  });

  it("have a first element that is no error", () => {
    expectTypeOf<FirstNonErrorTuple<[string, number]>>().toEqualTypeOf<string>();
    expectTypeOf<FirstNonErrorTuple<[Error, number]>>().toEqualTypeOf<number>();
    expectTypeOf<FirstNonErrorTuple<[RangeError, number]>>().toEqualTypeOf<number>();
    expectTypeOf<FirstNonErrorTuple<[Error | null, number]>>().toEqualTypeOf<Error | null>();
    expectTypeOf<FirstNonErrorTuple<[]>>().toEqualTypeOf<undefined>();
  });

  it("become tuples of arrays", () => {
    expectTypeOf<MultiplyArray<[string, number]>>().toEqualTypeOf<[string[], number[]]>();
    expectTypeOf<MultiplyArray<[]>>().toEqualTypeOf<[]>();
    expectTypeOf<InferFirstAndPreserveLabel<[count: number, text: string]>>().toEqualTypeOf<
      [count: number]
    >();
    expectTypeOf<InferFirstAndPreserveLabel<[]>>().toBeNever();
  });
});

describe("acknowledgements", () => {
  it("resolve to their first value that is no error", () => {
    expectTypeOf<FirstNonErrorArg<() => void>>().toEqualTypeOf<undefined>();
    expectTypeOf<FirstNonErrorArg<(count: number, text: string) => void>>().toEqualTypeOf<number>();
    expectTypeOf<
      FirstNonErrorArg<(failure: Error, count: number) => void>
    >().toEqualTypeOf<number>();
    expectTypeOf<FirstNonErrorArg<unknown>>().toBeAny();
    expectTypeOf<FirstNonErrorArg<Last<EventParams<DefaultEventsMap, "hello">>>>().toBeAny();
  });

  it("take the error of a timeout first, once", () => {
    expectTypeOf<PrependTimeoutError<[string, (count: number) => boolean]>>().toEqualTypeOf<
      [string, (err: Error, count: number) => boolean]
    >();
    expectTypeOf<PrependTimeoutError<[() => void]>>().toEqualTypeOf<[(err: Error) => void]>();
    expectTypeOf<PrependTimeoutError<[(failure: Error, count: number) => void]>>().toEqualTypeOf<
      [(failure: Error, count: number) => void]
    >();
    expectTypeOf<PrependTimeoutError<[string, number]>>().toEqualTypeOf<[string, number]>();
  });

  it("take one array of first values from many clients", () => {
    type Answers<Ack> = ExpectMultipleResponses<[Ack]>[0];
    expectTypeOf<Answers<() => void>>().toEqualTypeOf<() => void>();
    expectTypeOf<Answers<(count: number, text: string) => void>>().toEqualTypeOf<
      (count: number[]) => void
    >();
    expectTypeOf<Answers<(failure: Error) => void>>().toEqualTypeOf<(err: Error) => void>();
    expectTypeOf<Answers<(failure: Error, count: number, text: string) => void>>().toEqualTypeOf<
      (err: Error, count: number[]) => void
    >();
    expectTypeOf<Answers<string>>().toEqualTypeOf<string>();
  });

  it("are decorated in every event of a map, and nothing else is", () => {
    type Timed = DecorateAcknowledgements<Events>;
    expectTypeOf<Timed["ack"]>().toEqualTypeOf<
      (text: string, done: (err: Error, count: number) => void) => void
    >();
    expectTypeOf<Timed["ackAlone"]>().toEqualTypeOf<(done: (err: Error) => void) => void>();
    expectTypeOf<Timed["ackWithError"]>().toEqualTypeOf<Events["ackWithError"]>();
    expectTypeOf<Timed["ackIfGiven"]>().toEqualTypeOf<Events["ackIfGiven"]>();
    expectTypeOf<Timed["ackInFront"]>().toEqualTypeOf<
      (done: (err: Error, count: number) => void, text: string) => void
    >();
    expectTypeOf<Pick<Timed, "plain" | "values" | "optional" | "many">>().toEqualTypeOf<
      Pick<Events, "plain" | "values" | "optional" | "many">
    >();
    expectTypeOf<DecorateAcknowledgements<Timed>>().toEqualTypeOf<Timed>();
  });

  it("are decorated for many clients, then for a timeout", () => {
    type Many = DecorateAcknowledgementsWithMultipleResponses<Events>;
    expectTypeOf<Many["ack"]>().toEqualTypeOf<
      (text: string, done: (count: number[]) => void) => void
    >();
    type TimedMany = DecorateAcknowledgements<Many>;
    expectTypeOf<TimedMany["ack"]>().toEqualTypeOf<
      (text: string, done: (err: Error, count: number[]) => void) => void
    >();
    expectTypeOf<TimedMany["ackWithError"]>().toEqualTypeOf<
      (text: string, done: (err: Error, count: number[]) => void) => void
    >();
    expectTypeOf<TimedMany["ackOfTwo"]>().toEqualTypeOf<
      (done: (err: Error, count: number[]) => void) => void
    >();
    expectTypeOf<EventNamesWithError<TimedMany>>().toEqualTypeOf<WithAck>();
  });

  it("are decorated for many servers", () => {
    type Cluster = DecorateAcknowledgementsWithTimeoutAndMultipleResponses<Events>;
    expectTypeOf<Cluster["ack"]>().toEqualTypeOf<
      (text: string, done: (err: Error, count: number[]) => void) => void
    >();
    expectTypeOf<Cluster["ackAlone"]>().toEqualTypeOf<(done: (err: Error) => void) => void>();
    expectTypeOf<Cluster["ackOfErrorOnly"]>().toEqualTypeOf<(done: (err: Error) => void) => void>();
    expectTypeOf<Cluster["values"]>().toEqualTypeOf<Events["values"]>();
  });

  it("stay as vague as the map is", () => {
    type Timed = DecorateAcknowledgements<DefaultEventsMap>;
    expectTypeOf<EventParams<Timed, "hello">[number]>().toBeAny();
    type Many = DecorateAcknowledgementsWithMultipleResponses<DefaultEventsMap>;
    expectTypeOf<EventParams<Many, "hello">[number]>().toBeAny();
  });
});

interface Reserved {
  opened: (id: number) => void;
  plain: (reason: string) => void;
}

describe("listeners", () => {
  it("are of reserved events or of the application's", () => {
    expectTypeOf<ReservedOrUserEventNames<Reserved, { hello: () => void }>>().toEqualTypeOf<
      "opened" | "plain" | "hello"
    >();
    expectTypeOf<ReservedOrUserListener<Reserved, Events, "opened">>().toEqualTypeOf<
      Reserved["opened"]
    >();
    expectTypeOf<ReservedOrUserListener<Reserved, Events, "values">>().toEqualTypeOf<
      Events["values"]
    >();
  });

  it("are of the reserved event where both have the name", () => {
    expectTypeOf<ReservedOrUserListener<Reserved, Events, "plain">>().toEqualTypeOf<
      (reason: string) => void
    >();
  });

  it("take any arguments where nothing is known", () => {
    expectTypeOf<FallbackToUntypedListener<never>>().parameters.items.toBeAny();
    expectTypeOf<FallbackToUntypedListener<never>>().returns.toEqualTypeOf<void | Promise<void>>();
    expectTypeOf<FallbackToUntypedListener<() => void>>().toEqualTypeOf<() => void>();
  });
});

/** The least that can extend it, with its protected methods shown. */
class Emitter extends StrictEventEmitter<Events, Events, Reserved> {
  open(id: number): boolean {
    // @ts-expect-error: not a reserved event
    expectTypeOf(this.emitReserved<"values">).toBeFunction();
    expectTypeOf(this.emitReserved<"opened">).parameters.toEqualTypeOf<["opened", id: number]>();
    return this.emitReserved("opened", id);
  }

  raw(event: string, ...args: unknown[]): boolean {
    return this.emitUntyped(event, ...args);
  }
}

/** Reads as code of an application; only the compiler runs it. */
function compiles<Subject>(_code: (subject: Subject) => void): void {}

describe("the emitter's types", () => {
  it("know the arguments of listeners", () => {
    compiles<Emitter>((emitter) => {
      emitter.on("values", (text, count) => {
        expectTypeOf(text).toEqualTypeOf<string>();
        expectTypeOf(count).toEqualTypeOf<number>();
      });
      emitter.once("ack", (_text, done) => {
        expectTypeOf(done).toEqualTypeOf<(count: number) => void>();
      });
      emitter.on("opened", (id) => expectTypeOf(id).toEqualTypeOf<number>());
      emitter.on("values", async (text) => {
        expectTypeOf(text).toEqualTypeOf<string>();
      });
      expectTypeOf(emitter.on("plain", () => {})).toEqualTypeOf<Emitter>();
      expectTypeOf(emitter.listeners("values")).toEqualTypeOf<Events["values"][]>();
      expectTypeOf(emitter.listeners("opened")).toEqualTypeOf<Reserved["opened"][]>();
    });
  });

  it("refuse listeners of other events and of other arguments", () => {
    compiles<Emitter>((emitter) => {
      // @ts-expect-error: no such event
      emitter.on("nothing", () => {});
      // @ts-expect-error: the text is no number
      emitter.on("values", (text: number) => text);
      // @ts-expect-error: a third argument never comes
      emitter.once("values", (_a: string, _b: number, _c: number) => {});
      // @ts-expect-error: no such event
      emitter.listeners("nothing");
    });
  });

  it("know what may be emitted, and refuse the rest", () => {
    compiles<Emitter>((emitter) => {
      expectTypeOf(emitter.emit("values", "a", 1)).toEqualTypeOf<boolean>();
      emitter.emit("plain");
      emitter.emit("optional", "a");
      emitter.emit("many", 1, 2, 3);
      emitter.emit("ack", "a", (count) => expectTypeOf(count).toEqualTypeOf<number>());
      // @ts-expect-error: no such event
      emitter.emit("nothing");
      // @ts-expect-error: the library alone emits it
      emitter.emit("opened", 1);
      // @ts-expect-error: an argument is missing
      emitter.emit("values", "a");
      // @ts-expect-error: an argument is too many
      emitter.emit("plain", 1);
      // @ts-expect-error: an argument is of another type
      emitter.emit("many", 1, "2");
      // @ts-expect-error: the acknowledgement is missing
      emitter.emit("ack", "a");
      // @ts-expect-error: the answer is a number
      emitter.emit("ack", "a", (count: string) => count);
    });
  });

  it("keep the methods for reserved and untyped events to subclasses", () => {
    compiles<Emitter>((emitter) => {
      // @ts-expect-error: protected
      expectTypeOf(emitter.emitReserved).toBeFunction();
      // @ts-expect-error: protected
      expectTypeOf(emitter.emitUntyped).toBeFunction();
    });
  });

  it("take anything when no map is given", () => {
    compiles<StrictEventEmitter<DefaultEventsMap, DefaultEventsMap>>((emitter) => {
      emitter.on("whatever", (...args) => expectTypeOf(args[0]).toBeAny());
      emitter.on("whatever", (a: string, b: number) => `${a}${b}`);
      emitter.emit("whatever", 1, "2", (answer: string) => answer);
    });
  });

  it("serve whatever only needs a typed emit", () => {
    expectTypeOf<Emitter>().toExtend<TypedEventBroadcaster<Events>>();
    expectTypeOf<Emitter>().not.toExtend<TypedEventBroadcaster<{ nothing: () => void }>>();
  });
});

describe("the emitter", () => {
  it("calls listeners with the arguments, and once where asked to", () => {
    const emitter = new Emitter();
    const always = vi.fn();
    const once = vi.fn();
    expect(emitter.on("values", always)).toBe(emitter);
    expect(emitter.once("values", once)).toBe(emitter);
    expect(emitter.listeners("values")).toEqual([always, once]);
    expect(emitter.emit("values", "a", 1)).toBe(true);
    expect(emitter.emit("values", "b", 2)).toBe(true);
    expect(emitter.emit("plain")).toBe(false);
    expect(always.mock.calls).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
    expect(once.mock.calls).toEqual([["a", 1]]);
  });

  it("calls local listeners also where a subclass makes emit send", () => {
    class Sender extends Emitter {
      readonly sent: unknown[] = [];
      override emit<Ev extends EventNames<Events>>(
        ev: Ev,
        ...args: EventParams<Events, Ev>
      ): boolean {
        this.sent.push([ev, ...args]);
        return true;
      }
    }
    const sender = new Sender();
    const opened = vi.fn();
    const values = vi.fn();
    sender.on("opened", opened).on("values", values);
    expect(sender.open(7)).toBe(true);
    expect(sender.raw("values", "a", 1)).toBe(true);
    expect(sender.raw("nothing")).toBe(false);
    sender.emit("ackOfErrorOnly", () => {});
    expect(opened.mock.calls).toEqual([[7]]);
    expect(values.mock.calls).toEqual([["a", 1]]);
    expect(sender.sent).toHaveLength(1);
  });

  it("lets what a listener throws through to who emits", () => {
    const emitter = new Emitter();
    emitter.on("plain", () => {
      throw broken;
    });
    expect(() => emitter.emit("plain")).toThrow(broken);
  });
});
