/** What the page keeps over reloads: who I am, what I have read, and what I wrote that has not arrived yet. */

import type { Draft } from "./events.ts";

/** Not `crypto.randomUUID`: that is only there on https and localhost. */
export function randomId(): string {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Names this browser. It is a secret: whoever sends it is taken for me. */
export function deviceKey(): string {
  const known = localStorage.getItem("device");
  if (known !== null) return known;
  const key = randomId();
  localStorage.setItem("device", key);
  return key;
}

/** Each tab has a name and a room of its own. */
export const tab = {
  get name(): string | undefined {
    return sessionStorage.getItem("name") ?? undefined;
  },
  get room(): string | undefined {
    return sessionStorage.getItem("room") ?? undefined;
  },
  keep(name: string, room: string): void {
    sessionStorage.setItem("name", name);
    sessionStorage.setItem("room", room);
  },
};

/** The last message of each room that I have seen. */
export const lastRead = {
  get(name: string, room: string): string | undefined {
    return localStorage.getItem(`read ${room} ${name}`) ?? undefined;
  },
  set(name: string, room: string, id: string): void {
    localStorage.setItem(`read ${room} ${name}`, id);
  },
};

/** What I wrote and the server has not answered: sent again by the page that comes next. */
export const unsent = {
  all(): Draft[] {
    return JSON.parse(sessionStorage.getItem("unsent") ?? "[]") as Draft[];
  },
  of(room: string): Draft[] {
    return unsent.all().filter((draft) => draft.room === room);
  },
  add(draft: Draft): void {
    sessionStorage.setItem("unsent", JSON.stringify([...unsent.all(), draft]));
  },
  remove(id: string): void {
    const left = unsent.all().filter((draft) => draft.id !== id);
    sessionStorage.setItem("unsent", JSON.stringify(left));
  },
};
