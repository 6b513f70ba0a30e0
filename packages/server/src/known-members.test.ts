/** What is kept of the members of rooms is what the sets of ids say, whoever changed them. */
import { describe, expect, it } from "vitest";
import { KnownMembers } from "./known-members.ts";

class FakeSocket {
  connected = true;
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }
}

function setUp() {
  const nsp = { sockets: new Map<string, FakeSocket>() };
  const lookup = {
    nsp,
    rooms: new Map<string, Set<string>>(),
    sids: new Map<string, Set<string>>(),
  };
  const known = new KnownMembers<FakeSocket>(lookup);
  const join = (id: string, room: string) => {
    if (!nsp.sockets.has(id)) nsp.sockets.set(id, new FakeSocket(id));
    known.forgetAll();
    known.forget(room);
    lookup.sids.set(id, (lookup.sids.get(id) ?? new Set()).add(room));
    lookup.rooms.set(room, (lookup.rooms.get(room) ?? new Set()).add(id));
  };
  const idsIn = (room: string) => known.of(room)?.map(({ id }) => id);
  return { ...lookup, known, join, idsIn };
}

describe("the members of a room", () => {
  it("are found once, in the order in which they joined", () => {
    const { known, join, idsIn } = setUp();
    join("a", "room");
    join("b", "room");
    expect(idsIn("room")).toEqual(["a", "b"]);
    expect(known.of("room")).toBe(known.of("room"));
    join("c", "room");
    expect(idsIn("room")).toEqual(["a", "b", "c"]);
  });

  it("are not kept of a room of one, nor of none", () => {
    const { join, idsIn } = setUp();
    join("a", "a");
    expect(idsIn("a")).toBeUndefined();
    expect(idsIn("nowhere")).toBeUndefined();
  });

  it("are found again when an application has changed the set itself", () => {
    const { rooms, join, idsIn } = setUp();
    join("a", "room");
    join("b", "room");
    join("c", "lobby");
    expect(idsIn("room")).toEqual(["a", "b"]);
    rooms.get("room")?.add("c");
    expect(idsIn("room")).toEqual(["a", "b", "c"]);
    rooms.get("room")?.delete("a");
    expect(idsIn("room")).toEqual(["b", "c"]);
  });

  it("are not known while one of them is on its way in", () => {
    const { nsp, rooms, join, idsIn } = setUp();
    join("a", "room");
    join("b", "room");
    rooms.get("room")?.add("early");
    expect(idsIn("room")).toBeUndefined();
    const early = new FakeSocket("early");
    early.connected = false;
    nsp.sockets.set("early", early);
    expect(idsIn("room")).toBeUndefined();
    early.connected = true;
    expect(idsIn("room")).toEqual(["a", "b", "early"]);
  });
});

describe("the sockets of a namespace", () => {
  it("are found once, until one comes or goes", () => {
    const { known, sids, nsp, join } = setUp();
    expect(known.all()).toEqual([]);
    join("a", "a");
    join("b", "b");
    expect(known.all()?.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(known.all()).toBe(known.all());
    known.forgetAll();
    sids.delete("a");
    nsp.sockets.delete("a");
    expect(known.all()?.map(({ id }) => id)).toEqual(["b"]);
  });
});
