/**
 * Offsets of several ascending lists as one ascending sequence without repeats, or as a descending one. An entry
 * with two wanted tags stands in two lists and comes once. Each step costs the logarithm of the number of lists.
 */

/** An ascending list, from memory or from an index on disk. */
export interface Offsets {
  readonly size: number;
  at(index: number): number | undefined;
  /** @returns the index of the first offset greater than `offset`; `size` when there is none */
  indexAfter(offset: number): number;
}

interface Cursor {
  readonly list: Offsets;
  index: number;
  value: number;
}

export interface MergeOptions {
  /** Forward: offsets after this one. Backward: before it. */
  readonly from: number;
  readonly direction: "forward" | "backward";
}

export function* mergeOffsets(lists: Iterable<Offsets>, options: MergeOptions): Generator<number> {
  const sign = options.direction === "forward" ? 1 : -1;
  const heap: Cursor[] = [];
  for (const list of lists) {
    const index =
      sign === 1 ? list.indexAfter(options.from) : list.indexAfter(options.from - 1) - 1;
    const value = list.at(index);
    if (value !== undefined) push(heap, { list, index, value: value * sign });
  }

  let last: number | undefined;
  for (let top = heap[0]; top !== undefined; top = heap[0]) {
    const offset = top.value * sign;
    if (offset !== last) yield offset;
    last = offset;
    top.index += sign;
    const value = top.list.at(top.index);
    if (value === undefined) removeTop(heap);
    else {
      top.value = value * sign;
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
