/** The page of the chat. Everything that others wrote is put in as text, never as HTML. */

import type { io as Connect, Socket } from "socket.io-client";
import {
  type AdminEvents,
  type ClientEvents,
  type Message,
  rooms,
  type ServerEvents,
} from "./events.ts";

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
const messageList = find<HTMLOListElement>("messages");
const people = find<HTMLUListElement>("people");
const online = find<HTMLUListElement>("online");
const typing = find("typing");
const composer = find<HTMLFormElement>("composer");
const textField = find<HTMLInputElement>("text");

/** `?transport=polling` keeps to one transport: to see that it works, too. */
const transport = new URLSearchParams(location.search).get("transport");
const options = transport === null ? {} : { transports: [transport] };

nameField.focus();

let room: string = rooms[0];
let myName = "";
let socket: ChatSocket;
let shown = new Set<string>();

entrance.addEventListener("submit", (event) => {
  event.preventDefault();
  myName = nameField.value.trim();
  entranceError.textContent = "";
  open();
});

function open(): void {
  socket?.disconnect();
  socket = io("/", { ...options, auth: { name: myName }, forceNew: true });
  socket.on("connect", () => {
    entrance.hidden = true;
    chat.hidden = false;
    showStatus("online");
    socket.io.engine.on("upgrade", () => showStatus("online"));
    enter(room);
  });
  socket.on("connect_error", (error) => {
    // Refused for good when the socket is no longer active; otherwise it tries again by itself.
    if (socket.active) showStatus("offline");
    else entranceError.textContent = error.message;
  });
  socket.on("disconnect", () => showStatus("offline"));
  socket.on("said", (where, message) => {
    if (where === room) show(message);
  });
  socket.on("here", (where, names) => {
    if (where === room) showNames(names);
  });
  socket.on("typing", (where, name) => {
    if (where === room) showTyping(name);
  });
}

const admin: Socket<AdminEvents> = io("/admin", options);
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

function showStatus(state: "online" | "offline"): void {
  status.dataset["state"] = state;
  status.textContent =
    state === "online" ? `online, ${socket.io.engine.transport.name}` : "offline, trying again";
}

function enter(wanted: string): void {
  socket.emit("enter", wanted, (answer) => {
    if (!answer.ok) return;
    room = wanted;
    roomName.textContent = `# ${room}`;
    for (const button of roomList.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset["room"] === room));
    }
    messageList.replaceChildren();
    shown = new Set();
    answer.value.messages.forEach(show);
    showNames(answer.value.names);
    textField.placeholder = `Message #${room}`;
    textField.focus();
  });
}

for (const name of rooms) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `# ${name}`;
  button.dataset["room"] = name;
  button.addEventListener("click", () => enter(name));
  roomList.append(button);
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

function show(message: Message): void {
  if (shown.has(message.id)) return;
  shown.add(message.id);
  const atEnd = messageList.scrollHeight - messageList.scrollTop - messageList.clientHeight < 80;
  const item = document.createElement("li");
  item.classList.toggle("mine", message.name === myName);
  const author = document.createElement("span");
  author.className = "author";
  author.textContent = message.name;
  const time = document.createElement("time");
  time.dateTime = new Date(message.at).toISOString();
  time.textContent = clock.format(message.at);
  const text = document.createElement("p");
  text.textContent = message.text;
  item.append(author, time, text);
  messageList.append(item);
  if (atEnd) item.scrollIntoView({ block: "end" });
}

function showNames(names: readonly string[]): void {
  people.replaceChildren(
    ...names.map((name) => {
      const item = document.createElement("li");
      item.textContent = name === myName ? `${name} (you)` : name;
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

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = textField.value.trim();
  if (text === "") return;
  textField.value = "";
  socket.emit("say", text, (answer) => {
    if (answer.ok) {
      show(answer.value);
    } else {
      typing.textContent = answer.why;
      if (textField.value === "") textField.value = text;
    }
  });
});
