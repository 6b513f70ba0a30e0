/** Global setup of every vitest run: a test that reads the server's sources finds the client bundles. */
import { copyClient } from "./copy-client.ts";

export default function setup(): void {
  copyClient(process.cwd());
}
