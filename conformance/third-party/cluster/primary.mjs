/** The primary process of cluster.test.ts: takes the connections and gives each to the worker that has its session. */
import cluster from "node:cluster";
import { once } from "node:events";
import http from "node:http";
import { setupPrimary } from "@socket.io/cluster-adapter";
import { setupMaster } from "@socket.io/sticky";

const httpServer = http.createServer();
setupMaster(httpServer, { loadBalancingMethod: "round-robin" });
setupPrimary();
cluster.setupPrimary({
  exec: new URL("worker.mjs", import.meta.url).pathname,
  serialization: "advanced",
});

const workers = [cluster.fork(), cluster.fork()];
await Promise.all(workers.map(ready));
httpServer.listen(0, "127.0.0.1", () => process.send({ port: httpServer.address().port }));

function ready(worker) {
  return new Promise((resolve) => {
    worker.on("message", (message) => {
      if (message?.ready) resolve();
    });
  });
}

process.on("message", async () => {
  httpServer.closeAllConnections();
  httpServer.close();
  const ends = workers.map((worker) => once(worker, "exit"));
  for (const worker of workers) worker.disconnect();
  await Promise.all(ends);
  process.exit(0);
});
