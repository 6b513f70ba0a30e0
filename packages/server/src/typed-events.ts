/**
 * The types behind `Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>`: from the events that an
 * application declares to the arguments of `on`, `emit`, `emitWithAck` and the acknowledgements they take.
 *
 * They mean exactly what Socket.IO 4.8's types mean, oddities included, so that typed applications compile
 * unchanged. `api-types.test.ts` and `typed-events.test.ts` hold the promise. `any` appears where `unknown` would
 * refuse such an application; each place says why.
 */
import { EventEmitter } from "node:events";

// --- maps of events ---

/** Event names and the types of their listeners. */
export interface EventsMap {
  // biome-ignore lint/suspicious/noExplicitAny: only an index signature of `any` accepts an interface without one
  [event: string]: any;
}

/** The map that is used when none is given: any event name, any arguments. */
export interface DefaultEventsMap {
  // biome-ignore lint/suspicious/noExplicitAny: listeners that declare their parameters must be assignable to it
  [event: string]: (...args: any[]) => void;
}

/** A map without events. */
type NoEvents = Record<never, never>;

/** The names of all events of a map. */
export type EventNames<Map extends EventsMap> = keyof Map & (string | symbol);

/** The arguments of an event, as a tuple. */
export type EventParams<Map extends EventsMap, Ev extends EventNames<Map>> = Parameters<Map[Ev]>;

/** Takes the arguments of any function. */
type AnyFunction = (...args: never[]) => unknown;

type IsAny<Type> = unknown extends Type ? (keyof Type extends never ? false : true) : false;

/**
 * True when the types of these events say nothing about acknowledgements, because a listener or its last argument
 * is `any`. Asked of a whole map at a time: one such event makes every event of the map count as both kinds.
 */
type Untold<Map extends EventsMap, Ev extends EventNames<Map>> = IsAny<
  Map[Ev] | Last<EventParams<Map, Ev>>
>;

/** The names of the events whose last argument is an acknowledgement. */
export type EventNamesWithAck<Map extends EventsMap, Ev extends EventNames<Map> = EventNames<Map>> =
  Untold<Map, Ev> extends true ? Ev : NamesThatAck<Map, Ev>;

type NamesThatAck<Map extends EventsMap, Ev extends EventNames<Map>> = Ev extends unknown
  ? EventParams<Map, Ev> extends never[]
    ? never
    : Last<EventParams<Map, Ev>> extends AnyFunction
      ? Ev
      : never
  : never;

/** The names of the events whose last argument is anything else, or that have none. */
export type EventNamesWithoutAck<
  Map extends EventsMap,
  Ev extends EventNames<Map> = EventNames<Map>,
> = Untold<Map, Ev> extends true ? Ev : NamesThatDoNotAck<Map, Ev>;

type NamesThatDoNotAck<Map extends EventsMap, Ev extends EventNames<Map>> = Ev extends unknown
  ? EventParams<Map, Ev> extends never[]
    ? Ev
    : Last<EventParams<Map, Ev>> extends AnyFunction
      ? never
      : Ev
  : never;

/** The names of the events whose acknowledgement takes an error first. */
export type EventNamesWithError<
  Map extends EventsMap,
  Ev extends EventNamesWithAck<Map> = EventNamesWithAck<Map>,
> = Untold<Map, Ev> extends true ? Ev : NamesThatAckWithError<Map, Ev>;

type NamesThatAckWithError<Map extends EventsMap, Ev extends EventNames<Map>> = Ev extends unknown
  ? ArgsOf<Last<EventParams<Map, Ev>>>[0] extends Error
    ? Ev
    : never
  : never;

/** Like `Parameters`, for a type that is not known to be a function. */
type ArgsOf<Type> = Type extends (...args: infer Args) => unknown ? Args : never;

/** The map without the events that want an acknowledgement: what may be emitted to many at once. */
export type RemoveAcknowledgements<Map extends EventsMap> = {
  [Ev in EventNamesWithoutAck<Map>]: Map[Ev];
};

// --- listeners ---

/** The names of the library's own events and of the application's. */
export type ReservedOrUserEventNames<
  ReservedEvents extends EventsMap,
  UserEvents extends EventsMap,
> = EventNames<ReservedEvents> | EventNames<UserEvents>;

/** The listener of an event. A name that is in both maps has the library's listener. */
export type ReservedOrUserListener<
  ReservedEvents extends EventsMap,
  UserEvents extends EventsMap,
  Ev extends ReservedOrUserEventNames<ReservedEvents, UserEvents>,
