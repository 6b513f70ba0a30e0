/**
 * The opening of a WebTransport session: the client opens one stream and sends `open` on it, alone for
 * a new connection, with the id of its connection for an upgrade.
 *
 * The application that hands a session over has decided that it may connect: the option `transports`
 * is about what is offered to clients, and is not asked here (as in npm engine.io).
 */
import { type EnginePacket, ProtocolError, WebTransportFrameDecoder } from "@holdfast/protocol";
import { ServerError } from "../errors.ts";
import { Alarm } from "../host/timer-wheel.ts";
import {
  type ByteReader,
  closeSession,
  type WebTransportSession,
  WebTransportTransport,
} from "../transports/webtransport.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionServer } from "./connection-ports.ts";

export interface WebTransportAcceptor {
  readonly server: Pick<ConnectionServer, "opts" | "wheel"> & { refuse(error: ServerError): void };
  readonly guarded: boolean;
  /** Whether new connections are refused. */
  draining(): boolean;
  find(sid: string): Connection | undefined;
  connect(transport: WebTransportTransport): void;
}

/** @returns resolved when the session has its connection or was closed. Rejects when a listener throws. */
export async function acceptWebTransport(
  session: WebTransportSession,
  acceptor: WebTransportAcceptor,
): Promise<void> {
  const { server } = acceptor;
  let refused = false;
  const close = (detail: string) => {
    // Closing it for being late makes the reads fail: it was refused once.
    if (refused) return;
    refused = true;
    server.refuse(new ServerError("HF_WEBTRANSPORT_HANDSHAKE", detail));
    closeSession(session);
  };
  if (acceptor.guarded) return close("the engine has middlewares, which need an HTTP request");
  const timeout = new Alarm(session, () => close("no stream and no packet in time"));
  server.wheel.arm(timeout, server.opts.upgradeTimeout);
  // Whoever reads learns of a session that ends in the meantime: its streams end with it.
  session.closed.catch(ignore);
  let opening: Opening | undefined;
  try {
    opening = await readOpening(session, server);
  } catch (error) {
    close(error instanceof ProtocolError ? error.message : "the session ended");
  } finally {
    server.wheel.disarm(timeout);
  }
  if (refused) return;
  if (opening === undefined) return close("the stream ended before the first packet");
  const { first, rest, transport } = opening;
  if (first.type !== "open") return close(`expected the packet open, got ${first.type}`);
  if (first.data === undefined) {
    if (acceptor.draining()) return close("the server is draining");
    acceptor.connect(transport);
  } else {
    const sid = sidOf(first.data);
    const connection = sid === undefined ? undefined : acceptor.find(sid);
    if (connection === undefined) return close("the id of the connection is unknown");
    if (connection.upgrading) return close("the connection is moving to another transport");
    if (connection.upgraded) return close("the connection has moved to another transport");
    connection._maybeUpgrade(transport);
  }
  transport.start(rest);
}

interface Opening {
  readonly first: EnginePacket;
  /** What came in the same chunk. */
  readonly rest: readonly EnginePacket[];
  readonly transport: WebTransportTransport;
}

async function readOpening(
  session: WebTransportSession,
  { opts, wheel }: WebTransportAcceptor["server"],
): Promise<Opening | undefined> {
  const { value: stream } = await session.incomingBidirectionalStreams.getReader().read();
  if (stream === undefined) return undefined;
  const decoder = new WebTransportFrameDecoder({ maxPayloadBytes: opts.maxHttpBufferSize });
  const reader = stream.readable.getReader();
  const [first, ...rest] = await firstPackets(reader, decoder);
  if (first === undefined) return undefined;
  const writer = stream.writable.getWriter();
  const transport = new WebTransportTransport({ session, reader, writer, decoder, wheel });
  return { first, rest, transport };
}

async function firstPackets(
  reader: ByteReader<Uint8Array>,
  decoder: WebTransportFrameDecoder,
): Promise<EnginePacket[]> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done || value === undefined) return [];
    const packets = decoder.push(value);
    if (packets.length > 0) return packets;
  }
}

function sidOf(data: string | Uint8Array): string | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const parsed: unknown = JSON.parse(data);
    if (typeof parsed !== "object" || parsed === null || !("sid" in parsed)) return undefined;
    return typeof parsed.sid === "string" ? parsed.sid : undefined;
  } catch {
    return undefined;
  }
}

function ignore(): void {}
