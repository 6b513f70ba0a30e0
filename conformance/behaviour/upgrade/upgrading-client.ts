/**
 * An Engine.IO client of our own for the upgrade from polling to WebSocket, one method for each of its five steps, so
 * that a test can hold, cut or close between any two of them. It numbers what it sends and keeps the numbers of what
 * it receives.
 */
import { decodePayload, encodePayload, type Frame as Packet } from "../../support/clients.ts";
import { RawConnection, requestBytes } from "../../support/raw-http.ts";
import {
  FrameSocket,
  type FrameSpec,
  handshakeHeaders,
  opcodes,
  webSocketTarget,
} from "../../support/raw-websocket.ts";

const target = "/engine.io/?EIO=4&transport=polling";

/** Message number n: every fifth one is binary. */
export function numbered(n: number): string | Buffer {
  return n % 5 === 4 ? Buffer.from(`${n}`) : `${n}`;
}

/** The number of a message. */
export function numberOf(data: unknown): number {
  return Number(String(data));
}

/** What a client does not survive: it gives up its session. */
class Ended extends Error {}

export class UpgradingClient {
  /** The numbers that came from the server. */
  readonly received: number[] = [];
  /** How many messages were given to this client to send. */
  emitted = 0;
  /** Why the client gave up its session; undefined while it has not. */
  ended: string | undefined;
  /** Whether `5` was written, in part at least. */
  saidUpgrade = false;
  /** The upgrade's TCP connection and WebSocket, as far as they have got. */
  upgradeConnection: RawConnection | undefined;
  #socket: FrameSocket | undefined;
  readonly #server: { readonly port: number };
  readonly #sid: string;
  readonly #polls: RawConnection;
  readonly #posts: RawConnection;
  #outgoing: Packet[] = [];
  #paused = false;
  #getting: Promise<void> | undefined;
  #posting: Promise<void> | undefined;
  #onSocket = false;
  #writing = Promise.resolve();

  private constructor(
    server: { readonly port: number },
    sid: string,
    polls: RawConnection,
    posts: RawConnection,
  ) {
    this.#server = server;
    this.#sid = sid;
    this.#polls = polls;
    this.#posts = posts;
  }

  /** Opens a session, and begins to poll. */
  static async open(server: { readonly port: number }): Promise<UpgradingClient> {
    const [polls, posts] = await Promise.all([
      RawConnection.open(server),
      RawConnection.open(server),
    ]);
    const [handshake = "", ...rest] = decodePayload((await polls.request({ target })).text);
    const client = new UpgradingClient(
      server,
      JSON.parse(String(handshake).slice(1)).sid,
      polls,
      posts,
    );
    for (const packet of rest) client.#take(packet);
    client.#poll();
    return client;
  }

  get sid(): string {
    return this.#sid;
  }

  /** Whether a GET has been sent and its answer has not been read. */
  get polling(): boolean {
    return this.#getting !== undefined;
  }

  /** Sends the next numbered message by the transport of the moment. */
  emit(): void {
    const data = numbered(this.emitted++);
    this.#outgoing.push(typeof data === "string" ? `4${data}` : data);
    this.#pump();
  }

  // --- polling ---

