/** The part of package-lock.json that the scripts read. */

export interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[] | undefined;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Lock {
  packages: Record<string, LockedPackage>;
}

/** Optional packages with an exact version that a locked package names and that are not locked themselves. */
export function missingOptionalPackages(
  lock: Lock,
): { readonly name: string; readonly version: string; readonly dev: boolean }[] {
  const missing = new Map<string, { name: string; version: string; dev: boolean }>();
  for (const [path, { optionalDependencies = {}, dev = false }] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const known = [`node_modules/${name}`, `${path}/node_modules/${name}`];
      if (!/^\d+\.\d+\.\d+$/.test(version) || known.some((place) => place in lock.packages))
        continue;
      missing.set(name, { name, version, dev });
    }
  }
  return [...missing.values()];
}
