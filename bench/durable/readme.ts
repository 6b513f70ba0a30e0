/** Puts the table of a full run into the README, between its markers. */
import { readFile, writeFile } from "node:fs/promises";

const start = "<!-- bench-durable:start -->";
const end = "<!-- bench-durable:end -->";

export async function updateReadme(file: string, block: string): Promise<void> {
  const text = await readFile(file, "utf8");
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${file} has no ${start} … ${end}`);
  await writeFile(file, `${text.slice(0, from + start.length)}\n${block}\n${text.slice(to)}`);
}
