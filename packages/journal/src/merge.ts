/**
 * Several ascending lists as one ascending sequence without repeats, or as a descending one: of offsets, or of
 * anything that rises with them. An entry with two wanted tags stands in two lists and comes once. Each step costs
 * the logarithm of the number of lists.
 */

/** An ascending list of numbers. */
export interface Ascending {
  /** @returns undefined before the first one and after the last one */
  at(index: number): number | undefined;
}

/** An ascending list of offsets, from memory or from an index on disk. */
export interface Offsets extends Ascending {
  readonly size: number;
  /** @returns the index of the first offset greater than `offset`; `size` when there is none */
  indexAfter(offset: number): number;
}

interface Cursor {
  readonly list: Ascending;
  index: number;
  value: number;
}

export interface MergeOptions {
  /** Forward: offsets after this one. Backward: before it. */
  readonly from: number;
  readonly direction: "forward" | "backward";
}

/** A list, and the index with which it begins. */
export interface MergeStart {
  readonly list: Ascending;
  readonly index: number;
}

/** The index of the first offset of a list that is wanted. */
export function startIn(list: Offsets, from: number, direction: MergeOptions["direction"]): number {
  return direction === "forward" ? list.indexAfter(from) : list.indexAfter(from - 1) - 1;
}

export function mergeOffsets(lists: Iterable<Offsets>, options: MergeOptions): Generator<number> {
  const starts: MergeStart[] = [];
  for (const list of lists)
    starts.push({ list, index: startIn(list, options.from, options.direction) });
  return merge(starts, options.direction);
}

export function* merge(
  starts: readonly MergeStart[],
  direction: MergeOptions["direction"],
): Generator<number> {
  const sign = direction === "forward" ? 1 : -1;
  const heap: Cursor[] = [];
  for (const { list, index } of starts) {
    const value = list.at(index);
    if (value !== undefined) push(heap, { list, index, value: value * sign });
  }

  let last: number | undefined;
  for (let top = heap[0]; top !== undefined; top = heap[0]) {
    const value = top.value * sign;
    if (value !== last) yield value;
    last = value;
    top.index += sign;
    const next = top.list.at(top.index);
    if (next === undefined) removeTop(heap);
    else {
      top.value = next * sign;
      sink(heap, 0);
    }
  }
}

function push(heap: Cursor[], cursor: Cursor): void {
  let child = heap.push(cursor) - 1;
  while (child > 0) {
    const parent = (child - 1) >> 1;
    if (!swapWhenLess(heap, child, parent)) return;
    child = parent;
  }
}

function removeTop(heap: Cursor[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  heap[0] = last;
  sink(heap, 0);
}

function sink(heap: Cursor[], from: number): void {
  for (let parent = from; ; ) {
    const left = parent * 2 + 1;
    const right = left + 1;
    const leftValue = heap[left]?.value;
    if (leftValue === undefined) return;
    const least = (heap[right]?.value ?? Number.POSITIVE_INFINITY) < leftValue ? right : left;
    if (!swapWhenLess(heap, least, parent)) return;
    parent = least;
  }
}

/** @returns whether the child was less, and is now the parent */
function swapWhenLess(heap: Cursor[], child: number, parent: number): boolean {
  const a = heap[child];
  const b = heap[parent];
  if (a === undefined || b === undefined || a.value >= b.value) return false;
  heap[child] = b;
  heap[parent] = a;
  return true;
}
