/** The page of the chat. The stock client does all that is hard: see the options that it is given in `open`. */

import type { io as Connect, Socket } from "socket.io-client";
import {
  type AdminEvents,
  type ClientEvents,
  type Draft,
  type Person,
  rooms,
  type ServerEvents,
} from "./events.ts";
import { deviceKey, lastRead, randomId, tab, unsent } from "./memory.ts";
import { MessageList } from "./message-list.ts";

/** The stock client, which Holdfast serves and the page loads before this. */
declare const io: typeof Connect;

type ChatSocket = Socket<ServerEvents, ClientEvents>;

function find<Kind extends HTMLElement>(id: string): Kind {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element as Kind;
}

const entrance = find<HTMLFormElement>("entrance");
const nameField = find<HTMLInputElement>("name");
const entranceError = find("entrance-error");
const chat = find("chat");
const roomList = find("rooms");
const roomName = find("room-name");
const status = find("status");
const banner = find("banner");
const caughtUp = find("caught-up");
const people = find<HTMLUListElement>("people");
const online = find<HTMLUListElement>("online");
const typing = find("typing");
const composer = find<HTMLFormElement>("composer");
const textField = find<HTMLInputElement>("text");
const messages = new MessageList(find<HTMLOListElement>("messages"));

/** `?transport=polling` keeps to one transport: to see that it works, too. */
const transport = new URLSearchParams(location.search).get("transport");
const options = transport === null ? {} : { transports: [transport] };

let room = tab.room ?? rooms[0];
let myName = tab.name ?? "";
let socket: ChatSocket;
/** Whether everything of the room is shown that is there: what comes then is new, and not what was missed. */
let complete = false;
/** How often a room was entered. */
let entered = 0;

entrance.addEventListener("submit", (event) => {
  event.preventDefault();
  myName = nameField.value.trim();
  entranceError.textContent = "";
  open();
});

function open(): void {
  socket?.disconnect();
  socket = io("/", {
    ...options,
    forceNew: true,
    // The session is found by these: also after a reload, whatever the page remembers.
    auth: { name: myName, device: deviceKey() },
    // Each event is sent until the server has answered. The ids of the messages make that harmless.
    retries: Number.POSITIVE_INFINITY,
    ackTimeout: 5000,
  });
  socket.on("connect", () => {
    tab.keep(myName, room);
    if (chat.hidden) showChat();
    showConnected(true);
    socket.io.engine.on("upgrade", () => showConnected(true));
    // What was missed follows by itself, if the session is still there.
    if (!socket.recovered) messages.reset(myName, unsent.of(room));
    void enter();
  });
  socket.onAny((event) => {
    if (event !== "hf:gap") return;
    // Some of what was missed cannot be had any more: begin with the latest that the room has.
    messages.reset(myName, unsent.of(room));
    void enter();
  });
  socket.on("connect_error", (error) => {
    showConnected(false);
    // Refused for good when the socket is no longer active; otherwise it tries again by itself.
    if (socket.active) return;
    entrance.hidden = false;
    chat.hidden = true;
    entranceError.textContent = error.message;
  });
  socket.on("disconnect", () => showConnected(false));
  socket.on("said", (message) => {
    if (message.room !== room) return;
    messages.add(message);
    if (complete) noteRead();
  });
  socket.on("delivered", ({ id }) => messages.delivered(id));
  socket.on("here", (where, list) => {
    if (where === room) showPeople(list);
  });
  socket.on("typing", (where, name) => {
    if (where === room) showTyping(name);
  });
  for (const draft of unsent.all()) void send(draft);
}

const admin: Socket<AdminEvents> = io("/admin", {
  ...options,
  auth: { device: deviceKey() },
});
admin.on("online", (list) => {
  online.replaceChildren(
    ...list.map(({ name, room: where, transport: by }) => {
      const item = document.createElement("li");
      item.textContent = where === null ? name : `${name} in ${where}`;
      item.title = by;
      return item;
    }),
  );
});

function showConnected(connected: boolean): void {
  complete &&= connected;
  banner.hidden = connected;
  status.dataset["state"] = connected ? "online" : "offline";
  status.textContent = connected
    ? `online, ${socket.io.engine.transport.name}`
    : "offline, trying again";
}

/** Asks for the latest messages of the room, and who is in it. The answer comes after all that was missed. */
async function enter(): Promise<void> {
  complete = false;
  const entering = ++entered;
  const answer = await socket.emitWithAck("enter", room);
  // Another one was asked since then: its answer says more.
  if (!answer.ok || entering !== entered) return;
  messages.addHistory(answer.value.messages);
  showPeople(answer.value.people);
  complete = true;
  const missed = showUnread();
  caughtUp.textContent =
    missed === 0 ? "" : `Caught up ${missed} message${missed === 1 ? "" : "s"}`;
  messages.scrollToUnread();
  noteRead();
}

function switchTo(wanted: string): void {
  room = wanted;
  tab.keep(myName, room);
  showRoom();
  messages.reset(myName, unsent.of(room));
  void enter();
}

function showChat(): void {
  entrance.hidden = true;
  chat.hidden = false;
  messages.reset(myName, unsent.of(room));
  showRoom();
}

function showRoom(): void {
  roomName.textContent = `# ${room}`;
  for (const button of roomList.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset["room"] === room));
  }
  caughtUp.textContent = "";
  textField.placeholder = `Message #${room}`;
  textField.focus();
}

for (const name of rooms) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `# ${name}`;
  button.dataset["room"] = name;
  button.addEventListener("click", () => switchTo(name));
  roomList.append(button);
}

// --- what I have read ---

/** Shows where what I have not seen of this room begins. @returns how many messages that is */
function showUnread(): number {
  const last = lastRead.get(myName, room);
  return last === undefined ? 0 : messages.markUnread(last);
}

function noteRead(): void {
  const { last } = messages;
  if (last === undefined) return;
  if (document.hidden) showUnread();
  else lastRead.set(myName, room, last);
}

document.addEventListener("visibilitychange", () => {
  if (complete) noteRead();
});

// --- who is here ---

function showPeople(list: readonly Person[]): void {
  people.replaceChildren(
    ...list.map(({ name, online: here }) => {
      const item = document.createElement("li");
      item.classList.toggle("away", !here);
      item.textContent = name === myName ? `${name} (you)` : here ? name : `${name} (away)`;
      return item;
    }),
  );
}

let typingEnds: ReturnType<typeof setTimeout> | undefined;

function showTyping(name: string): void {
  typing.textContent = `${name} is typing…`;
  clearTimeout(typingEnds);
  typingEnds = setTimeout(() => {
    typing.textContent = "";
  }, 2000);
}

let typedAt = 0;

textField.addEventListener("input", () => {
  if (Date.now() - typedAt < 1000) return;
  typedAt = Date.now();
  socket.volatile.emit("typing");
});

// --- what I write ---

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = textField.value.trim();
  if (text === "") return;
  textField.value = "";
  const draft: Draft = { id: randomId(), room, text, at: Date.now() };
  unsent.add(draft);
  messages.addDraft(draft);
  caughtUp.textContent = "";
  void send(draft);
});

/** Sends a message until the server has it. It appears as stored when it comes back to the room. */
async function send(draft: Draft): Promise<void> {
  const answer = await socket.emitWithAck("say", draft);
  unsent.remove(draft.id);
  if (answer.ok) return;
  messages.removeDraft(draft.id);
  typing.textContent = answer.why;
  if (textField.value === "") textField.value = draft.text;
}

// --- begin ---

if (myName === "") {
  nameField.focus();
} else {
  // The page was reloaded.
  showChat();
  open();
}
