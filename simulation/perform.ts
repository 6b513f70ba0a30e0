/** What each action of a plan does. Its numbers choose whom it is done to. */
import type { Device } from "./clients/device.ts";
import type { Cut } from "./network/path.ts";
import { type Action, type ActionKind, roomNames } from "./plan.ts";
import type { Shape } from "./process/app.ts";
import type { AppServer, AppSocket } from "./process/server-process.ts";
import type { World } from "./world.ts";

/** An action, and what its numbers stand for now. */
interface Scene {
  readonly world: World;
  readonly device: Device;
  readonly namespace: string;
  readonly room: string;
  readonly otherRoom: string;
  readonly shape: Shape;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

type Act = (scene: Scene) => void;

export function perform(world: World, { kind, a, b, c }: Action): void {
  const shape = { trailing: c % 5 === 0, bytes: c % 7 === 0 ? c * 2 : 0, binary: c % 11 === 0 };
  acts[kind]({
    world,
    device: choose(world.devices, a),
    namespace: choose(world.plan.namespaces, a + c),
    room: choose(roomNames, b),
    otherRoom: choose(roomNames, c),
    shape,
    a,
    b,
    c,
  });
}

function choose<Value>(values: readonly Value[], number: number): Value {
  const value = values[number % values.length];
  if (value === undefined) throw new Error("nothing to choose from");
  return value;
}

const ttlsMs = [50, 700, 5_000, 60_000] as const;

const drainsMs = [1, 500, 4_000] as const;

const sinceKinds = ["start", "since", "last", "ago"] as const;

/** Something that the server does, while there is one. */
const onServer =
  (act: (io: AppServer, scene: Scene) => void): Act =>
  (scene) => {
    const { process } = scene.world;
    if (process !== undefined) act(process.io, scene);
  };

/** Something that is done with a connected socket, if there is one. */
const onSocket = (act: (socket: AppSocket, scene: Scene) => void): Act =>
  onServer((_io, scene) => {
    const sockets = scene.world.app.sockets.get(scene.namespace) ?? [];
    if (sockets.length > 0) act(choose(sockets, scene.b), scene);
  });

const cut =
  (tellClient: boolean, tellServer: boolean): Act =>
  ({ device, b }) => {
    const how: Cut = { tellClient, tellServer, reset: b % 2 === 0 };
    device.path.cut(how);
  };

const acts: Readonly<Record<ActionKind, Act>> = {
  // --- the application ---
  room: onServer((io, { world, namespace, room, otherRoom, shape, a }) => {
    const rooms = a % 3 === 0 ? [room, otherRoom] : [room];
    world.app.toRooms(io, namespace, { rooms, except: [] }, shape);
  }),
  all: onServer((io, { world, namespace, shape }) => {
    world.app.toRooms(io, namespace, { rooms: [], except: [] }, shape);
  }),
  except: onServer((io, { world, namespace, room, otherRoom, shape, a }) => {
    const rooms = a % 2 === 0 ? [] : [room];
    world.app.toRooms(io, namespace, { rooms, except: [otherRoom] }, shape);
  }),
  "from socket": onSocket((socket, { world, namespace, room, shape, a }) => {
    world.app.fromSocket(namespace, socket, a % 2 === 0 ? [room] : [], shape);
  }),
  "to socket": onSocket((socket, { world, namespace, shape }) => {
    world.app.toSocket(namespace, socket, shape);
  }),
  burst: onServer(burst),
  run: onServer(run),
  volatile: onServer((io, { world, namespace, room, shape }) => {
    world.app.volatile(io, namespace, [room], shape);
  }),
  transient: onServer((io, { world, namespace, room, shape }) => {
    world.app.transient(io, namespace, [room], shape);
  }),
  publish: onServer((io, { world, namespace, room, c }) => {
    world.app.publish(io, namespace, [room], { id: c % 3 === 0 ? undefined : `m${c}` });
  }),
  perishable: onServer((io, { world, namespace, room, b, c }) => {
    const id = c % 3 === 0 ? `t${c}` : undefined;
    world.app.publish(io, namespace, [room], { id, ttlMs: choose(ttlsMs, b) });
  }),
  "join since": onSocket((socket, { world, otherRoom, a, b }) => {
    const kind = choose(sinceKinds, a);
    world.app.joinSince(socket, otherRoom, { kind, amount: b % 8 });
  }),
  "publish again": onServer((io, { world }) => world.app.publishAgain(io)),
  direct: onSocket((socket, { world, namespace, c }) => {
    world.app.direct(namespace, socket, 1000 + c);
  }),
  ask: onServer((io, { world, namespace, room, c }) => {
    world.app.ask(io, namespace, [room], 1000 + c * 3);
  }),
  "ask and cut": onServer((io, { world, namespace, a, b }) => {
    world.app.ask(io, namespace, [], 5000);
    const { path } = choose(world.devices, a);
    world.scheduler.after(b % 120, () => {
      path.cut({ tellClient: true, tellServer: true, reset: true });
    });
  }),
  join: onSocket((socket, { world, otherRoom }) => world.app.join(socket, otherRoom)),
  leave: onSocket((socket, { world, otherRoom }) => world.app.leave(socket, otherRoom)),
  "sockets join": onServer((io, { world, namespace, room, otherRoom }) => {
    world.app.socketsJoin(io, namespace, room, otherRoom);
  }),
  "sockets leave": onServer((io, { world, namespace, room, otherRoom }) => {
    world.app.socketsLeave(io, namespace, room, otherRoom);
  }),
  kick: onSocket((socket, { c }) => socket.disconnect(c % 4 === 0)),

  // --- the devices ---
  order: ({ device, namespace }) => device.order(namespace),
  say: ({ device, namespace, b }) => device.say(namespace, b % 2 === 0),
  "store place": ({ device }) => device.store(),
  "duplicate tab": ({ world, device, b }) => {
    const others = world.devices.filter((other) => other.isTabOf(device));
    if (others.length > 0) device.duplicate(choose(others, b));
  },
  reload: ({ device }) => device.reload(),
  "leave namespace": ({ device, namespace }) => device.leaveNamespace(namespace),
  "leave early": ({ device, b }) => device.leaveEarly(b % 40),
  "come back": ({ device }) => device.connectAll(),

  // --- the network ---
  cut: cut(true, true),
  "half-open server": cut(true, false),
  "half-open client": cut(false, true),
  "block down": ({ device }) => device.path.block("down"),
  "block up": ({ device }) => device.path.block("up"),
  block: ({ device }) => {
    device.path.block("down");
    device.path.block("up");
  },
  unblock: ({ device }) => device.path.unblock(),
  slow: ({ device, b }) => {
    device.path.bytesPerMs = 1 + (b % 4);
  },

  // --- the machine ---
  kill: ({ world, b }) => world.kill(b % 3 === 0),
  restart: ({ world }) => world.restart(),
  "cut power": ({ world }) => world.kill(true),
  "kill twice": ({ world, a, b }) => {
    world.kill(a % 2 === 0);
    // The next process has begun by then, and may still be opening the store.
    world.scheduler.after(b * 3, () => world.kill(a % 3 === 0));
  },
  "cut power at start": (scene) => {
    const { world, a, b } = scene;
    onServer(burst)(scene);
    // Between a write and its flush, if that takes some time.
    world.scheduler.after(a % 20, () => {
      world.journals.cutAtStart?.(1 + (b % 8));
      world.kill(false);
    });
  },
  "fail disk": ({ world, b }) => world.journals.fault?.(1 + (b % 12)),
  "fill disk": ({ world }) => world.journals.fill(true),
  "free disk": ({ world }) => world.journals.fill(false),
  drain: ({ world, a, b }) => world.drain(choose(drainsMs, a), b % 2 === 0),
  "set clock": ({ world, b }) => {
    world.oracle.expiry.clockSet(() => {
      world.wall.offsetMs += ((b % 7) - 3) * (world.plan.wall?.jumpMs ?? 1_200_000) + b;
    });
  },
};

/** Several events to one room within one handler, most of them one behind the other. */
function run(io: AppServer, { world, namespace, room, otherRoom, shape, a, b, c }: Scene): void {
  const { app } = world;
  const sockets = app.sockets.get(namespace) ?? [];
  for (let count = 0; count < 3 + (a % 20); count++) {
    const turn = (c + count * 5) % 23;
    const socket = sockets.length > 0 ? choose(sockets, b + count) : undefined;
    if (turn < 5 && socket?.connected === true) {
      if (turn === 0) app.toSocket(namespace, socket, shape);
      else if (turn === 1) app.direct(namespace, socket, 3000);
      else if (turn === 2) app.join(socket, room);
      else if (turn === 3) app.leave(socket, room);
      else app.fromSocket(namespace, socket, [room], shape);
    }
    const rooms = turn === 5 ? [room, otherRoom] : [turn === 6 ? otherRoom : room];
    app.toRooms(io, namespace, { rooms, except: turn === 7 ? [otherRoom] : [] }, shape);
  }
}

/** Many calls of all sorts within one handler: their order must hold. */
function burst(io: AppServer, { world, namespace, shape, a, b, c }: Scene): void {
  const { app } = world;
  const sockets = app.sockets.get(namespace) ?? [];
  for (let count = 0; count < 3 + (a % 12); count++) {
    const room = choose(roomNames, b + count * 7);
    const turn = (c + count * count) % 8;
    if (turn < 3 || sockets.length === 0) {
      app.toRooms(io, namespace, { rooms: [room], except: [] }, shape);
      continue;
    }
    const socket = choose(sockets, c + count);
    // A call before may have ended it.
    if (!socket.connected) continue;
    if (turn === 3) app.toSocket(namespace, socket, shape);
    else if (turn === 4) app.direct(namespace, socket, 3000);
    else if (turn === 5) app.join(socket, room);
    else if (turn === 6) app.leave(socket, room);
    else app.fromSocket(namespace, socket, [], shape);
  }
}
