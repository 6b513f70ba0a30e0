/**
 * The second ticks: who wrote a message is told when it has reached everybody in the room, those who are away
 * included. It rests on receipts, which any Socket.IO client gives by itself.
 */

import type { ChatServer } from "./chat.ts";
import type { Message } from "./events.ts";

/** What `publish` and `history` give: it knows who has not confirmed the event. */
interface Published {
  missing(): Promise<readonly { session: string }[]>;
}

const intervalMs = 300;

/** The oldest are given up: who never comes back must not fill the memory. */
const waitingMax = 500;

export class Ticks {
  readonly #io: ChatServer;
  /** By the ids of the messages. */
  readonly #waiting = new Map<
    string,
    { readonly message: Message; readonly published: Published }
  >();
  #timer: NodeJS.Timeout | undefined;

  constructor(io: ChatServer) {
    this.#io = io;
  }

  /** Tells who wrote it when everybody has it. */
  watch(message: Message, published: Published): void {
    this.#waiting.set(message.id, { message, published });
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > waitingMax && oldest !== undefined) this.#waiting.delete(oldest);
    this.#lookLater();
  }

  /** A person has a message when one of their tabs and devices has it. */
  async hasEverybody(room: string, published: Published): Promise<boolean> {
    const members = await this.#io.room(room).members();
    const missing = new Set((await published.missing()).map(({ session }) => session));
    const served = members.filter(({ session }) => !missing.has(session));
    const names = new Set(served.map(({ userId }) => userId));
    return members.every(({ userId }) => names.has(userId));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }

  #lookLater(): void {
    if (this.#timer !== undefined || this.#waiting.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#look()
        .catch((error: unknown) => console.error("chat:", error))
        .finally(() => this.#lookLater());
    }, intervalMs).unref();
  }

  async #look(): Promise<void> {
    for (const [id, { message, published }] of this.#waiting) {
      const { room, name } = message;
      if (!(await this.hasEverybody(room, published)) || !this.#waiting.delete(id)) continue;
      this.#io.user(name).emit("delivered", { room, id });
    }
  }
}
