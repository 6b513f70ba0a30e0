/** Waiting for what an application decides, for no longer than the client is there that it decides about. */
import { ServerError } from "./errors.ts";

export class EndingWaits {
  readonly #ends = new Set<() => void>();
  #ended: boolean;

  /** @param ended whether the client has gone already */
  constructor(ended: boolean) {
    this.#ended = ended;
  }

  /** @returns resolves as `decides` does; rejects with HF_CONNECTION_ENDED when the client goes before that */
  async until<T>(decides: Promise<T> | T): Promise<T> {
    let end = (): void => {};
    const ended = new Promise<never>((_resolve, reject) => {
      end = () => reject(new ServerError("HF_CONNECTION_ENDED"));
    });
    this.#ends.add(end);
    if (this.#ended) end();
    try {
      return await Promise.race([decides, ended]);
    } finally {
      this.#ends.delete(end);
    }
  }

  /** The client has gone. */
  end(): void {
    this.#ended = true;
    for (const end of this.#ends) end();
  }
}
