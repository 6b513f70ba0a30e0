/** Sums a V8 heap snapshot: what lies on the heap per connection, by constructor and by owner. */

interface SnapshotMeta {
  readonly node_fields: readonly string[];
  readonly node_types: readonly (readonly string[] | string)[];
  readonly edge_fields: readonly string[];
  readonly edge_types: readonly (readonly string[] | string)[];
}

export interface HeapSnapshot {
  readonly snapshot: { readonly meta: SnapshotMeta };
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  readonly strings: readonly string[];
}

export interface HeapRow {
  readonly label: string;
  readonly count: number;
  readonly bytes: number;
}

/** Instances of these say nothing by their own name: they go by the path from their owner. */
const plain = new Set(["Object", "Array", "Map", "Set", "system / Context"]);
const named = new Set(["object", "closure", "native", "regexp"]);
const pathParts = 4;

type Column = "type" | "name" | "self_size" | "edge_count";

/** The flat arrays of a snapshot, with names for their columns. Nodes are offsets. */
class Heap {
  readonly #source: HeapSnapshot;
  readonly #columns: Record<Column, number>;
  readonly #nodeTypes: readonly string[];
  readonly #edgeTypes: readonly string[];
  readonly nodes: readonly number[];
  /** Where the edges of a node start. */
  readonly #edgesAt = new Map<number, number>();
  readonly #edgeWidth: number;

  constructor(source: HeapSnapshot) {
    const { node_fields, node_types, edge_fields, edge_types } = source.snapshot.meta;
    const column = (name: string) => node_fields.indexOf(name);
    this.#source = source;
    this.#columns = {
      type: column("type"),
      name: column("name"),
      self_size: column("self_size"),
      edge_count: column("edge_count"),
    };
    this.#nodeTypes = node_types[0] as readonly string[];
    this.#edgeTypes = edge_types[0] as readonly string[];
    this.#edgeWidth = edge_fields.length;
    const width = node_fields.length;
    this.nodes = Array.from({ length: source.nodes.length / width }, (_, index) => index * width);
    let at = 0;
    for (const node of this.nodes) {
      this.#edgesAt.set(node, at);
      at += this.#value(node, "edge_count") * this.#edgeWidth;
    }
  }

  #value(node: number, column: Column): number {
    return this.#source.nodes[node + this.#columns[column]] ?? 0;
  }

  typeOf(node: number): string {
    return this.#nodeTypes[this.#value(node, "type")] ?? "";
  }

  nameOf(node: number): string {
    const text = this.#source.strings[this.#value(node, "name")]?.slice(0, 60) ?? "";
    return this.typeOf(node) === "closure" ? `function ${text}` : text;
  }

  bytesOf(node: number): number {
    return this.#value(node, "self_size");
  }

  *edgesOf(node: number): Generator<{ readonly to: number; readonly by: string }> {
    const { edges, strings } = this.#source;
    const from = this.#edgesAt.get(node) ?? 0;
    const end = from + this.#value(node, "edge_count") * this.#edgeWidth;
    for (let at = from; at < end; at += this.#edgeWidth) {
      const type = this.#edgeTypes[edges[at] ?? 0] ?? "";
      if (type === "weak" || type === "shortcut") continue;
      const numbered = type === "element" || type === "hidden";
      yield { to: edges[at + 2] ?? 0, by: numbered ? "[]" : `.${strings[edges[at + 1] ?? 0]}` };
    }
  }
}

export function sumHeap(snapshot: HeapSnapshot): HeapRow[] {
  const heap = new Heap(snapshot);
  const labels = labelsOf(heap);
  const rows = new Map<string, { count: number; bytes: number }>();
  for (const node of heap.nodes) {
    const label = labels.get(node) ?? `(nobody with a name) (${heap.typeOf(node)})`;
    const row = rows.get(label) ?? { count: 0, bytes: 0 };
    row.count += 1;
    row.bytes += heap.bytesOf(node);
    rows.set(label, row);
  }
  return [...rows].map(([label, row]) => ({ label, ...row }));
}

/** Breadth first from what has a name, so that the shortest path names the rest. */
function labelsOf(heap: Heap): Map<number, string> {
  const isNamed = (node: number) => named.has(heap.typeOf(node)) && !plain.has(heap.nameOf(node));
  const labels = new Map<number, string>();
  let ring: { readonly node: number; readonly path: string }[] = [];
  for (const node of heap.nodes) {
    if (!isNamed(node)) continue;
    labels.set(node, heap.nameOf(node));
    ring.push({ node, path: heap.nameOf(node) });
  }
  for (let part = 0; part < pathParts; part += 1) {
    const next: typeof ring = [];
    for (const { node, path } of ring) {
      for (const { to, by } of heap.edgesOf(node)) {
        if (labels.has(to)) continue;
        const kind = plain.has(heap.nameOf(to)) ? heap.nameOf(to) : heap.typeOf(to);
        labels.set(to, `  ${path}${by} (${kind})`);
        next.push({ node: to, path: `${path}${by}` });
      }
    }
    ring = next;
  }
  return labels;
}

/** What `full` has more than `empty`, per connection; less than half an object each is noise. */
export interface HeapGrowth {
  readonly empty: readonly HeapRow[];
  readonly full: readonly HeapRow[];
  readonly clients: number;
}

export function showHeap({ empty, full, clients }: HeapGrowth, top: number): string {
  const before = new Map(empty.map((row) => [row.label, row]));
  const grown = full
    .map(({ label, count, bytes }) => ({
      label,
      count: count - (before.get(label)?.count ?? 0),
      bytes: bytes - (before.get(label)?.bytes ?? 0),
    }))
    .filter(({ count }) => count * 2 >= clients)
    .sort((a, b) => b.bytes - a.bytes);
  const line = ({ label, count, bytes }: HeapRow) =>
    `${(bytes / clients).toFixed(0).padStart(7)}  ${(count / clients).toFixed(1).padStart(6)}  ${label}`;
  const all = grown.reduce((sum, { bytes }) => sum + bytes, 0);
  return [
    "bytes per connection, how many, what (indented: by the path from its owner)",
    `${(all / clients).toFixed(0).padStart(7)}          in all`,
    ...grown.slice(0, top).map(line),
  ].join("\n");
}
