/** What can go wrong in the server. Every code is described in docs/reference/errors.md. */
export const serverErrors = {
  HF_OPTION_INVALID: "an option has a value of the wrong form",
  HF_OPTION_UNKNOWN: "an option is not known",
  HF_OPTION_UNSUPPORTED: "an option of Socket.IO that Holdfast does not support",
  HF_UWS_UNSUPPORTED: "attachApp() needs uWebSockets.js, which Holdfast does not support",
  HF_ATTACH_INVALID: "the first argument is neither an HTTP server nor a port",
  HF_ORIGIN_REFUSED: "a request of another origin carried cookies, and no `cors` option allows it",
  HF_ADDRESS_LIMIT: "the client's address has too many connections",
  HF_BODY_TIMEOUT: "the body of a POST request did not arrive in time",
  HF_BODY_TOO_LARGE: "the body of a POST request is larger than maxHttpBufferSize",
  HF_OUTBOX_FULL: "the client does not read: too many bytes wait to be sent to it",
  HF_PACKET_INVALID: "the client sent bytes that the protocol does not allow",
  HF_PACKET_UNEXPECTED: "the client sent a packet that its state does not allow",
  HF_ARGUMENTS_TOO_MANY: "an event or acknowledgement has too many arguments",
  HF_ATTACHMENTS_TIMEOUT: "the attachments of a packet did not arrive in time",
  HF_PENDING_BYTES: "incomplete packets of all clients together take too much memory",
  HF_NAMESPACES_TOO_MANY: "the connection asked for too many namespaces",
  HF_ROOMS_TOO_MANY: "the socket is in too many rooms",
  HF_WEBTRANSPORT_HANDSHAKE: "the WebTransport session did not open as the protocol demands",
  HF_IDENTITY_INVALID: "`identify` gave what names nobody",
  HF_ROOM_RESERVED: "the name of a room begins with a character that is the server's own",
  HF_ROOM_NAME_TOO_LONG: "the name of a room is longer than a store takes",
  HF_DATA_INVALID: "a part of `socket.data` cannot be said in JSON, and is not kept",
  HF_EVENT_NAME_INVALID: "the name of an event is neither a string nor a number",
  HF_ATTACHMENTS_TOO_MANY: "an event has more attachments than clients take",
  HF_POSITION_INVALID: "what was given as a position is none of this namespace",
  HF_PUBLISH_INVALID: "a publish has options that cannot be used",
  HF_HISTORY_GAP: "a part of the history that was asked for cannot be had any more",
  HF_ONCE_ID_INVALID: "a handler with `once` found no id in what the client sent",
  HF_ONCE_REPLY_INVALID: "a handler with `once` returned what cannot be kept",
  HF_ONCE_TWICE: "the event has a handler with `once` already",
  HF_CONNECTION_ENDED: "the connection of the client ended before it answered",
  HF_DRAINING: "the server is draining or closing, and takes nothing more",
  HF_STORE_MISSING: "this needs a store, and the namespace has none",
  HF_ADAPTER_MISSING:
    "No adapter for this namespace, are you trying to get the list of clients of a dynamic namespace?",
} as const;

export type ServerErrorCode = keyof typeof serverErrors;

/** Switch on `code`, never on `message`: codes are API, messages are for people. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly code: ServerErrorCode;

  constructor(code: ServerErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail === undefined ? serverErrors[code] : `${serverErrors[code]}: ${detail}`, options);
    this.code = code;
  }
}
