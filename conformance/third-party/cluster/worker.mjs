/** One of the processes of cluster.test.ts: a server whose connections come through the primary. */
import http from "node:http";
import { createAdapter } from "@socket.io/cluster-adapter";
import { setupWorker } from "@socket.io/sticky";

const target = process.env.HOLDFAST_TARGET ?? "holdfast";
const { Server } = await import(target);

const io = new Server(http.createServer(), { adapter: createAdapter() });
setupWorker(io);

io.on("connection", (socket) => {
  socket.on("who are you?", (reply) =>
    reply({ pid: process.pid, module: import.meta.resolve(target), ours: io instanceof Server }),
  );
  socket.on("join", async (room, reply) => {
    await socket.join(room);
    reply();
  });
  socket.on("say", (room, ...args) => io.to(room).emit("said", ...args));
  socket.on("ask room", async (room, reply) =>
    reply(await io.to(room).timeout(3000).emitWithAck("ask")),
  );
  socket.on("find", async (reply) => reply((await io.fetchSockets()).map(({ id }) => id)));
  socket.on("ask servers", async (reply) => reply(await io.serverSideEmitWithAck("pid?")));
  socket.on("count servers", async (reply) => reply(await io.of("/").adapter.serverCount()));
  socket.on("cut", (id) => io.in(id).disconnectSockets(true));
});
io.on("pid?", (reply) => reply(process.pid));

process.on("disconnect", () => process.exit(0));
process.send({ ready: true });
