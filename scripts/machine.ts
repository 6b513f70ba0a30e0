/** What the tests need from the machine, and how it gets there: Debian packages, installed by `npm test` when it may. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Need } from "./categories.ts";

interface Requirement {
  readonly need: Need;
  readonly packages: readonly string[];
  present(): boolean;
}

/** Not what `python3` on the PATH may be: a version manager's Python does not see Debian's modules. */
const python = "/usr/bin/python3";

const requirements: readonly Requirement[] = [
  { need: "browser", packages: ["chromium"], present: () => existsSync("/usr/bin/chromium") },
  {
    need: "redis",
    packages: ["redis-server"],
    present: () => existsSync("/usr/bin/redis-server"),
  },
  {
    need: "python",
    // The sync client talks through requests and websocket, the async one through aiohttp.
    packages: ["python3-socketio", "python3-aiohttp", "python3-requests", "python3-websocket"],
    present: () =>
      existsSync(python) &&
      spawnSync(python, ["-c", "import socketio, aiohttp, requests, websocket"]).status === 0,
  },
  { need: "strace", packages: ["strace"], present: () => existsSync("/usr/bin/strace") },
];

interface Permission {
  readonly need: Need;
  readonly what: string;
  granted(): boolean;
}

/** What no package gives: the machine lets the tests do it, or not. */
const permissions: readonly Permission[] = [
  { need: "mount", what: "mount file systems (root may)", granted: mayMount },
  {
    need: "strace",
    what: "trace a process",
    granted: () => spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0,
  },
];

function mayMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), "holdfast-mount-"));
  const mounted =
    spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]).status === 0;
  if (mounted) spawnSync("umount", [folder]);
  rmdirSync(folder);
  return mounted;
}

/** Those of `needs` that this machine does not permit: their tests are left out, and that is said. */
export function forbidden(needs: readonly Need[]): Need[] {
  const missing = permissions.filter(({ need, granted }) => needs.includes(need) && !granted());
  for (const { need, what } of missing) {
    console.log(`This machine does not let the tests ${what}: as if HOLDFAST_SKIP=${need}.`);
  }
  return missing.map(({ need }) => need);
}

function isDebian(): boolean {
  if (!existsSync("/etc/os-release")) return false;
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync("/etc/os-release", "utf8"));
}

function aptGet(args: readonly string[]): boolean {
  const { status } = spawnSync("apt-get", args, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  return status === 0;
}

/**
 * Makes sure that what `needs` names is there. As root on Debian or Ubuntu it installs what is missing, and says so;
 * otherwise it names the command. False when something is missing in the end.
 */
export function provide(needs: readonly Need[]): boolean {
  const missing = requirements.filter(({ need, present }) => needs.includes(need) && !present());
  if (missing.length === 0) return true;

  const packages = missing.flatMap((requirement) => requirement.packages);
  const names = missing.map(({ need }) => need).join(", ");
  const command = `apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  if (process.getuid?.() === 0 && isDebian()) {
    console.log(`The tests need packages that this machine lacks (${names}). Installing them now:`);
    console.log(`  apt-get update && ${command}`);
    const installed =
      aptGet(["update", "-qq"]) &&
      aptGet(["install", "-y", "-qq", "--no-install-recommends", ...packages]);
    if (installed && missing.every(({ present }) => present())) return true;
    console.error("That did not give the tests what they need.");
  } else {
    console.error(
      `The tests need packages that this machine lacks (${names}). On Debian or Ubuntu:`,
    );
    console.error(`  sudo apt-get update && sudo ${command}`);
  }
  console.error(
    `To run the tests without them: HOLDFAST_SKIP=${names.replaceAll(" ", "")} npm test`,
  );
  return false;
}
