/**
 * The messages of the room that is shown: as the server orders them, and at the end what I wrote that has not arrived
 * there yet. Everything that others wrote is put in as text, never as HTML.
 */

import type { Draft, Message, OldMessage } from "./events.ts";

/** How far a message of mine has come. */
type Stage = "sending" | "stored" | "delivered";

const ticks: Readonly<Record<Stage, { sign: string; meaning: string }>> = {
  sending: { sign: "…", meaning: "on its way" },
  stored: { sign: "✓", meaning: "stored" },
  delivered: { sign: "✓✓", meaning: "delivered to everyone" },
};

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export class MessageList {
  readonly #list: HTMLOListElement;
  readonly #items = new Map<string, HTMLLIElement>();
  readonly #divider = document.createElement("li");
  #myName = "";

  constructor(list: HTMLOListElement) {
    this.#list = list;
    this.#divider.className = "unread";
  }

  /** Begins anew, with what is on its way. */
  reset(myName: string, drafts: readonly Draft[]): void {
    this.#myName = myName;
    this.#items.clear();
    this.#list.replaceChildren();
    for (const draft of drafts) this.addDraft(draft);
  }

  addDraft(draft: Draft): void {
    this.#divider.remove();
    const item = this.#itemOf({ ...draft, name: this.#myName });
    this.#list.append(item);
    item.scrollIntoView({ block: "end" });
  }

  /** It was refused, and will never be stored. */
  removeDraft(id: string): void {
    this.#items.get(id)?.remove();
    this.#items.delete(id);
  }

  /** A message that has been stored just now: it follows all that were stored before. */
  add(message: Message): void {
    const item = this.#items.get(message.id);
    if (item !== undefined && stageOf(item) !== "sending") return;
    const { scrollHeight, scrollTop, clientHeight } = this.#list;
    const atEnd = scrollHeight - scrollTop - clientHeight < 80;
    const added = this.#stored(message, "stored");
    this.#list.insertBefore(added, this.#firstSending());
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** The latest messages of the room. What is shown and newer than they are stays behind them. */
  addHistory(messages: readonly OldMessage[]): void {
    const before = this.#firstNewerThan(new Set(messages.map(({ id }) => id)));
    for (const message of messages) {
      const item = this.#stored(message, message.delivered ? "delivered" : "stored");
      this.#list.insertBefore(item, before);
    }
  }

  /** Everybody has it. */
  delivered(id: string): void {
    const item = this.#items.get(id);
    if (item !== undefined) showStage(item, "delivered");
  }

  /** The message that was stored last. */
  get last(): string | undefined {
    return this.#inOrder().at(-1);
  }

  /** Shows where what I have not read begins. @returns how many messages of others that is */
  markUnread(lastRead: string): number {
    const ids = this.#inOrder();
    const unread = ids.slice(ids.indexOf(lastRead) + 1).filter((id) => !this.#isMine(id));
    const first = this.#items.get(unread[0] ?? "");
    this.#divider.remove();
    if (first !== undefined) {
      this.#divider.textContent =
        unread.length === 1 ? "1 new message" : `${unread.length} new messages`;
      this.#list.insertBefore(this.#divider, first);
    }
    return unread.length;
  }

  /** As far up as there is something that I have not read; to the end, when I have read it all. */
  scrollToUnread(): void {
    this.#list.scrollTop = this.#list.scrollHeight;
    if (this.#divider.isConnected) this.#divider.scrollIntoView({ block: "start" });
  }

  /** The ids of what is stored, as it is shown. */
  #inOrder(): string[] {
    const items = [...this.#list.querySelectorAll<HTMLElement>("[data-id]")];
    return items
      .filter((item) => stageOf(item) !== "sending")
      .map((item) => item.dataset["id"] ?? "");
  }

  #isMine(id: string): boolean {
    return this.#items.get(id)?.classList.contains("mine") === true;
  }

  #firstSending(): Element | null {
    return this.#list.querySelector('[data-stage="sending"]');
  }

  #firstNewerThan(history: ReadonlySet<string>): Element | null {
    const items = [...this.#list.querySelectorAll<HTMLElement>("[data-id]")];
    const isOld = (item: HTMLElement) => history.has(item.dataset["id"] ?? "");
    // What stands before the first that is in both is older than they are.
    const start = items.findIndex(isOld);
    return items.slice(Math.max(start, 0)).find((item) => !isOld(item)) ?? null;
  }

  /** The item of a message, which has come at least so far. */
  #stored(message: Message, stage: Stage): HTMLLIElement {
    const item = this.#items.get(message.id) ?? this.#itemOf(message);
    if (stageOf(item) !== "delivered") showStage(item, stage);
    return item;
  }

  #itemOf({ id, name, text, at }: Message): HTMLLIElement {
    const item = document.createElement("li");
    item.dataset["id"] = id;
    item.classList.toggle("mine", name === this.#myName);
    const author = textElement("span", "author", name);
    const time = textElement("time", "", clock.format(at));
    time.dateTime = new Date(at).toISOString();
    item.append(author, time, textElement("p", "", text));
    showStage(item, "sending");
    this.#items.set(id, item);
    return item;
  }
}

function textElement<Tag extends "p" | "span" | "time">(
  tag: Tag,
  className: string,
  text: string,
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  element.textContent = text;
  return element;
}

function stageOf(item: HTMLElement): string | undefined {
  return item.dataset["stage"];
}

/** Only what I wrote has a tick. */
function showStage(item: HTMLElement, stage: Stage): void {
  item.dataset["stage"] = stage;
  if (!item.classList.contains("mine")) return;
  let tick = item.querySelector<HTMLElement>(".tick");
  if (tick === null) {
    tick = textElement("span", "tick", "");
    tick.setAttribute("role", "img");
    item.querySelector("time")?.after(tick);
  }
  const { sign, meaning } = ticks[stage];
  tick.textContent = sign;
  tick.title = meaning;
  tick.setAttribute("aria-label", meaning);
}
