/** Every workload, in the order of the report. */
import { echo } from "./echo.ts";
import { fanOutPipelined, fanOutSingle } from "./fan-out.ts";
import { idleMemory } from "./idle-memory.ts";
import { longPolling } from "./long-polling.ts";
import { roomsPipelined, roomsSingle } from "./rooms.ts";
import { storm } from "./storm.ts";
import type { Workload } from "./workload.ts";

export const workloads: readonly Workload[] = [
  fanOutPipelined,
  fanOutSingle,
  echo,
  roomsSingle,
  roomsPipelined,
  storm,
  idleMemory,
  longPolling,
];
