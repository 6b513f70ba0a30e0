/** Lists of rows. Goal: a list is the same however long it gets, and whatever it was made from. */
import { expect, it } from "vitest";
import { RowList, Rows } from "./rows.ts";

const count = 5_000;

function rowsOf(length: number): Rows {
  const rows = new Rows();
  for (let n = 0; n < length; n++) rows.add(1, 10 * n, n, 0);
  return rows;
}

function everything(list: RowList): number[] {
  const copy = new Uint32Array(list.size + 1);
  expect(list.copyTo(copy, 1)).toBe(list.size + 1);
  return [...copy.subarray(1)];
}

it("has each row that was added, in any length", () => {
  const rows = rowsOf(count);
  const list = new RowList(rows);
  expect(list.last).toBeUndefined();
  for (let row = 0; row < count; row++) {
    list.add(row);
    if (list.last !== row || list.size !== row + 1) throw new Error(`row ${row} is not the last`);
    // What is behind its end is room that it has, no row.
    if (list.at(row + 1) !== undefined || list.rows.at(row + 1) !== undefined) {
      throw new Error(`there is a row behind ${row}`);
    }
  }
  expect(everything(list)).toEqual(Array.from({ length: count }, (_, row) => row));
  expect(list.at(count - 1)).toBe(10 * (count - 1));
  expect(list.indexAfter(10 * count)).toBe(count);
  expect(list.indexAfter(20)).toBe(3);
});

it("goes on where a list of a file ends, and leaves that as it is", () => {
  const rows = rowsOf(20);
  const file = Uint32Array.from({ length: 20 }, (_, row) => row);
  const list = new RowList(rows, file.subarray(0, 4));
  list.add(9);
  list.add(12);
  expect(everything(list)).toEqual([0, 1, 2, 3, 9, 12]);
  expect(list.indexAfter(90)).toBe(5);
  expect([...file]).toEqual(Array.from({ length: 20 }, (_, row) => row));
});
