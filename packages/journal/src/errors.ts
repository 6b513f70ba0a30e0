/** What can go wrong in the journal. Every code is described in docs/reference/errors.md. */
export const journalErrors = {
  HF_STORE_CLOSED: "the store is closed",
  HF_STORE_FULL: "the store is full: nothing more is taken until there is space again",
  HF_STORE_FAILED: "the store failed while it wrote; whether the record was kept is not known",
  HF_STORE_READ_ONLY: "the store failed before, and takes nothing more until the process restarts",
  HF_STORE_LOCKED: "the store is open already",
  HF_STORE_FORMAT: "the store has a format that this version does not read",
  HF_STORE_CORRUPT: "the store is damaged",
  HF_STORE_INVALID: "the folder cannot be used as a store",
  HF_ENTRY_TOO_LARGE: "an entry is larger than the store takes",
  HF_STREAM_NAME_TOO_LONG: "the name of a stream is longer than the store takes",
  HF_STREAMS_TOO_MANY: "the store has as many streams as it may have",
  HF_MESSAGE_ID_CONFLICT: "the message id was used before for another content",
} as const;

export type JournalErrorCode = keyof typeof journalErrors;

export interface JournalErrorOptions extends ErrorOptions {
  /** What was expected and what was found. */
  readonly detail?: string;
  /** When trying again may help, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** Switch on `code`, never on `message`: codes are API, messages are for people. */
export class JournalError extends Error {
  override readonly name = "JournalError";
  readonly code: JournalErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: JournalErrorCode, options: JournalErrorOptions = {}) {
    const { detail, retryAfterMs, ...rest } = options;
    super(detail === undefined ? journalErrors[code] : `${journalErrors[code]}: ${detail}`, rest);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}
