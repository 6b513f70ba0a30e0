/**
 * What a client is told when it comes back is stored before. Goal: a server that is killed at any moment finds the
 * session of every pid that it gave out. Method: a journal whose commits come late, and a look at what is committed
 * when the client is told its pid.
 */
import http from "node:http";
import type { AddressInfo } from "node:net";
import {
  type Journal,
  JournalError,
  MemoryJournal,
  type Stream,
  type StreamFollower,
  type StreamRecord,
} from "@holdfast/journal";
import { expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { nodeHost, simulation } from "./host/host.ts";
import { Server } from "./server.ts";

/** Long after what is sent at once has arrived. */
const commitMs = 50;

/**
 * @param committed gets the texts of what is committed of sessions
 * @param isRefused tells by such a text what the store has failed for
 */
function slowJournal(committed: string[], isRefused = (_text: string) => false): Journal {
  const journal = new MemoryJournal({ retention: { entries: 3 } });
  const open = journal.stream.bind(journal);
  journal.stream = async (name) => {
    const stream: Stream = await open(name);
    const append = stream.append.bind(stream);
    const follow = stream.follow.bind(stream);
    let follower: StreamFollower | undefined;
    stream.follow = (given) => {
      follower = given;
      return follow(given);
    };
    stream.append = (records: readonly StreamRecord[]) => {
      setTimeout(() => {
        for (const record of records) {
          const text = record.kind === "session" ? Buffer.from(record.body).toString() : "";
          if (isRefused(text)) follower?.refused(record, new JournalError("HF_STORE_FAILED"));
          else append([record]);
          if (text !== "" && !isRefused(text)) committed.push(text);
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
  return new Promise<{ socket: WebSocket; pid: string; stored: string }>((resolve, reject) => {
    socket.on("close", () => reject(new Error("closed")));
    socket.on("message", (data: Buffer) => {
      const text = data.toString();
      if (text.startsWith("0")) socket.send(`40${JSON.stringify(auth)}`);
      if (!text.startsWith("40")) return;
      const { pid } = JSON.parse(text.slice(2)) as { pid: string };
      resolve({ socket, pid, stored: committed.join() });
    });
  });
}

async function start(journal: Promise<Journal>): Promise<{ io: Server; url: string }> {
  const httpServer = http.createServer();
  const options = { store: "./data", [simulation]: { host: nodeHost, journal } };
  const io = new Server(httpServer, options);
  onTestFinished(async () => {
    await io.close();
  });
  await new Promise<void>((resolve) => httpServer.listen(0, "127.0.0.1", resolve));
  return { io, url: `ws://127.0.0.1:${(httpServer.address() as AddressInfo).port}` };
}

it("gives out no pid that is not stored, also a new one that goes with a gap", async () => {
  const committed: string[] = [];
  const { io, url } = await start(Promise.resolve(slowJournal(committed)));
  const first = await come(url, {}, committed);
  expect(first.stored).toContain(first.pid);
  first.socket.terminate();
  // More than is kept.
  for (let n = 0; n < 10; n++) await io.publish("n", n);
  const second = await come(url, { pid: first.pid }, committed);
  expect(second.pid).not.toBe(first.pid);
  expect(second.stored).toContain(second.pid);
});

it("gives out no pid that the store has failed to keep, and lets the client come again", async () => {
  const committed: string[] = [];
  const isName = (text: string) => text.includes('"type":"name"');
  const { io, url } = await start(Promise.resolve(slowJournal(committed, isName)));
  const first = await come(url, {}, committed);
  first.socket.terminate();
  for (let n = 0; n < 10; n++) await io.publish("n", n);
  await expect(come(url, { pid: first.pid }, committed)).rejects.toThrow("closed");
});

it("sends nothing whose time to live was over before it was committed", async () => {
  const { io, url } = await start(Promise.resolve(slowJournal([])));
  const { socket } = await come(url, {}, []);
  const events: string[] = [];
  const last = new Promise<void>((resolve) => {
    socket.on("message", (data: Buffer) => {
      const [, event] = /^42\["(\w+)"/.exec(data.toString()) ?? [];
      if (event !== undefined) events.push(event);
      if (event === "last") resolve();
    });
  });
  await io.publish("over", null, { ttl: commitMs / 10 });
  await io.publish("alive", null, { ttl: "1h" });
  await io.publish("last");
  await last;
  expect(events).toEqual(["alive", "last"]);
});
