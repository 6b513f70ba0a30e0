/** V26 to V29, V37: what one connection can make the server work and hold with packets that are well formed. */
import { expect, it } from "vitest";
import {
  binary,
  expectClosedFor,
  expectServed,
  get,
  growth,
  growthMax,
  joinNamespace,
  mib,
  openWebSocket,
  pollingTarget,
  startVictim,
  text,
  useVictims,
} from "./victim.ts";

useVictims();

it("V26: JSON of any depth closes the connection, and the server stays up", async () => {
  const victim = await startVictim();
  for (const unit of ["[", '{"a":', '[{"a":', '["\\"",']) {
    const bomb = unit.repeat(900_000 / unit.length);
    await expectClosedFor(victim, text(`42["echo",${bomb}`));
    await expectClosedFor(victim, text(`40${bomb}`));
    await expectClosedFor(victim, text(`451-["echo",${bomb}`));
  }
  await expectClosedFor(
    victim,
    text(`42["echo",${"[".repeat(1000)}${"]".repeat(1000)},"${"x".repeat(100)}"]`),
  );
  expect((await victim.report()).refusals).toEqual({ HF_PACKET_INVALID: 13 });
});

it("V26: a depth that would be much work is refused before the work: less than for a message of that length", async () => {
  const victim = await startVictim();
  const send = (packet: string) => async () => {
    const socket = await joinNamespace(victim);
    await socket.send([text(packet), text("nonsense")]);
    await socket.closed();
  };
  const best = async (packet: string) => {
    const costs: number[] = [];
    for (let i = 0; i < 5; i++) costs.push(await victim.cost(send(packet)));
    return Math.min(...costs);
  };
  const flat = await best(`42["nobody",[${"[],".repeat(300_000)}1]]`);
  const deep = await best(`42["nobody",${"[".repeat(900_000)}`);
  expect(deep).toBeLessThan(flat);
});

it("V26: an event or an acknowledgement of more arguments than fit on the stack closes the connection", async () => {
  const victim = await startVictim();
  for (const packet of ["42", "421", "431"]) {
    const start = packet === "431" ? "[" : '["nobody",';
    await expectClosedFor(victim, text(`${packet}${start}${"0,".repeat(400_000)}0]`));
  }
  expect((await victim.report()).refusals).toEqual({ HF_ARGUMENTS_TOO_MANY: 3 });
  // Far more than anybody has, and still served.
  const socket = await joinNamespace(victim);
  await socket.send(text(`421["echo"${",0".repeat(9000)}]`));
  expect(JSON.parse((await socket.message()).payload.toString().slice(3))).toHaveLength(9000);
});

it("V27: a connection has at most limits.namespacesPerConnection namespaces", async () => {
  const victim = await startVictim({ dynamicNamespaces: true });
  const socket = await joinNamespace(victim);
  for (let i = 0; i < 99; i++) {
    await socket.send(text(`40/dynamic-${i},`));
    expect((await socket.message()).payload.toString()).toContain("40/dynamic-");
  }
  expect((await victim.report()).socketsAnywhere).toBe(100);
  await socket.send(text("40/dynamic-99,"));
  await socket.closed();

  // All at once: those that are being joined count.
  const other = await joinNamespace(victim);
  await other.send(Array.from({ length: 150 }, (_none, i) => text(`40/dynamic-${i},`)));
  expect((await other.closed()).before.length).toBeLessThan(100);
  const after = await victim.until(({ connections }) => connections === 0, "closed");
  expect(after.refusals).toEqual({ HF_NAMESPACES_TOO_MANY: 2 });
  expect(after.socketsAnywhere).toBe(0);
});

it("V27: thousands of CONNECTs to namespaces that do not exist cost in proportion, and nothing is kept", async () => {
  const victim = await startVictim();
  const attack = async (count: number) => {
    const socket = await joinNamespace(victim);
    await socket.send(Array.from({ length: count }, (_none, i) => text(`40/none-${i},`)));
    await socket.send(text('421["echo",1]'));
    for (let left = count + 1; left > 0; left--) await socket.frame();
    socket.destroy();
  };
  expect(await growth(victim, attack, 3000)).toBeLessThan(growthMax);
  const before = await victim.report();
  await attack(6000);
  expect((await victim.report()).held - before.held).toBeLessThan(mib);
});

