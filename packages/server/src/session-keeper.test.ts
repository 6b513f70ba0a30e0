/**
 * What a client is told when it comes back is stored before. Goal: a server that is killed at any moment finds the
 * session of every pid that it gave out. Method: a journal whose commits come late, and a look at what is committed
 * when the client is told its pid.
 */
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type Journal, MemoryJournal, type Stream, type StreamRecord } from "@holdfast/journal";
import { expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { nodeHost, simulation } from "./host/host.ts";
import { Server } from "./server.ts";

/** Long after what is sent at once has arrived. */
const commitMs = 50;

/** @param committed gets the texts of what is committed of sessions */
function slowJournal(committed: string[]): Journal {
  const journal = new MemoryJournal({ retention: { entries: 3 } });
  const open = journal.stream.bind(journal);
  journal.stream = async (name) => {
    const stream: Stream = await open(name);
    const append = stream.append.bind(stream);
    stream.append = (records: readonly StreamRecord[]) => {
      setTimeout(() => {
        append(records);
        for (const { kind, body } of records) {
          if (kind === "session") committed.push(Buffer.from(body).toString());
        }
      }, commitMs);
    };
    return stream;
  };
  return journal;
}

/** Connects, and asks for the main namespace. @returns the pid, and what was committed when it came */
function come(url: string, auth: object, committed: readonly string[]) {
  const socket = new WebSocket(`${url}/socket.io/?EIO=4&transport=websocket`);
  onTestFinished(() => socket.terminate());
  return new Promise<{ socket: WebSocket; pid: string; stored: string }>((resolve) => {
    socket.on("message", (data: Buffer) => {
      const text = data.toString();
      if (text.startsWith("0")) socket.send(`40${JSON.stringify(auth)}`);
      if (!text.startsWith("40")) return;
      const { pid } = JSON.parse(text.slice(2)) as { pid: string };
      resolve({ socket, pid, stored: committed.join() });
    });
  });
}

it("gives out no pid that is not stored, also a new one that goes with a gap", async () => {
  const committed: string[] = [];
  const httpServer = http.createServer();
  const journal = Promise.resolve(slowJournal(committed));
  const options = { store: "./data", [simulation]: { host: nodeHost, journal } };
  const io = new Server(httpServer, options);
  onTestFinished(async () => {
    await io.close();
  });
  await new Promise<void>((resolve) => httpServer.listen(0, "127.0.0.1", resolve));
  const url = `ws://127.0.0.1:${(httpServer.address() as AddressInfo).port}`;
  const first = await come(url, {}, committed);
  expect(first.stored).toContain(first.pid);
  first.socket.terminate();
  // More than is kept.
  for (let n = 0; n < 10; n++) await io.publish("n", n);
  const second = await come(url, { pid: first.pid }, committed);
  expect(second.pid).not.toBe(first.pid);
  expect(second.stored).toContain(second.pid);
});
