/**
 * A map, shown as the object that npm engine.io has in its place.
 *
 * An object with thousands of keys that come and go is slow at both: V8 looks each key up in a table of all names
 * of the process first. (Measured: a thirtieth of a handshake.)
 */

/** @returns an object without a prototype whose properties are the entries of `map`, for reading and for writing. */
export function recordOf<Value>(map: Map<string, Value>): Record<string, Value> {
  const record: Record<string, Value> = Object.create(null);
  return new Proxy(record, {
    get: (_record, key) => (typeof key === "string" ? map.get(key) : undefined),
    has: (_record, key) => typeof key === "string" && map.has(key),
    ownKeys: () => [...map.keys()],
    set(_record, key, value: Value) {
      if (typeof key !== "string") return false;
      map.set(key, value);
      return true;
    },
    deleteProperty(_record, key) {
      if (typeof key === "string") map.delete(key);
      return true;
    },
    getOwnPropertyDescriptor(_record, key) {
      if (typeof key !== "string" || !map.has(key)) return undefined;
      return { value: map.get(key), writable: true, enumerable: true, configurable: true };
    },
  });
}
