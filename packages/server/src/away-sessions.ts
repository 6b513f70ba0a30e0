/** What is done to rooms and users is done to the sessions, too, that nobody is connected to. */
import type { BroadcastOptions } from "./adapter.ts";
import type { Delivery } from "./delivery/delivery.ts";
import type { Session } from "./delivery/session.ts";
import type { SessionChange } from "./delivery/session-changes.ts";
import { tagOfRoom } from "./delivery/tags.ts";
import { ServerError } from "./errors.ts";
import { tooManyRooms } from "./room-checks.ts";
import type { Room } from "./socket-types.ts";

export class AwaySessions {
  readonly #name: string;
  readonly #tagOf: (room: Room) => string;
  readonly #roomsMax: number;

  /**
   * @param name that of the namespace
   * @param tagOf what the members of a room, or the sessions of a user, are found by
   * @param roomsMax in so many rooms a session may be
   */
  constructor(name: string, tagOf: (room: Room) => string, roomsMax: number) {
    this.#name = name;
    this.#tagOf = tagOf;
    this.#roomsMax = roomsMax;
  }

  join(delivery: Delivery, options: BroadcastOptions, rooms: readonly Room[]): void {
    const tags = [...new Set(rooms.map(tagOfRoom))];
    this.#change(delivery, options, (session) => {
      return this.#tooMany(session, tags) ?? { type: "join", session: session.key, rooms: tags };
    });
  }

  leave(delivery: Delivery, options: BroadcastOptions, rooms: readonly Room[]): void {
    const tags = rooms.map(tagOfRoom);
    this.#change(delivery, options, ({ key }) => ({ type: "leave", session: key, rooms: tags }));
  }

  end(delivery: Delivery, options: BroadcastOptions): void {
    this.#change(delivery, options, ({ key }) => ({ type: "end", session: key }));
  }

  #change(
    delivery: Delivery,
    options: BroadcastOptions,
    changeOf: (session: Session) => SessionChange | ServerError,
  ): void {
    delivery.lane.whenOpen(() => {
      let isTold = false;
      const refused = (error: Error) => {
        // One line for all of them: there is no socket to tell.
        if (isTold) return;
        isTold = true;
        console.error(`holdfast: ${this.#name}: not done to sessions that are away:`, error);
      };
      for (const session of this.#named(delivery, options)) {
        const change = changeOf(session);
        if (change instanceof ServerError) refused(change);
        else delivery.change(change).catch(refused);
      }
    });
  }

  #tooMany(session: Session, tags: readonly string[]): ServerError | undefined {
    const { memberships, ahead } = session;
    // Rooms that it has left are among them: they are told apart only when there are that many.
    const most = memberships.size + (ahead?.size ?? 0) + tags.length;
    if (most <= this.#roomsMax) return undefined;
    return tooManyRooms(new Set(tags), new Set(session.shownRooms()), this.#roomsMax);
  }

  /** The sessions that `options` names and that nobody is connected to. */
  #named({ sessions, changing }: Delivery, { rooms, except }: BroadcastOptions): Session[] {
    const found = new Set<Session>();
    const consider = (session: Session | undefined) => {
      if (session === undefined || session.link !== undefined || session.ending) return;
      if (sessions.byKey.get(session.key) !== session) return;
      for (const room of except ?? []) {
        if (session.showsIn(tagOfRoom(room)) || session.socketIds.includes(room)) return;
      }
      found.add(session);
    };
    if (rooms.size === 0) for (const session of sessions.byKey.values()) consider(session);
    for (const room of rooms) {
      const tag = this.#tagOf(room);
      for (const session of [...sessions.members(tag), ...changing.of(tag)]) {
        if (tag === session.userTag || session.showsIn(tagOfRoom(room))) consider(session);
      }
      consider(sessions.bySocketId(room));
    }
    return [...found];
  }
}
