/** The outbox tree: who waits for the same packets shares a node, and its bytes are those of the packets in order. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Host } from "../host/host.ts";
import { OutboxNode, PacketRun, Turn } from "./outbox.ts";
import { OutgoingPacket } from "./outgoing-packet.ts";

const parents: OutboxNode[] = [];
const packet = (text: string) => new OutgoingPacket("message", text);

it("gives the same node to all who enqueue the same packets in the same order", () => {
  const root = new OutboxNode();
  const [a, b] = [packet("a"), packet("b")];
  expect(root.next(a, parents).next(b, parents)).toBe(root.next(a, parents).next(b, parents));
  expect(root.next(b, parents).next(a, parents)).not.toBe(root.next(a, parents).next(b, parents));
  // The latest child is remembered apart from the others: none may be lost when it changes.
  expect(root.next(a, parents)).toBe(root.next(a, parents));
  expect(root.next(b, parents).next(a, parents)).toBe(root.next(b, parents).next(a, parents));
});

it("gives those who get a run of packets the node that one by one leads to, wherever they stood", () => {
  const root = new OutboxNode();
  const [first, second, third] = [packet("1"), packet("2"), packet("3")];
  const run = new PacketRun(first);
  run.push(second);
  const oneByOne = (node: OutboxNode) => node.next(first, parents).next(second, parents);
  const elsewhere = root.next(packet("before"), parents);
  expect(run.after(root, parents)).toBe(oneByOne(root));
  expect(run.after(elsewhere, parents)).toBe(oneByOne(elsewhere));
  expect(run.after(root, parents)).toBe(oneByOne(root));
  // One that came to it meanwhile is not left out.
  run.push(third);
  expect(run.after(root, parents).packets()).toEqual([first, second, third]);
  expect(run).toHaveLength(3);
});

it("keeps a packet for one apart", () => {
  const root = new OutboxNode();
  const a = packet("a");
  expect(root.alone(a)).not.toBe(root.alone(a));
  expect(root.alone(a)).not.toBe(root.next(a, parents));
});

it("puts the bytes together once", () => {
  const node = new OutboxNode().next(packet("a"), parents).next(packet("b"), parents);
  expect(node.bytes()).toBe(node.bytes());
});

it("has the frames of its packets in order, for any packets", () => {
  const parts = fc.oneof(fc.string({ unit: "grapheme" }), fc.uint8Array());
  fc.assert(
    fc.property(fc.array(parts, { minLength: 1, maxLength: 8 }), (contents) => {
      let node = new OutboxNode();
      for (const content of contents)
        node = node.next(new OutgoingPacket("message", content), parents);
      expect(node.packets().map(({ data }) => data)).toEqual(contents);
      expect(readFrames(node.bytes())).toEqual(
        contents.map((content) =>
          typeof content === "string" ? `4${content}` : Buffer.from(content).toString("hex"),
        ),
      );
    }),
  );
});

it.each([0, 1, 124, 125, 126, 127, 65_534, 65_535, 65_536, 70_000])(
  "writes the length of a frame of %d characters in the form that RFC 6455 §5.2 wants",
  (length) => {
    const text = "x".repeat(length);
    expect(readFrames(packet(text).frames())).toEqual([`4${text}`]);
    const bytes = new Uint8Array(length).fill(7);
    const frames = new OutgoingPacket("message", bytes).frames();
    expect(readFrames(frames)).toEqual([Buffer.from(bytes).toString("hex")]);
  },
);

it("has its text and its size after it has let go of the text", () => {
  const text = '2["ä",1]';
  const kept = packet(text);
  kept.dropText();
  expect(kept.data).toBe(text);
  kept.frames();
  kept.dropText();
  expect(kept.size).toBe(packet(text).size);
  expect(readFrames(kept.frames())).toEqual([`4${text}`]);
  expect(kept.enginePackets()).toEqual([{ type: "message", data: text }]);
  expect(kept.data).toBe(text);
});

it.each([1, 124, 125, 126, 65_534, 65_535, 65_536])(
  "is the same when it is made of the %i bytes of its text",
  (length) => {
    const text = "2".repeat(length);
    const stored = OutgoingPacket.ofTextBytes(Buffer.from(text));
    expect(stored.size).toBeGreaterThanOrEqual(length + 8);
    expect(stored.frames()).toEqual(packet(text).frames());
    expect(stored.enginePackets()).toEqual(packet(text).enginePackets());
    expect(stored.compress).toBe(true);
  },
);

it("sends a header and its attachments as one unit", () => {
  const whole = new OutgoingPacket("message", "51-", true, [new Uint8Array([1, 2])]);
  expect(readFrames(whole.frames())).toEqual(["451-", "0102"]);
  expect(whole.enginePackets().map(({ type }) => type)).toEqual(["message", "message"]);
});

it("flushes each owner once, at the end of the turn", () => {
  let end: (() => void) | undefined;
  const host = { afterTurn: (run: () => void) => (end = run) } as unknown as Host;
  const turn = new Turn(host);
  const flushed: string[] = [];
  const root = turn.root;
  turn.add({ flush: () => flushed.push("a") });
  turn.add({ flush: () => flushed.push("b") });
  expect(flushed).toEqual([]);
  end?.();
  expect(flushed).toEqual(["a", "b"]);
  expect(turn.root).not.toBe(root);
});

it("tells who listens before anybody is flushed, also those who begin to listen meanwhile", () => {
  let end: (() => void) | undefined;
  const host = { afterTurn: (run: () => void) => (end = run) } as unknown as Host;
  const turn = new Turn(host);
  const happened: string[] = [];
  const second = { beforeFlush: () => void happened.push("second") };
  turn.add({ flush: () => happened.push("flush") });
  turn.tell({
    beforeFlush() {
      happened.push("first");
      turn.tell(second);
      turn.add({ flush: () => happened.push("flush of the first") });
    },
  });
  end?.();
  expect(happened).toEqual(["first", "second", "flush", "flush of the first"]);
  end = undefined;
  turn.tell(second);
  (end as (() => void) | undefined)?.();
  expect(happened.slice(4)).toEqual(["second"]);
});

it("gives those behind one that throws a turn of their own", () => {
  const ends: (() => void)[] = [];
  const host = { afterTurn: (run: () => void) => ends.push(run) } as unknown as Host;
  const turn = new Turn(host);
  const happened: string[] = [];
  const named = (name: string) => ({
    beforeFlush: () => void happened.push(`told ${name}`),
    flush: () => void happened.push(`flushed ${name}`),
  });
  const failing = (name: string) => () => {
    happened.push(`${name} throws`);
    throw new Error(name);
  };
  for (const name of ["a", "b"]) {
    turn.tell(name === "b" ? { beforeFlush: failing("listener") } : named(name));
    turn.add(name === "b" ? { flush: failing("owner") } : named(name));
  }
  turn.tell(named("c"));
  turn.add(named("c"));
  const { root } = turn;
  expect(() => ends.shift()?.()).toThrow("listener");
  expect(() => ends.shift()?.()).toThrow("owner");
  expect(turn.root).not.toBe(root);
  ends.shift()?.();
  expect(happened).toEqual([
    "told a",
    "listener throws",
    "told c",
    "flushed a",
    "owner throws",
    "flushed c",
  ]);
  expect(ends).toEqual([]);
});

it("keeps for a connection that could not write its own packets, and nothing that others were sent", () => {
  let end: (() => void) | undefined;
  const host = { afterTurn: (run: () => void) => (end = run) } as unknown as Host;
  const turn = new Turn(host);
  const [first, second, others] = [packet("first"), packet("second"), packet("others")];
  const kept = turn.root.next(first, turn.parents);
  const further = kept.next(others, turn.parents);
  turn.root.next(others, turn.parents);
  turn.add({ flush: () => further.bytes() });
  end?.();
  // Whoever asks now gets another node: those of the turn before are known to nobody.
  expect(kept.next(others, turn.parents)).not.toBe(further);
  expect(kept.parent?.next(first, turn.parents)).not.toBe(kept);
  expect(kept.next(second, turn.parents)).toBe(kept.next(second, turn.parents));
  expect(readFrames(kept.next(second, turn.parents).bytes())).toEqual(["4first", "4second"]);
});

/** Reads unmasked, unfragmented frames: text as it is, bytes in hex. */
function readFrames(bytes: Buffer): string[] {
  const contents: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] ?? 0;
    const short = bytes[at + 1] ?? 0;
    expect([0x81, 0x82]).toContain(first);
    const [head, length] =
      short < 126
        ? [2, short]
        : short === 126
          ? [4, bytes.readUInt16BE(at + 2)]
          : [10, Number(bytes.readBigUInt64BE(at + 2))];
    // The shortest form is the only legal one.
    expect(head).toBe(length < 126 ? 2 : length < 65_536 ? 4 : 10);
    const content = bytes.subarray(at + head, at + head + length);
    contents.push(first === 0x81 ? content.toString() : content.toString("hex"));
    at += head + length;
  }
  return contents;
}
