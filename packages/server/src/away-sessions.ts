/** What is done to rooms and users is done to the sessions, too, that nobody is connected to. */
import type { BroadcastOptions } from "./adapter.ts";
import type { Delivery } from "./delivery/delivery.ts";
import type { Session } from "./delivery/session.ts";
import type { SessionChange } from "./delivery/session-changes.ts";
import { roomOfTag, tagOfRoom } from "./delivery/tags.ts";
import { ServerError } from "./errors.ts";
import { tooManyRooms, unkeptRooms } from "./room-checks.ts";
import type { Room } from "./socket-types.ts";

interface AwayOptions {
  /** What the members of a room, or the sessions of a user, are found by. */
  readonly tagOf: (room: Room) => string;
  /** In so many rooms a socket may be, with its own. */
  readonly roomsMax: number;
  /** There is no socket to tell. */
  readonly tell: (error: Error) => void;
}

export class AwaySessions {
  readonly #options: AwayOptions;

  constructor(options: AwayOptions) {
    this.#options = options;
  }

  join(delivery: Delivery, options: BroadcastOptions, rooms: readonly Room[]): void {
    this.#change(delivery, options, (session) => {
      const joined = rooms.filter((room) => !session.showsIn(tagOfRoom(room)));
      if (joined.length === 0) return undefined;
      const refusal = unkeptRooms(joined, session) ?? this.#tooMany(session, new Set(joined));
      return refusal ?? { type: "join", session: session.key, rooms: joined.map(tagOfRoom) };
    });
  }

  leave(delivery: Delivery, options: BroadcastOptions, rooms: readonly Room[]): void {
    const tags = [...new Set(rooms.map(tagOfRoom))];
    this.#change(delivery, options, (session) => {
      const left = tags.filter((tag) => session.showsIn(tag));
      return left.length === 0 ? undefined : { type: "leave", session: session.key, rooms: left };
    });
  }

  end(delivery: Delivery, options: BroadcastOptions): void {
    this.#change(delivery, options, ({ key }) => ({ type: "end", session: key }));
  }

  #change(
    delivery: Delivery,
    options: BroadcastOptions,
    changeOf: (session: Session) => SessionChange | ServerError | undefined,
  ): void {
    const { tell } = this.#options;
    delivery.lane.whenOpen(() => {
      for (const session of this.#named(delivery, options)) {
        const change = changeOf(session);
        if (change instanceof ServerError) tell(change);
        else if (change !== undefined) delivery.change(change).catch(tell);
      }
    });
  }

  #tooMany(session: Session, joined: ReadonlySet<Room>): ServerError | undefined {
    // When its client is back, it is in its own room, too.
    const most = this.#options.roomsMax - 1;
    const { memberships, ahead } = session;
    // Rooms that it has left are among them: they are told apart only when there are that many.
    if (memberships.size + (ahead?.size ?? 0) + joined.size <= most) return undefined;
    return tooManyRooms(joined, new Set(session.shownRooms().map(roomOfTag)), most);
  }

  /** The sessions that `options` names and that nobody is connected to. */
  #named({ sessions, changing }: Delivery, { rooms, except }: BroadcastOptions): Session[] {
    const found = new Set<Session>();
    const consider = (session: Session | undefined) => {
      if (session === undefined || session.link !== undefined) return;
      if (session.ending && !session.endRefused) return;
      if (sessions.byKey.get(session.key) !== session) return;
      for (const room of except ?? []) {
        if (session.showsIn(tagOfRoom(room)) || session.socketIds.includes(room)) return;
      }
      found.add(session);
    };
    if (rooms.size === 0) for (const session of sessions.byKey.values()) consider(session);
    for (const room of rooms) {
      const tag = this.#options.tagOf(room);
      for (const session of [...sessions.members(tag), ...changing.of(tag)]) {
        if (tag === session.userTag || session.showsIn(tagOfRoom(room))) consider(session);
      }
      consider(sessions.bySocketId(room));
    }
    return [...found];
  }
}
