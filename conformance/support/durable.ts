/** What tests of servers with a store share. */
import type { Socket } from "holdfast";
import type { Socket as StockSocket } from "socket.io-client";
import { within } from "./within.ts";

/**
 * Waits until the client has received everything that was emitted to its socket so far, and has been told that it
 * has: from here on nothing of it may come again. What has not come by then was not sent.
 */
export async function marked(socket: Socket, client: StockSocket): Promise<void> {
  const told = new Promise<void>((resolve) => {
    let fenced = false;
    const listen = (event: string) => {
      if (event === "test fence") fenced = true;
      if (event !== "hf:position" || !fenced) return;
      client.offAny(listen);
      resolve();
    };
    client.onAny(listen);
  });
  // It ends in a string, so that a position must follow; it is not stored, so that it never comes again.
  socket.transient.emit("test fence", "text");
  await within(told, "the client to have everything");
}
