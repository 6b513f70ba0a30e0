/**
 * The names of compiled code, from the file that `node --perf-basic-prof` writes.
 *
 * Code memory is reused, so an address can have several names in the file: the one written last
 * holds. (perf itself takes any of them.)
 */
import { readFileSync } from "node:fs";

interface Code {
  readonly from: bigint;
  readonly to: bigint;
  readonly name: string;
}

const pageBits = 12n;

export class JitMap {
  readonly #byPage = new Map<bigint, Code[]>();

  constructor(file: string) {
    for (const line of readFileSync(file, "utf8").split("\n")) {
      const found = /^([0-9a-f]+) ([0-9a-f]+) (.*)$/i.exec(line);
      if (found?.[1] === undefined || found[2] === undefined || found[3] === undefined) continue;
      const from = BigInt(`0x${found[1]}`);
      this.#insert({ from, to: from + BigInt(`0x${found[2]}`), name: found[3] });
    }
  }

  #insert(code: Code): void {
    for (let page = code.from >> pageBits; page <= (code.to - 1n) >> pageBits; page += 1n) {
      const codes = this.#byPage.get(page);
      if (codes === undefined) this.#byPage.set(page, [code]);
      else codes.push(code);
    }
  }

  nameOf(address: bigint): string | undefined {
    const codes = this.#byPage.get(address >> pageBits);
    return codes?.findLast(({ from, to }) => address >= from && address < to)?.name;
  }
}