  #poll(): void {
    if (this.#paused || this.#onSocket || this.ended !== undefined) return;
    if (this.#getting !== undefined) return;
    this.#getting = this.#get().finally(() => {
      this.#getting = undefined;
      this.#poll();
    });
  }

  async #get(): Promise<void> {
    try {
      const answer = await this.#polls.request({ target: `${target}&sid=${this.#sid}` });
      if (answer.status !== 200) throw new Ended(`GET ${answer.status} ${answer.text}`);
      for (const packet of decodePayload(answer.text)) this.#take(packet);
    } catch (error) {
      this.end(`polling: ${error instanceof Error ? error.message : error}`);
    }
  }

  #pump(): void {
    if (this.ended !== undefined || this.#outgoing.length === 0) return;
    if (this.#onSocket) {
      const packets = this.#outgoing.splice(0);
      void this.#sendOnSocket(packets);
    } else if (!this.#paused && this.#posting === undefined) {
      const packets = this.#outgoing.splice(0);
      this.#posting = this.post(encodePayload(packets)).then((status) => {
        this.#posting = undefined;
        if (status !== 200) this.end(`POST ${status}`);
        else this.#pump();
      });
    }
  }

  /** Posts a payload; gives the status, 0 when there was none. */
  async post(body: string): Promise<number> {
    try {
      const request = { method: "POST", target: `${target}&sid=${this.#sid}`, body };
      return (await this.#posts.request(request)).status;
    } catch {
      return 0;
    }
  }

  /** Waits for the POST under way, so that one more does not overlap it, and posts. */
  async postAlone(body: string): Promise<number> {
    this.#paused = true;
    await this.#posting;
    return this.post(body);
  }

  #take(packet: Packet): void {
    if (typeof packet !== "string") this.received.push(numberOf(packet));
    else if (packet.startsWith("4")) this.received.push(numberOf(packet.slice(1)));
    else if (packet === "1") throw new Ended("closed by the server");
    else if (packet !== "6") throw new Ended(`unexpected packet ${packet}`);
  }

  // --- the five steps ---

  /** 1: opens the WebSocket. */
  async openSocket(chunkBytes?: number): Promise<void> {
    const connection = await RawConnection.open(this.#server);
    this.upgradeConnection = connection;
    const request = requestBytes({
      target: webSocketTarget({ query: `sid=${this.#sid}` }),
      headers: handshakeHeaders(),
    });
    await connection.write(request, chunkBytes);
    const answer = await connection.answer();
    if (answer.status !== 101) throw new Error(`upgrade ${answer.status} ${answer.text}`);
    this.#socket = new FrameSocket(connection, answer);
  }

  /** 2: probes, and waits for the answer to that. */
  async probe(chunkBytes?: number): Promise<void> {
    await this.#write([{ opcode: opcodes.text, payload: "2probe" }], chunkBytes);
    const answer = (await this.socket().message()).payload.toString();
    if (answer !== "3probe") throw new Error(`${answer}, expected 3probe`);
  }

  /** 3: lets the GET and the POST under way end, and begins no others. */
  async pause(): Promise<void> {
    this.#paused = true;
    await this.#getting;
    await this.#posting;
    if (this.ended !== undefined) throw new Error(this.ended);
  }

  /** 4: says that the session moves. */
  async sayUpgrade(chunkBytes?: number): Promise<void> {
    this.saidUpgrade = true;
    void this.#readSocket(this.socket());
    await this.#write([{ opcode: opcodes.text, payload: "5" }], chunkBytes);
  }

  /** 5: sends what was held back, and from now on everything, on the WebSocket. */
  async flush(chunkBytes?: number): Promise<void> {
    this.#onSocket = true;
    await this.#sendOnSocket(this.#outgoing.splice(0), chunkBytes);
  }

  /** Leaves the upgrade: the session goes on over polling. */
  abandon(): void {
    this.upgradeConnection?.destroy();
    this.#paused = false;
    this.#poll();
    this.#pump();
  }

  socket(): FrameSocket {
    if (this.#socket === undefined) throw new Error("the WebSocket is not open");
    return this.#socket;
  }

  async #readSocket(socket: FrameSocket): Promise<void> {
    try {
      while (this.ended === undefined) {
        const { opcode, payload } = await socket.frame();
        if (opcode === opcodes.close) throw new Ended("closed by the server");
        this.#take(opcode === opcodes.binary ? payload : payload.toString());
      }
    } catch (error) {
      this.end(`websocket: ${error instanceof Error ? error.message : error}`);
    }
  }

  #sendOnSocket(packets: readonly Packet[], chunkBytes?: number): Promise<void> {
    const frames = packets.map(
      (payload): FrameSpec => ({
        opcode: typeof payload === "string" ? opcodes.text : opcodes.binary,
        payload,
      }),
    );
    return this.#write(frames, chunkBytes);
  }

  /** One write after the other: the chunks of two must not mix. */
  #write(frames: readonly FrameSpec[], chunkBytes?: number): Promise<void> {
    const socket = this.socket();
    this.#writing = this.#writing.then(async () => {
      if (frames.length === 0 || socket.connection.socket.destroyed) return;
      await socket.send(frames, chunkBytes);
    });
    return this.#writing;
  }

  /** Closes the WebSocket orderly, or its TCP connection when it is not open yet. */
  closeSocket(payload: Uint8Array): void {
    if (this.#socket === undefined) this.upgradeConnection?.end();
    else void this.#write([{ opcode: opcodes.close, payload }]);
  }

  // --- the end ---

  /** Gives the session up. */
  end(why: string): void {
    this.ended ??= why;
  }

  /** Cuts the connection of the GETs. */
  cutPolling(): void {
    this.#polls.reset();
  }

  destroy(): void {
    this.end("the schedule is over");
    this.#polls.destroy();
    this.#posts.destroy();
    this.upgradeConnection?.destroy();
  }
}
