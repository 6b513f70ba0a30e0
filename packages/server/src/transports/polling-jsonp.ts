/**
 * JSONP long-polling, for pages that cannot make cross-origin requests otherwise: responses are calls
 * of a function `___eio[n]`, bodies are form fields. No client of today needs it, Engine.IO servers still speak it.
 */
import { parse } from "node:querystring";
import { type PollingOptions, PollingTransport } from "./polling.ts";
import type { EngineRequest } from "./request.ts";

export class JsonpPollingTransport extends PollingTransport {
  readonly #call: string;

  constructor(request: EngineRequest, options: PollingOptions) {
    super(request, options);
    // Only the digits: the rest would be script of the client's making.
    this.#call = `___eio[${(request._query["j"] ?? "").replace(/[^0-9]/g, "")}]`;
  }

  protected override onBody(body: string): void {
    const data = parse(body)["d"];
    if (typeof data !== "string") return;
    // Form fields turn line feeds into "\n", and what was "\n" before into "\\n".
    super.onBody(data.replace(/(\\)?\\n/g, (found, escaped) => (escaped ? found.slice(1) : "\n")));
  }

  protected override formatPayload(payload: string): string {
    // JSON allows two line separators that JavaScript did not allow in strings.
    const text = JSON.stringify(payload).replace(/[\u2028\u2029]/g, (separator) =>
      separator === "\u2028" ? "\\u2028" : "\\u2029",
    );
    return `${this.#call}(${text});`;
  }
}
