/** Both directions of Socket.IO packets: rows of the specification, and any packet at all. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { socketPacket } from "../testing/arbitraries.ts";
import { SocketPacketDecoder } from "./decode.ts";
import { encodeSocketPacket } from "./encode.ts";
import {
  isReservedEventName,
  PacketType,
  reservedEventNames,
  type SocketPacket,
} from "./packet.ts";

const { CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR } = PacketType;

const bytes = Uint8Array.of(1, 2, 3, 4);

// Examples of the Socket.IO v5 specification, so a failure is a protocol break.
const wire: [what: string, packet: SocketPacket, chunks: (string | Uint8Array)[]][] = [
  ["CONNECT", { type: CONNECT, nsp: "/" }, ["0"]],
  [
    "CONNECT with a payload",
    { type: CONNECT, nsp: "/", data: { token: "123" } },
    ['0{"token":"123"}'],
  ],
  ["CONNECT to a namespace", { type: CONNECT, nsp: "/admin" }, ["0/admin,"]],
  [
    "CONNECT to a namespace with a payload",
    { type: CONNECT, nsp: "/admin", data: { sid: "oSO0OpakMV_3jnilAAAA" } },
    ['0/admin,{"sid":"oSO0OpakMV_3jnilAAAA"}'],
  ],
  [
    "CONNECT_ERROR",
    { type: CONNECT_ERROR, nsp: "/", data: { message: "Not authorized" } },
    ['4{"message":"Not authorized"}'],
  ],
  ["CONNECT_ERROR of older servers", { type: CONNECT_ERROR, nsp: "/", data: "no" }, ['4"no"']],
  ["DISCONNECT", { type: DISCONNECT, nsp: "/" }, ["1"]],
  ["DISCONNECT from a namespace", { type: DISCONNECT, nsp: "/admin" }, ["1/admin,"]],
  ["EVENT", { type: EVENT, nsp: "/", data: ["foo"] }, ['2["foo"]']],
  ["EVENT with a number for a name", { type: EVENT, nsp: "/", data: [1, "a"] }, ['2[1,"a"]']],
  ["EVENT in a namespace", { type: EVENT, nsp: "/admin", data: ["bar"] }, ['2/admin,["bar"]']],
  ["EVENT that asks for an ack", { type: EVENT, nsp: "/", id: 12, data: ["foo"] }, ['212["foo"]']],
  ["EVENT with the first ack id", { type: EVENT, nsp: "/", id: 0, data: ["foo"] }, ['20["foo"]']],
  ["ACK", { type: ACK, nsp: "/admin", id: 13, data: ["bar"] }, ['3/admin,13["bar"]']],
  ["ACK without arguments", { type: ACK, nsp: "/", id: 1, data: [] }, ["31[]"]],
  [
    "BINARY_EVENT",
    { type: EVENT, nsp: "/", data: ["baz", bytes] },
    ['51-["baz",{"_placeholder":true,"num":0}]', bytes],
  ],
  [
    "BINARY_EVENT with two attachments",
    { type: EVENT, nsp: "/admin", id: 9, data: ["baz", [bytes], { bytes }] },
    [
      '52-/admin,9["baz",[{"_placeholder":true,"num":0}],{"bytes":{"_placeholder":true,"num":1}}]',
      bytes,
      bytes,
    ],
  ],
  [
    "BINARY_ACK",
    { type: ACK, nsp: "/", id: 15, data: ["bar", bytes] },
    ['61-15["bar",{"_placeholder":true,"num":0}]', bytes],
  ],
];

function decodeAll(chunks: readonly (string | Uint8Array)[]): (SocketPacket | undefined)[] {
  const decoder = new SocketPacketDecoder();
  return chunks.map((chunk) => decoder.add(chunk));
}

it.each(wire)("encodes and decodes %s", (_what, packet, chunks) => {
  expect(encodeSocketPacket(packet)).toEqual(chunks);
  // A packet is complete with its last chunk, and not before.
  const expected = chunks.map((_chunk, i) => (i === chunks.length - 1 ? packet : undefined));
  expect(decodeAll(chunks)).toEqual(expected);
});

it("knows the reserved names", () => {
  for (const name of reservedEventNames) expect(isReservedEventName(name)).toBe(true);
  expect(reservedEventNames.size).toBe(6);
  for (const name of [
    "message",
    "error",
    "toString",
    "__proto__",
    "Connect",
    0,
    undefined,
    ["connect"],
  ]) {
    expect(isReservedEventName(name)).toBe(false);
  }
});

it("gives back any packets that it was given, one after the other", () => {
  fc.assert(
    fc.property(fc.array(socketPacket, { minLength: 1, maxLength: 4 }), (packets) => {
      const chunks = packets.flatMap((packet) => encodeSocketPacket(packet));
      expect(decodeAll(chunks).filter((packet) => packet !== undefined)).toEqual(packets);
    }),
    { numRuns: 300 },
  );
});
