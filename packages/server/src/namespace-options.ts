/** The options of one namespace: `io.of(name, options)`. */
import type { OffsetMode } from "./delivery/delivery-options.ts";
import { ServerError } from "./errors.ts";
import { checkOptions, type OptionCheck, warnUnknownOptions } from "./option-checks.ts";
import { show } from "./units.ts";

export interface NamespaceOptions {
  /** `false`: plain Socket.IO here, though the server has a store. Default: events are kept where there is a store. */
  keep?: boolean;
  /** How clients learn their position here. Default: the server's. */
  offsets?: OffsetMode;
}

const checks: Readonly<Record<keyof NamespaceOptions, OptionCheck>> = {
  keep: "boolean",
  offsets: "offsets",
};

/** @throws ServerError HF_OPTION_INVALID */
export function checkNamespaceOptions(options: NamespaceOptions): void {
  checkOptions(options, checks);
  warnUnknownOptions(options, Object.keys(checks));
}

/** A namespace is made once: what is asked for later must be what it is. @throws ServerError HF_OPTION_INVALID */
export function refuseOtherOptions(
  name: string,
  made: NamespaceOptions,
  asked: NamespaceOptions,
): void {
  const same =
    (made.keep ?? true) === (asked.keep ?? made.keep ?? true) &&
    made.offsets === (asked.offsets ?? made.offsets);
  if (same) return;
  throw new ServerError(
    "HF_OPTION_INVALID",
    `the namespace "${name}" was made with ${show(made)}, and now is to have ${show(asked)}`,
  );
}
