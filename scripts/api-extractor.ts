/** What the scripts ask of API Extractor: one file of types for the package, and the API reports in docs/reference/api. */
import { join } from "node:path";
import {
  Extractor,
  ExtractorConfig,
  ExtractorLogLevel,
  type ExtractorResult,
  type IConfigFile,
} from "@microsoft/api-extractor";

function extract(
  root: string,
  entry: string,
  options: Pick<IConfigFile, "apiReport" | "dtsRollup">,
  localBuild: boolean,
): ExtractorResult {
  const server = join(root, "packages/server");
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: server,
      mainEntryPointFilePath: entry,
      bundledPackages: ["@holdfast/protocol", "@holdfast/journal"],
      newlineKind: "lf",
      // Of the sources the extractor sees the declarations only, siblings as they are built: no source condition here.
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            module: "nodenext",
            moduleResolution: "nodenext",
            target: "es2023",
            lib: ["es2023"],
            types: ["node"],
            strict: true,
            skipLibCheck: true,
          },
          files: [entry],
        },
      },
      docModel: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        // The docs are read in editors and on the page of the option, not made into a site from TSDoc.
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
      ...options,
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(server, "package.json"),
  });
  return Extractor.invoke(config, {
    localBuild,
    messageCallback: (message) => {
      // The banner and the note on its own TypeScript version; errors and changed reports are told by the caller.
      if (message.logLevel !== ExtractorLogLevel.Error) message.handled = true;
    },
  });
}

/** Writes the types of `entry`, and all of ours that they mention, to one file. Throws when that fails. */
export function rollUpTypes(root: string, entry: string, target: string): void {
  const { succeeded, errorCount } = extract(
    root,
    entry,
    { dtsRollup: { enabled: true, untrimmedFilePath: target }, apiReport: { enabled: false } },
    true,
  );
  if (!succeeded) throw new Error(`the types could not be rolled up: ${errorCount} errors`);
}

/**
 * Compares the report of an entry with docs/reference/api/<name>.api.md, and with `update` writes it there.
 * Tells whether it was different.
 */
export function compareApiReport(
  root: string,
  entry: string,
  name: string,
  update: boolean,
): boolean {
  const { apiReportChanged } = extract(
    root,
    entry,
    {
      dtsRollup: { enabled: false },
      apiReport: {
        enabled: true,
        reportFileName: name,
        reportFolder: join(root, "docs/reference/api"),
        reportTempFolder: join(root, "temp/api"),
        includeForgottenExports: false,
      },
    },
    update,
  );
  return apiReportChanged;
}