it("V28: an acknowledgement id is a number below 2^53, and asking for many is not kept", async () => {
  const victim = await startVictim();
  for (const id of ["9007199254740992", "1".repeat(17), "9".repeat(500_000)]) {
    await expectClosedFor(victim, text(`42${id}["nobody"]`));
    await expectClosedFor(victim, text(`43${id}[]`));
  }
  expect((await victim.report()).refusals).toEqual({ HF_PACKET_INVALID: 6 });

  const socket = await joinNamespace(victim);
  const before = await victim.report();
  const attack = async (count: number) => {
    await socket.send(Array.from({ length: count }, (_none, i) => text(`42${i}["nobody"]`)));
    await socket.send(text('421["echo",1]'));
    expect((await socket.message()).payload.toString()).toBe("431[1]");
  };
  expect(await growth(victim, attack, 8000)).toBeLessThan(growthMax);
  // Answers to what was never asked, too.
  await socket.send(Array.from({ length: 5000 }, (_none, i) => text(`43${i}[]`)));
  await socket.send(text('421["echo",1]'));
  await socket.message();
  expect((await victim.report()).held - before.held).toBeLessThan(mib);
});

it("V29: a socket is in at most limits.roomsPerSocket rooms, and their names mean nothing", async () => {
  const victim = await startVictim({ options: { limits: { roomsPerSocket: 1000 } } });
  const socket = await joinNamespace(victim);
  const joins = Array.from({ length: 100 }, (_none, i) => {
    return text(
      `42["join",${Array.from({ length: 50 }, (_, j) => `"room-${i * 50 + j}"`).join(",")}]`,
    );
  });
  await socket.send([
    text('42["join","__proto__","constructor","toString"]'),
    ...joins,
    text('421["echo",1]'),
  ]);
  expect((await socket.message()).payload.toString()).toBe("431[1]");
  const { refusals, rooms, polluted } = await victim.report();
  expect(rooms).toBeLessThanOrEqual(1000);
  expect(rooms).toBeGreaterThan(900);
  expect(refusals["HF_ROOMS_TOO_MANY"]).toBeGreaterThan(0);
  expect(polluted).toBe(false);
});

it("V29: with a store, too, and when older events of the rooms are asked for", async () => {
  const options = { store: "memory", offsets: "none", limits: { roomsPerSocket: 1000 } };
  const victim = await startVictim({ options });
  const socket = await joinNamespace(victim);
  for (let from = 0; from < 1500; from += 50) {
    const names = Array.from({ length: 50 }, (_none, i) => `"room-${from + i}"`).join(",");
    // All at once: none of them is in its room when the next one asks.
    await socket.send(text(`42["${from % 100 === 0 ? "join" : "join since"}",${names}]`));
  }
  const long = "x".repeat(16_001);
  await socket.send([text(`42["join","${long}"]`), text(`42["join since","${long}"]`)]);
  await socket.send([text('42["join","\\u0000uann"]'), text('421["joined"]')]);
  const message = async () => (await socket.message()).payload.toString();
  // Pings come between, for receipts.
  let last = await message();
  while (last === "2") last = await message();
  expect(last).toBe("431[]");
  const { refusals, rooms } = await victim.report();
  expect(rooms).toBeLessThanOrEqual(1000);
  expect(rooms).toBeGreaterThan(900);
  expect(refusals["HF_ROOMS_TOO_MANY"]).toBeGreaterThan(0);
  expect(refusals).toMatchObject({ HF_ROOM_NAME_TOO_LONG: 2, HF_ROOM_RESERVED: 1 });
});

it("V37: a key __proto__ in an event, in auth or in a query is data, with a frozen prototype", async () => {
  const victim = await startVictim({ freezePrototype: true });
  const json = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
  await get(victim, `${pollingTarget()}&__proto__=x&constructor=y`);
  const socket = await openWebSocket(victim);
  await socket.send(text(`40${json}`));
  expect((await socket.message()).payload.toString()).toContain("40{");
  await socket.send(text(`421["echo",${json}]`));
  expect((await socket.message()).payload.toString()).toBe(`431[${json}]`);
  // With an attachment inside, going in and out.
  const held = '{"__proto__":{"_placeholder":true,"num":0}}';
  await socket.send([text(`451-2["echo",${held}]`), binary(Buffer.from("a"))]);
  expect((await socket.message()).payload.toString()).toBe(`461-2[${held}]`);
  expect((await socket.message()).payload.toString()).toBe("a");
  expect((await victim.report()).polluted).toBe(false);
  socket.destroy();
  await expectServed(victim);
});
