/** What is left for the next payload: nothing is lost, reordered, or parted from its attachments. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { OutboxNode } from "../delivery/outbox.ts";
import { OutgoingPacket } from "../delivery/outgoing-packet.ts";
import { payloadPacketsMax, type SplitFor, splitPayload } from "./payload-split.ts";

function connection(root: OutboxNode, name: string, userAgent?: string): SplitFor {
  const request = { headers: { "user-agent": userAgent } };
  return { transport: { name }, request, pings: {}, server: { turn: { root } } };
}

function outbox(root: OutboxNode, attachments: readonly number[]): OutboxNode {
  return attachments.reduce((node, count, i) => {
    const parts = count === 0 ? undefined : Array.from({ length: count }, () => `part of ${i}`);
    return node.alone(new OutgoingPacket("message", `packet ${i}`, true, parts));
  }, root);
}

it("cuts what waits into payloads that python-socketio takes", () => {
  const packets = fc.array(fc.integer({ min: 0, max: 10 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(packets, (attachments) => {
      const root = new OutboxNode();
      const all = outbox(root, attachments);
      const sent: OutgoingPacket[] = [];
      for (let left: OutboxNode | undefined = all; left !== undefined; ) {
        const { now, later }: ReturnType<typeof splitPayload> = splitPayload(
          left,
          connection(root, "polling"),
        );
        const payload = now.packets();
        expect(payload.length).toBeGreaterThan(0);
        expect(payload.flatMap((packet) => packet.enginePackets()).length).toBeLessThanOrEqual(
          payloadPacketsMax,
        );
        expect(now.size + (later?.size ?? 0)).toBe(left.size);
        sent.push(...payload);
        left = later;
      }
      expect(sent).toEqual(all.packets());
    }),
  );
});

it("cuts what is large, for whomever, and leaves alone what need not be cut", () => {
  const root = new OutboxNode();
  const many = outbox(root, Array(100).fill(0));
  const withoutStore = { ...connection(root, "polling"), pings: undefined };
  const agents = [
    "Mozilla/5.0 (X11; Linux x86_64)",
    "node-XMLHttpRequest",
    "node",
    "okhttp/3.12.12",
  ];
  const known = agents.map((agent) => connection(root, "polling", agent));
  for (const unlimited of [connection(root, "websocket"), withoutStore, ...known]) {
    expect(splitPayload(many, unlimited).now).toBe(many);
  }
  for (const agent of ["python-requests/2.28.1", "Python/3.11 aiohttp/3.8.4", "nodemcu"]) {
    expect(splitPayload(many, connection(root, "polling", agent)).later).toBeDefined();
  }
  const large = "x".repeat(30_000);
  const long = Array.from({ length: 5 }, () => new OutgoingPacket("message", large, true));
  for (const agent of [undefined, ...agents]) {
    let left: OutboxNode | undefined = long.reduce((node, packet) => node.alone(packet), root);
    const sizes: number[] = [];
    while (left !== undefined) {
      const split = splitPayload(left, connection(root, "polling", agent));
      sizes.push(split.now.packets().length);
      left = split.later;
    }
    expect(sizes).toEqual([2, 2, 1]);
  }
  const few = outbox(root, [0, 10, 2]);
  expect(splitPayload(few, connection(root, "polling")).now).toBe(few);
});
