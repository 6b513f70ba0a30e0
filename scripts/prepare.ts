/** Runs after `npm ci` / `npm install`: what a source checkout needs before anything in it can run. */
import { copyClient } from "./copy-client.ts";

const version = copyClient(process.cwd());
console.log(`client-dist: the browser bundles of socket.io-client ${version}`);