> = FallbackToUntypedListener<
  Ev extends EventNames<ReservedEvents>
    ? ReservedEvents[Ev]
    : Ev extends EventNames<UserEvents>
      ? UserEvents[Ev]
      : never
>;

/**
 * TypeScript resolves a listener to `never` when it first sees it inside a generic class or function; a listener
 * of any arguments then lets the parameters of the callback be inferred.
 */
export type FallbackToUntypedListener<Listener> = [Listener] extends [never]
  ? // biome-ignore lint/suspicious/noExplicitAny: parameters of `unknown` would refuse listeners that name theirs
    (...args: any[]) => void | Promise<void>
  : Listener;

// --- tuples ---

/** The last element; for an array, its elements; for an empty tuple, `never`. */
export type Last<Tuple extends readonly unknown[]> = Tuple extends readonly [infer Only]
  ? Only
  : Tuple extends readonly [unknown, ...infer Rest]
    ? Last<Rest>
    : Tuple extends readonly (infer Element)[]
      ? Element
      : never;

/** Everything before the last element; for an array, any arguments at all. */
export type AllButLast<Tuple extends unknown[]> = Tuple extends [...infer Head, unknown]
  ? Head
  : // biome-ignore lint/suspicious/noExplicitAny: untyped events take arguments of any type
    any[];

/** The first element that is not an error: the second if the first is one. */
export type FirstNonErrorTuple<Tuple extends unknown[]> = Tuple[0] extends Error
  ? Tuple[1]
  : Tuple[0];

/** What an acknowledgement is called with, its error aside: what `emitWithAck` resolves to. */
export type FirstNonErrorArg<Ack> = Ack extends (...args: infer Args) => unknown
  ? FirstNonErrorTuple<Args>
  : // biome-ignore lint/suspicious/noExplicitAny: the answer to an untyped event has no known type
    any;

/** Each element becomes an array of itself. */
export type MultiplyArray<Tuple extends unknown[]> = { [Index in keyof Tuple]: Tuple[Index][] };

/** The first element as a tuple: unlike `[Tuple[0]]` it keeps the name of the parameter. */
export type InferFirstAndPreserveLabel<Tuple extends unknown[]> = Tuple extends [
  unknown,
  ...infer Rest,
]
  ? Tuple extends [...infer First, ...Rest]
    ? First
    : never
  : never;

// --- acknowledgements ---

/** Callbacks among the arguments take the error of a timeout first, unless they take an error first already. */
export type PrependTimeoutError<Args extends unknown[]> = {
  [Index in keyof Args]: Args[Index] extends (...args: infer Answer) => infer Result
    ? Answer[0] extends Error
      ? Args[Index]
      : (err: Error, ...args: Answer) => Result
    : Args[Index];
};

/** Callbacks among the arguments take an array of answers, one for each client; an error before it stays one. */
export type ExpectMultipleResponses<Args extends unknown[]> = {
  [Index in keyof Args]: Args[Index] extends (...args: infer Answer) => infer Result
    ? CallbackOfMany<Answer, Result>
    : Args[Index];
};

type CallbackOfMany<Answer extends unknown[], Result> = Answer extends [Error]
  ? (err: Error) => Result
  : Answer extends []
    ? () => Result
    : Answer extends [Error, ...infer Values]
      ? (err: Error, ...args: InferFirstAndPreserveLabel<MultiplyArray<Values>>) => Result
      : (...args: InferFirstAndPreserveLabel<MultiplyArray<Answer>>) => Result;

/** The events as seen after `timeout()`, which puts an error before the answer. */
export type DecorateAcknowledgements<Map> = {
  [Ev in keyof Map]: Map[Ev] extends (...args: infer Args) => infer Result
    ? (...args: PrependTimeoutError<Args>) => Result
    : Map[Ev];
};

/** The events as emitted to many clients, each of which answers. */
export type DecorateAcknowledgementsWithMultipleResponses<Map> = {
  [Ev in keyof Map]: Map[Ev] extends (...args: infer Args) => infer Result
    ? (...args: ExpectMultipleResponses<Args>) => Result
    : Map[Ev];
};

/** The events as emitted to many servers, some of which may not answer in time. */
export type DecorateAcknowledgementsWithTimeoutAndMultipleResponses<Map> = {
  [Ev in keyof Map]: Map[Ev] extends (...args: infer Args) => infer Result
    ? (...args: ExpectMultipleResponses<PrependTimeoutError<Args>>) => Result
    : Map[Ev];
};

