/**
 * Builds the chat and runs it: `npm start`. PORT says where (3000), CHAT_DATA in which folder it keeps what was said
 * (`data` beside this file).
 */
import { fileURLToPath } from "node:url";
import { build } from "./build.mjs";

await build();
const { startChat } = await import("./build/server.js");
const { io, url, close } = await startChat({
  port: Number(process.env.PORT ?? 3000),
  store: process.env.CHAT_DATA ?? fileURLToPath(new URL("data", import.meta.url)),
});
console.log(`The chat is at ${url}`);

// A deploy: everybody is sent to the next server, what is being said is stored first.
process.once("SIGTERM", async () => {
  await io.drain({ over: "2s" });
  await close();
  process.exit(0);
});
