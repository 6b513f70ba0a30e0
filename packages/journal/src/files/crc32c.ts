/**
 * CRC-32C (Castagnoli), the sum that finds what a disk has changed. Eight bytes a step, with a table for each of
 * them. Check value: "123456789" gives 0xE3069283 (RFC 3720, B.4).
 */

/** The tables are constants of a function: those of a module become variables in a bundle, and V8 reads each anew. */
function makeSums() {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = makeTables();

  /** @returns the sum of `bytes`, from 0 to 2^32 - 1 */
  function crc32c(bytes: Uint8Array): number {
    let crc = -1;
    for (const byte of bytes) crc = (crc >>> 8) ^ at(t0, (crc ^ byte) & 0xff);
    return ~crc >>> 0;
  }

  /**
   * The same for words, two of them a step: `from` and `to` are indices of words, an even number of them. The memory is
   * little-endian wherever Node runs. @param start what the register begins with; ~0 gives CRC-32C itself
   */
  function crc32cOfWords(words: Int32Array, from: number, to: number, start = -1): number {
    let crc = start;
    for (let index = from; index < to; index += 2) {
      const low = crc ^ at(words, index);
      const high = at(words, index + 1);
      // Pairs of pairs: as a chain each would wait for the one before it.
      crc =
        at(t3, high & 0xff) ^
        at(t2, (high >>> 8) & 0xff) ^
        (at(t1, (high >>> 16) & 0xff) ^ at(t0, high >>> 24)) ^
        (at(t7, low & 0xff) ^
          at(t6, (low >>> 8) & 0xff) ^
          (at(t5, (low >>> 16) & 0xff) ^ at(t4, low >>> 24)));
    }
    return ~crc >>> 0;
  }

  return { crc32c, crc32cOfWords };
}

type Tables = readonly [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

function makeTables(): Tables {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256)) as unknown as Tables;
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    tables[0][byte] = crc;
  }
  for (const [index, table] of tables.entries()) {
    const former = tables[index - 1];
    if (former === undefined) continue;
    for (let byte = 0; byte < 256; byte++) {
      const crc = at(former, byte);
      table[byte] = (crc >>> 8) ^ at(tables[0], crc & 0xff);
    }
  }
  return tables;
}

/** What stands at an index that is known to be within: `?? 0` would cost a tenth of the sum. */
export function at(words: Int32Array, index: number): number {
  return words[index] as number;
}

export const { crc32c, crc32cOfWords } = makeSums();
