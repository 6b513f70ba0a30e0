/** An adapter that answers broadcasts with acks by itself, in the same turn: for calls that have no time to wait for clients. */
import { vi } from "vitest";
import { inside } from "../../support/clients.ts";

interface Answering {
  broadcastWithAck(
    packet: object,
    opts: object,
    count: (clients: number) => void,
    ack: (answer: unknown) => void,
  ): void;
}

/** Replaces the method on the namespace's adapter; gives what it was called with. */
export function answerAtOnce(
  nsp: { adapter: unknown },
  answers: readonly unknown[],
): { readonly packets: object[] } {
  const packets: object[] = [];
  vi.spyOn(inside<Answering>(nsp.adapter), "broadcastWithAck").mockImplementation(
    (packet, _opts, count, ack) => {
      packets.push(packet);
      count(answers.length);
      for (const answer of answers) ack(answer);
    },
  );
  return { packets };
}
