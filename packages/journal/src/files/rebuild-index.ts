/** Makes the index of a sealed segment again. What is damaged by now becomes a hole, so that whoever reads is told. */
import type { DiskFile } from "../disk.ts";
import { frameKinds } from "./frame.ts";
import { SegmentScanner } from "./scan.ts";
import { type Segment, segmentHeadBytes } from "./segment.ts";
import { SegmentIndex } from "./segment-index.ts";

export async function rebuildIndex(file: DiskFile, segment: Segment): Promise<SegmentIndex> {
  const scanner = new SegmentScanner(file, segment.seed, segment.end);
  const index = new SegmentIndex();
  const last = new Map<number, number>();
  for (const [stream, { first }] of segment.ranges) last.set(stream, first - 1);

  for (let place = segmentHeadBytes; await scanner.nextFrame(place); ) {
    const { head } = scanner;
    const { stream, offset, kind } = head;
    place = scanner.place + scanner.length;
    scanner.keepFrom = place;
    const before = last.get(stream);
    const isRecord = kind === frameKinds.entry || kind === frameKinds.session;
    if (!isRecord || before === undefined) continue;
    const texts = kind === frameKinds.entry ? scanner.texts() : undefined;
    if (kind === frameKinds.entry && texts === undefined) continue;
    if (offset > before + 1) index.holes.push({ stream, from: before, to: offset - 1 });
    last.set(stream, offset);
    if (texts !== undefined) index.add(stream, offset, scanner.place, head.ageMs, texts.tags);
  }
  for (const [stream, range] of segment.ranges) {
    const reached = last.get(stream) ?? range.first - 1;
    if (reached < range.last) index.holes.push({ stream, from: reached, to: range.last });
  }
  return index;
}
