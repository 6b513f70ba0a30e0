/** What an event is kept as, and what is made of it: bytes of its own for whoever gets them. */
import { expect, it } from "vitest";
import { bodyOf, packetOf, partsOf } from "./entry-body.ts";
import { OutgoingPacket } from "./outgoing-packet.ts";

const head = '51-["file",{"_placeholder":true,"num":0},"ä"]';
const attachment = new Uint8Array([1, 2, 3]);
const stored = () => bodyOf(new OutgoingPacket("message", head, true, [attachment]));

it("gives the parts of a packet as they were, or the packet", () => {
  expect(partsOf(stored())).toEqual([head, Buffer.from(attachment)]);
  const packet = packetOf(stored());
  expect(packet.frames()).toEqual(new OutgoingPacket("message", head, true, [attachment]).frames());
  const text = new OutgoingPacket("message", '2["ä"]');
  expect(packetOf(bodyOf(text)).frames()).toEqual(text.frames());
  expect(packetOf(bodyOf(text), "hf.x").data).toBe('2["ä","hf.x"]');
});

it("keeps what is stored as it is, whatever is done to the bytes that were given out", () => {
  const entry = stored();
  const [, first] = partsOf(entry);
  if (!(first instanceof Uint8Array)) throw new Error("no bytes");
  first.fill(0);
  expect(partsOf(entry)).toEqual([head, Buffer.from(attachment)]);
});
