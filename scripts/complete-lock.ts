/**
 * Adds to package-lock.json the optional packages for other platforms that npm left out.
 *
 * Tools like Biome come as one optional package per platform. A registry mirror need not have those of platforms that
 * nobody asks it for; npm then writes a lock without them, and its own `npm ci` refuses that lock. They are never
 * fetched on this platform, so name, version and platform are enough. Run `node scripts/run.mjs complete-lock` after
 * a dependency changed; a tidy test says when.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { type Lock, type LockedPackage, missingOptionalPackages } from "./tidy/lock.ts";

const file = "package-lock.json";
const lock = JSON.parse(readFileSync(file, "utf8")) as Lock;

/** The platform that the name of such a package ends with, in the words of npm. */
function platform(name: string): Required<Pick<LockedPackage, "os" | "cpu">> {
  const os = /\b(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)\b/.exec(
    name,
  )?.[1];
  const cpu = /\b(arm64|arm|x64|ia32|loong64|mips64el|ppc64|riscv64|s390x|wasm32)\b/.exec(
    name,
  )?.[1];
  if (os === undefined || cpu === undefined) throw new Error(`${name} names no platform`);
  return { os: [os], cpu: [cpu] };
}

function libc(name: string): readonly string[] | undefined {
  if (name.includes("musl")) return ["musl"];
  return name.includes("gnu") && name.includes("linux") ? ["glibc"] : undefined;
}

const missing = missingOptionalPackages(lock);
for (const { name, version, dev } of missing) {
  const { os, cpu } = platform(name);
  // In npm's own order, so that its next run changes nothing.
  lock.packages[`node_modules/${name}`] = {
    version,
    cpu,
    ...(dev ? { dev } : {}),
    ...(libc(name) === undefined ? {} : { libc: libc(name) }),
    optional: true,
    os,
  };
}
const { "": workspace, ...installed } = lock.packages;
const sorted = Object.entries(installed).sort(([a], [b]) => a.localeCompare(b, "en"));
lock.packages = {
  ...(workspace === undefined ? {} : { "": workspace }),
  ...Object.fromEntries(sorted),
};
writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`);
console.log(`${missing.length} packages added to ${file}`);
