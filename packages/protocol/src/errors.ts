/**
 * What can be wrong with the bytes of a peer. Every code is described in docs/reference/errors.md.
 *
 * A text says what was expected; the error's message adds what came instead.
 */

export const protocolErrors = {
  // Engine.IO
  HF_PACKET_EMPTY: "expected a packet type, got nothing",
  HF_PACKET_TYPE_UNKNOWN: "expected a packet type of the protocol",
  HF_BASE64_INVALID: "expected base64 after the b of a binary packet",
  HF_PAYLOAD_PACKETS_TOO_MANY: "expected fewer packets in one payload",
  HF_FRAME_EMPTY: "expected a WebTransport frame of at least one byte",
  HF_FRAME_TOO_LARGE: "expected a WebTransport frame within the payload limit",
  HF_FRAME_UTF8_INVALID: "expected UTF-8 in a WebTransport text frame",
  // Socket.IO
  HF_ATTACHMENT_COUNT_INVALID: "expected the number of attachments, at least 1, and a dash",
  HF_ATTACHMENTS_TOO_MANY: "expected fewer attachments in one packet",
  HF_ATTACHMENTS_TOO_LARGE: "expected fewer bytes in the attachments of one packet",
  HF_ATTACHMENT_MISSING: "expected the attachments that the last packet announced",
  HF_ATTACHMENT_UNEXPECTED: "expected a packet that announces attachments before its bytes",
  HF_PLACEHOLDER_INVALID: "expected a placeholder with the index of an attachment, each once",
  HF_ACK_ID_INVALID: "expected an acknowledgement id below 2^53 of at most 16 digits",
  HF_PACKET_JSON_INVALID: "expected JSON after the head of a packet",
  HF_PACKET_JSON_TOO_DEEP: "expected JSON with fewer levels of nesting",
  HF_PACKET_DATA_INVALID: "expected data of the kind that the packet type has",
  HF_EVENT_NAME_INVALID: "expected a string or a number as the name of an event",
  HF_EVENT_NAME_RESERVED: "expected an event name that is not reserved",
} as const;

export type ProtocolErrorCode = keyof typeof protocolErrors;

/**
 * What Socket.IO's parser says in the same case, where it says something: applications see these texts in the
 * event "error" of a socket, and may compare them.
 */
const socketIoTexts: Readonly<Partial<Record<ProtocolErrorCode, string>>> = {
  HF_ATTACHMENT_COUNT_INVALID: "Illegal attachments",
  HF_ATTACHMENTS_TOO_MANY: "too many attachments",
  HF_ATTACHMENT_MISSING: "got plaintext data when reconstructing a packet",
  HF_ATTACHMENT_UNEXPECTED: "got binary data when not reconstructing a packet",
  HF_PLACEHOLDER_INVALID: "illegal attachments",
  HF_PACKET_JSON_INVALID: "invalid payload",
  HF_PACKET_DATA_INVALID: "invalid payload",
  HF_EVENT_NAME_INVALID: "invalid payload",
  HF_EVENT_NAME_RESERVED: "invalid payload",
};

/** A peer may send megabytes: as much of it as helps a reader of logs. */
const gotLengthMax = 64;

/** Switch on `code`, never on `message`: codes are API, messages are for people. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: ProtocolErrorCode;

  /** What was expected and what came, for people who look for the cause. */
  readonly detail: string;

  /**
   * `got` is what came; it is cut and made printable, so it may be anything that a peer sent. `text` is the message,
   * where Socket.IO's depends on what came.
   */
  constructor(code: ProtocolErrorCode, got?: string, text = socketIoTexts[code]) {
    const expected = protocolErrors[code];
    const detail = got === undefined ? expected : `${expected}, got ${printable(got)}`;
    super(text ?? detail);
    this.code = code;
    this.detail = detail;
  }
}

function printable(detail: string): string {
  let text = "";
  for (const character of detail.slice(0, gotLengthMax)) {
    const code = character.codePointAt(0) ?? 0;
    text += isPrintable(code) ? character : `\\u${code.toString(16).padStart(4, "0")}`;
  }
  return detail.length > gotLengthMax ? `${text}…` : text;
}

/** Neither control characters, which could forge lines of a log, nor halves of surrogate pairs. */
function isPrintable(code: number): boolean {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
  return code !== 0x2028 && code !== 0x2029 && (code < 0xd800 || code > 0xdfff);
}
