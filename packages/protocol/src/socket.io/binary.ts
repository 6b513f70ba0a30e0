/** Bytes inside event data: found here, taken out of it for sending, and put back into what was received. */

import { ProtocolError } from "../errors.ts";
import { attachmentsMaxDefault } from "./packet.ts";

/** Recursion is fast, but its stack is not ours to use up. */
const recursionMax = 1000;

/** In a loop over keys this is a good deal cheaper than Object.hasOwn. */
const hasOwn = Object.prototype.hasOwnProperty;

const notFound = 0;
const found = 1;
const tooDeep = 2;

function isBinary(value: object): value is ArrayBuffer | ArrayBufferView {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
}

function hasToJson(value: { toJSON?: unknown }): value is { toJSON(): unknown } {
  return typeof value.toJSON === "function";
}

/** @returns whether an ArrayBuffer or a view of one (a Buffer is one) is anywhere inside, as JSON would walk it. */
export function hasBinary(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const result = look(value, 0);
  // From the top again, and remembering: what is so deep is most often a cycle.
  return result === tooDeep ? lookRemembering(value) : result === found;
}

function look(value: object, depth: number): number {
  if (depth === recursionMax) return tooDeep;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      if (typeof item !== "object" || item === null) continue;
      const result = look(item, depth + 1);
      if (result !== notFound) return result;
    }
    return notFound;
  }
  if (isBinary(value)) return found;
  if (hasToJson(value)) {
    if (value instanceof Date) return notFound;
    const json = value.toJSON();
    return typeof json === "object" && json !== null ? lookInside(json, depth + 1) : notFound;
  }
  return lookAtProperties(value, depth);
}

/** The result of `toJSON` is not asked for its own `toJSON`, as in JSON.stringify. */
function lookInside(value: object, depth: number): number {
  if (Array.isArray(value)) return look(value, depth);
  return isBinary(value) ? found : lookAtProperties(value, depth);
}

function lookAtProperties(value: object, depth: number): number {
  for (const key in value) {
    const item: unknown = (value as Record<string, unknown>)[key];
    if (typeof item !== "object" || item === null || !hasOwn.call(value, key)) continue;
    const result = look(item, depth + 1);
    if (result !== notFound) return result;
  }
  return notFound;
}

function lookRemembering(root: object): boolean {
  const seen = new Set<object>();
  const pending: object[] = [root];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    if (isBinary(value)) return true;
    const json = !Array.isArray(value) && hasToJson(value) ? value.toJSON() : value;
    if (typeof json !== "object" || json === null) continue;
    if (isBinary(json)) return true;
    for (const item of Object.values(json)) {
      if (typeof item === "object" && item !== null) pending.push(item);
    }
  }
  return false;
}

/**
 * @returns a copy of `data` with a placeholder for each binary value, which is added to `attachments`.
 * @throws ProtocolError for too many attachments; TypeError, as JSON.stringify does, for a circular value.
 */
export function takeAttachments(data: unknown, attachments: Uint8Array[]): unknown {
  return take(data, attachments, 0);
}

function take(value: unknown, attachments: Uint8Array[], depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth === recursionMax) {
    throw new TypeError(
      `Data with binary is circular or nested deeper than ${recursionMax} levels`,
    );
  }
  if (isBinary(value)) return addAttachment(value, attachments);
  if (Array.isArray(value)) return value.map((item) => take(item, attachments, depth + 1));
  if (value instanceof Date) return value;
  if (hasToJson(value)) return takeInside(value.toJSON(), attachments, depth + 1);
  return takeFromProperties(value, attachments, depth);
}

function takeInside(value: unknown, attachments: Uint8Array[], depth: number): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value) || isBinary(value)) {
    return take(value, attachments, depth);
  }
  return takeFromProperties(value, attachments, depth);
}

/** Made of entries, for assignment would set the prototype by a key `__proto__` and stumble over a frozen one. */
function takeFromProperties(value: object, attachments: Uint8Array[], depth: number): unknown {
  const entries: [string, unknown][] = Object.entries(value);
  for (const entry of entries) entry[1] = take(entry[1], attachments, depth + 1);
  return Object.fromEntries(entries);
}

function addAttachment(value: ArrayBuffer | ArrayBufferView, attachments: Uint8Array[]): unknown {
  if (attachments.length === attachmentsMaxDefault) {
    throw new ProtocolError("HF_ATTACHMENTS_TOO_MANY", `more than ${attachmentsMaxDefault}`);
  }
  attachments.push(asBytes(value));
  return { _placeholder: true, num: attachments.length - 1 };
}

function asBytes(value: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value))
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return new Uint8Array(value);
}

/** A place in received data that waits for an attachment. */
export interface Slot {
  readonly parent: object;
  readonly key: string | number;
  readonly index: number;
}

/**
 * Finds the placeholders in parsed JSON, with an own stack: its depth is the peer's choice.
 * @throws ProtocolError for a placeholder whose number is not the index of an attachment of its own.
 */
export function findSlots(data: readonly unknown[], attachmentCount: number): Slot[] {
  const slots: Slot[] = [];
  const used = new Set<number>();
  const pending: object[] = [data];
  for (let parent = pending.pop(); parent !== undefined; parent = pending.pop()) {
    if (Array.isArray(parent)) {
      for (let i = 0; i < parent.length; i++) visit(parent, i, parent[i]);
    } else {
      for (const [key, item] of Object.entries(parent)) visit(parent, key, item);
    }
  }
  return slots;

  function visit(parent: object, key: string | number, item: unknown): void {
    if (typeof item !== "object" || item === null || isBinary(item)) return;
    if (!("_placeholder" in item) || item._placeholder !== true) {
      pending.push(item);
      return;
    }
    const index = placeholderIndex(item, attachmentCount);
    // Encoders number every occurrence. Let through, a repeat would make us send what we received once many times over.
    if (used.has(index)) throw new ProtocolError("HF_PLACEHOLDER_INVALID", `num ${index} twice`);
    used.add(index);
    slots.push({ parent, key, index });
  }
}

function placeholderIndex(placeholder: object, attachmentCount: number): number {
  const num: unknown = "num" in placeholder ? placeholder.num : undefined;
  if (typeof num === "number" && Number.isInteger(num) && num >= 0 && num < attachmentCount)
    return num;
  const detail = `num ${String(JSON.stringify(num))} of ${attachmentCount}`;
  throw new ProtocolError("HF_PLACEHOLDER_INVALID", detail);
}

/** The keys were found as own ones, so writing to them reaches no setter, not even that of `__proto__`. */
export function fillSlots(slots: readonly Slot[], attachments: readonly Uint8Array[]): void {
  for (const { parent, key, index } of slots) {
    (parent as Record<string | number, unknown>)[key] = attachments[index];
  }
}
