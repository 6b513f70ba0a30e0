/** Makes the index of a sealed segment again. What is damaged by now becomes a hole, so that whoever reads is told. */
import type { DiskFile } from "../disk.ts";
import { SegmentScanner } from "./scan.ts";
import { type Segment, segmentHeadBytes } from "./segment.ts";
import { SegmentIndex } from "./segment-index.ts";

export async function rebuildIndex(file: DiskFile, segment: Segment): Promise<SegmentIndex> {
  const scanner = new SegmentScanner(file, segment.seed, segment.end);
  const index = new SegmentIndex();
  const last = new Map<number, number>();
  for (const [stream, { first }] of segment.ranges) last.set(stream, first - 1);

  for (let place = segmentHeadBytes; place < segment.end; ) {
    const frame = await scanner.nextFrame(place);
    if (frame === undefined) break;
    place = frame.place + frame.length;
    const before = last.get(frame.stream);
    if ((frame.entry === undefined && frame.session === undefined) || before === undefined)
      continue;
    if (frame.offset > before + 1) {
      index.holes.push({ stream: frame.stream, from: before, to: frame.offset - 1 });
    }
    last.set(frame.stream, frame.offset);
    if (frame.entry !== undefined) {
      index.add(frame.stream, frame.offset, frame.place, frame.ageMs, frame.entry.tags);
    }
  }
  for (const [stream, range] of segment.ranges) {
    const reached = last.get(stream) ?? range.first - 1;
    if (reached < range.last) index.holes.push({ stream, from: reached, to: range.last });
  }
  return index;
}
