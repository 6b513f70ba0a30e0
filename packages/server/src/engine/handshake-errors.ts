/** Why the engine refuses a request: the codes and texts that clients and applications see. */
export const engineErrors = {
  UNKNOWN_TRANSPORT: 0,
  UNKNOWN_SID: 1,
  BAD_HANDSHAKE_METHOD: 2,
  BAD_REQUEST: 3,
  FORBIDDEN: 4,
  UNSUPPORTED_PROTOCOL_VERSION: 5,
} as const;

export type EngineErrorCode = (typeof engineErrors)[keyof typeof engineErrors];

export const engineErrorMessages: Readonly<Record<EngineErrorCode, string>> = {
  0: "Transport unknown",
  1: "Session ID unknown",
  2: "Bad handshake method",
  3: "Bad request",
  4: "Forbidden",
  5: "Unsupported protocol version",
};

/** A refused request: `context` says more to the application than the client is told. */
export interface Refusal {
  readonly code: EngineErrorCode;
  readonly context?: Readonly<Record<string, unknown>>;
}
