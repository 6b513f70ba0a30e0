/** Generators of legal packets for the properties. */
import fc from "fast-check";
import type { EnginePacket, EnginePacketType } from "../engine.io/packet.ts";
import {
  attachmentsMaxDefault,
  PacketType,
  reservedEventNames,
  type SocketPacket,
} from "../socket.io/packet.ts";

/** UTF-8 has no halves of surrogate pairs, and the separator of payloads is never in data: JSON escapes it. */
const text = fc
  .string({ unit: "binary", maxLength: 40 })
  .map((value) => value.toWellFormed().replaceAll("\x1e", ""));

const bytes = fc.uint8Array({ maxLength: 300 });

const controlTypes: readonly Exclude<EnginePacketType, "message">[] = [
  "open",
  "close",
  "ping",
  "pong",
  "upgrade",
  "noop",
];

export const enginePacket: fc.Arbitrary<EnginePacket> = fc.oneof(
  fc.oneof(text, bytes).map((data): EnginePacket => ({ type: "message", data })),
  fc
    .tuple(fc.constantFrom(...controlTypes), fc.option(text, { nil: undefined }))
    // No data and empty data are the same on the wire.
    .map(([type, data]): EnginePacket => (data ? { type, data } : { type })),
);

/** The number of binary values anywhere inside. */
function countBytes(value: unknown): number {
  if (value instanceof Uint8Array) return 1;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, item) => sum + countBytes(item), 0);
}

/** JSON, in which bytes may stand anywhere. Minus zero has no place in JSON, so it would not come back. */
const json = (leaves: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaves,
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(fc.oneof(fc.string({ maxLength: 8 }), fc.constant("__proto__")), tie("value"), {
        maxKeys: 4,
      }),
    ),
  })).value;

const plainLeaf = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
  fc.boolean(),
  fc.constant(null),
);

const attachmentLeaf = fc.oneof(
  { weight: 4, arbitrary: plainLeaf },
  { weight: 1, arbitrary: bytes },
);

const eventName = fc.oneof(
  fc.string({ maxLength: 10 }).filter((name) => !reservedEventNames.has(name)),
  fc.integer(),
);
const namespace = fc.oneof(
  fc.constant("/"),
  fc.string({ maxLength: 8 }).map((name) => `/${name.replaceAll(",", "")}`),
);
const ackId = fc.maxSafeNat();
const maybeAckId = fc.option(ackId, { nil: undefined });
const items = fc
  .array(json(attachmentLeaf), { maxLength: 4 })
  .filter((list) => countBytes(list) <= attachmentsMaxDefault);
const object = fc.dictionary(fc.string({ maxLength: 8 }), json(plainLeaf), { maxKeys: 4 });

export const socketPacket: fc.Arbitrary<SocketPacket> = fc.oneof(
  fc.record({
    type: fc.constant(PacketType.CONNECT),
    nsp: namespace,
    data: fc.option(object, { nil: undefined }),
  }),
  fc.record({ type: fc.constant(PacketType.DISCONNECT), nsp: namespace }),
  fc.record({
    type: fc.constant(PacketType.EVENT),
    nsp: namespace,
    id: maybeAckId,
    data: fc.tuple(eventName, items).map(([name, args]) => [name, ...args]),
  }),
  fc.record({ type: fc.constant(PacketType.ACK), nsp: namespace, id: ackId, data: items }),
  fc.record({
    type: fc.constant(PacketType.CONNECT_ERROR),
    nsp: namespace,
    data: fc.oneof(object, fc.string({ maxLength: 12 })),
  }),
);

/** Cuts bytes at places that fast-check chooses, so that it can also look for the fewest cuts that fail. */
export function cut(whole: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = places.map((place) => place % (whole.length + 1)).sort((a, b) => a - b);
  return [0, ...sorted].map((start, i) => whole.subarray(start, sorted[i] ?? whole.length));
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
