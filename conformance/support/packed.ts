/**
 * The npm package as users get it: `npm pack` of what `npm run build` made, unpacked into a project that has the
 * declared dependencies of the package and nothing else.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const server = join(root, "packages/server");

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Packs the built package into `folder`; gives the path of the tarball. */
export async function packHoldfast(folder: string): Promise<string> {
  if (!existsSync(join(server, "dist/index.d.ts"))) {
    throw new Error("the package is not built: run `npm run build` first");
  }
  const { stdout } = await execute(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
    { cwd: server },
  );
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  if (packed === undefined) throw new Error(`npm pack said: ${stdout}`);
  return join(folder, packed.filename);
}

/** A project in a temporary folder. */
export interface TemporaryProject {
  readonly folder: string;
  readonly tarball: string;
  readonly manifest: Manifest;
  /** Makes packages of the repository's own node_modules visible to the project. */
  link(names: readonly string[]): Promise<void>;
  write(file: string, text: string): Promise<void>;
  /** Runs a program of Node in the project; gives what it printed. Rejects with its output when it fails. */
  run(args: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

/** A project with the packed package and, linked, exactly its declared dependencies. */
export async function makeProject(): Promise<TemporaryProject> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "holdfast-package-")));
  const tarball = await packHoldfast(folder);
  const installed = join(folder, "node_modules/holdfast");
  await mkdir(installed, { recursive: true });
  await execute("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
  const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as Manifest;

  const project: TemporaryProject = {
    folder,
    tarball,
    manifest,
    async link(names) {
      for (const name of names) {
        const target = join(folder, "node_modules", name);
        await mkdir(dirname(target), { recursive: true });
        await symlink(installedFolder(name), target, "dir");
      }
    },
    write: (file, text) => writeFile(join(folder, file), text),
    async run(args) {
      const { stdout } = await execute(process.execPath, args, { cwd: folder }).catch((error) => {
        const { stdout: out = "", stderr = "" } = error as { stdout?: string; stderr?: string };
        throw new Error(`node ${args.join(" ")} failed:\n${out}${stderr}`);
      });
      return stdout;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
  await project.write("package.json", JSON.stringify({ name: "app", private: true }));
  await project.link(Object.keys(manifest.dependencies ?? {}));
  return project;
}

/** Where npm put a dependency of the server: beside the server, or at the root. */
function installedFolder(name: string): string {
  const nested = join(server, "node_modules", name);
  return existsSync(nested) ? nested : join(root, "node_modules", name);
}
