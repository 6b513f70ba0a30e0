/** The scenarios in the order of the table. */
import { blackhole, cleanCut, fourCuts, halfOpen, nothingBefore, volatileString } from "./cuts.ts";
import { linkDies, retriesAndCuts } from "./orders.ts";
import { pageReload, pageReloadIdentified, upgradeUnderLoad } from "./pages.ts";
import type { Scenario } from "./scenario.ts";
import { killed, nodesCleanCut, nodesHalfOpen } from "./servers.ts";

export const scenarios: readonly Scenario[] = [
  cleanCut,
  halfOpen,
  nothingBefore,
  volatileString,
  pageReload,
  pageReloadIdentified,
  upgradeUnderLoad,
  fourCuts,
  blackhole,
  retriesAndCuts,
  linkDies,
  nodesCleanCut,
  nodesHalfOpen,
  killed,
];
