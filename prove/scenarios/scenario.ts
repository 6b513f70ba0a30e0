/** What a scenario is. The names S1 to S12 are used all over the tests. */
import type { ServerSetup, SystemName } from "../harness/messages.ts";
import type { Stage, TransportName } from "../harness/stage.ts";
import type { Tally } from "../harness/tally.ts";

export interface Scenario {
  readonly id: string;
  readonly what: string;
  /** Known failures of the field that it covers: those with no scenario are in conformance/behaviour/durable. */
  readonly failures: readonly string[];
  /** The client's, one row each. */
  readonly transports: readonly (readonly TransportName[])[];
  /** What the two systems do not do alike, if anything. Stands under the table. */
  readonly note?: string;
  /** Each trial has a server, and a store, of its own: it is killed. */
  readonly ownServer?: boolean;
  /** How many nodes; one if left out. */
  nodes?(system: SystemName): number;
  readonly setup?: Partial<Record<SystemName, Partial<ServerSetup>>>;
  trial(stage: Stage): Promise<Tally>;
}

export const websocket: readonly TransportName[] = ["websocket"];
export const polling: readonly TransportName[] = ["polling"];
export const upgrading: readonly TransportName[] = ["polling", "websocket"];