// --- handlers with `once` ---

/** The arguments of an event without its acknowledgement: what is kept of it, and what a handler with `once` gets. */
export type ArgsWithoutAck<Args extends unknown[]> = number extends Args["length"]
  ? Args
  : Args extends [...infer Head, AnyFunction]
    ? Head
    : WithoutOptionalAck<Args>;

type WithoutOptionalAck<Args extends unknown[]> = Args extends [infer First, ...infer Rest]
  ? [First, ...WithoutOptionalAck<Rest>]
  : Args extends [(infer Only)?]
    ? NonNullable<Only> extends AnyFunction
      ? []
      : Args
    : Args;

/** What it returns: what the acknowledgement of its event takes. `never` when that takes more than one value. */
export type OnceReply<Args extends unknown[]> = Args extends []
  ? // biome-ignore lint/suspicious/noConfusingVoidType: it is a return type, by way of a conditional one
    void
  : IsAny<Args[number]> extends true
    ? unknown
    : NonNullable<Last<Args>> extends AnyFunction
      ? OnlyArg<ArgsOf<NonNullable<Last<Args>>>>
      : // biome-ignore lint/suspicious/noConfusingVoidType: it is a return type, by way of a conditional one
        void;

type OnlyArg<Args> = Args extends []
  ? // biome-ignore lint/suspicious/noConfusingVoidType: it is a return type, by way of a conditional one
    void
  : Args extends [(infer Only)?]
    ? Only
    : never;

/** A handler with `once` of an event. */
export type OnceHandler<Map extends EventsMap, Ev extends EventNames<Map>> =
  IsAny<Map[Ev]> extends true
    ? // biome-ignore lint/suspicious/noExplicitAny: the events of a socket of whatever event maps
      (...args: any[]) => any
    : (
        ...args: ArgsWithoutAck<EventParams<Map, Ev>>
      ) => OnceReply<EventParams<Map, Ev>> | Promise<OnceReply<EventParams<Map, Ev>>>;

/** What finds the id in the arguments of an event. */
export type OnceIdFinder<Map extends EventsMap, Ev extends EventNames<Map>> =
  IsAny<Map[Ev]> extends true
    ? // biome-ignore lint/suspicious/noExplicitAny: the events of a socket of whatever event maps
      (...args: any[]) => any
    : (...args: ArgsWithoutAck<EventParams<Map, Ev>>) => string | number;

// --- emitters ---

/** Anything with a typed `emit`, be it an `EventEmitter` or not. */
export interface TypedEventBroadcaster<EmitEvents extends EventsMap> {
  emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): boolean;
}

/**
 * An `EventEmitter` that knows its events.
 *
 * @typeParam ListenEvents - what the application may listen to
 * @typeParam EmitEvents - what it may emit
 * @typeParam ReservedEvents - what the library emits, and anyone may listen to
 */
export abstract class StrictEventEmitter<
    ListenEvents extends EventsMap,
    EmitEvents extends EventsMap,
    ReservedEvents extends EventsMap = NoEvents,
  >
  extends EventEmitter
  implements TypedEventBroadcaster<EmitEvents>
{
  /** Calls `listener` each time that `ev` happens. */
  override on<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    ev: Ev,
    listener: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>,
  ): this {
    return super.on(ev, listener);
  }

  /** Calls `listener` the next time that `ev` happens, and never again. */
  override once<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    ev: Ev,
    listener: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>,
  ): this {
    return super.once(ev, listener);
  }

  /** Emits an event of the application. @returns whether it had listeners, unless a subclass says otherwise. */
  override emit<Ev extends EventNames<EmitEvents>>(
    ev: Ev,
    ...args: EventParams<EmitEvents, Ev>
  ): boolean {
    return super.emit(ev, ...args);
  }

  /** @returns the listeners of an event, in the order they are called. */
  override listeners<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    event: Ev,
  ): ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>[] {
    return super.listeners(event) as ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>[];
  }

  /** Calls the local listeners of a reserved event, also where a subclass makes `emit` send. @internal */
  protected emitReserved<Ev extends EventNames<ReservedEvents>>(
    ev: Ev,
    ...args: EventParams<ReservedEvents, Ev>
  ): boolean {
    return super.emit(ev, ...args);
  }

  /** Calls the local listeners of an event whose types are not known here. @internal */
  protected emitUntyped(ev: string, ...args: unknown[]): boolean {
    return super.emit(ev, ...args);
  }
}
