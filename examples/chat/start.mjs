/** Builds the chat and runs it: `npm start`. PORT says where, 3000 if it says nothing. */
import { build } from "./build.mjs";

await build();
const { startChat } = await import("./build/server.js");
const { url } = await startChat({ port: Number(process.env.PORT ?? 3000) });
console.log(`The chat is at ${url}`);
