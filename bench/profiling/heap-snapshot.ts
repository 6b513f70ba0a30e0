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

/** Objects and functions have a name of their own; everything else is named after its owner. */
const named = new Set(["object", "closure", "native", "regexp"]);

export function sumHeap({ snapshot, nodes, edges, strings }: HeapSnapshot): HeapRow[] {
  const { node_fields, node_types, edge_fields, edge_types } = snapshot.meta;
  const width = node_fields.length;
  const edgeWidth = edge_fields.length;
  const field = (name: string) => node_fields.indexOf(name);
  const [type, name, size, edgeCount] = ["type", "name", "self_size", "edge_count"].map(field);
  if (type === undefined || name === undefined || size === undefined || edgeCount === undefined) {
    throw new Error("a heap snapshot of an unknown form");
  }
  const typeNames = node_types[type] as readonly string[];
  const edgeTypeNames = edge_types[0] as readonly string[];
  const valueAt = (node: number, offset: number) => nodes[node + offset] ?? 0;
  const typeOf = (node: number) => typeNames[valueAt(node, type)] ?? "";
  const isNamed = (node: number) => named.has(typeOf(node));
  const nameOf = (node: number) => {
    const text = strings[valueAt(node, name)]?.slice(0, 60) ?? "";
    return typeOf(node) === "closure" ? `function ${text}` : text;
  };

  const owners = new Map<number, string>();
  let edge = 0;
  for (let node = 0; node < nodes.length; node += width) {
    for (let left = valueAt(node, edgeCount); left > 0; left -= 1, edge += edgeWidth) {
      const to = edges[edge + 2] ?? 0;
      const edgeType = edgeTypeNames[edges[edge] ?? 0] ?? "";
      if (edgeType === "weak" || isNamed(to) || owners.has(to) || !isNamed(node)) continue;
      const index = edges[edge + 1] ?? 0;
      const by = edgeType === "element" || edgeType === "hidden" ? "[]" : `.${strings[index]}`;
      owners.set(to, `${nameOf(node)}${by}`);
    }
  }

  const rows = new Map<string, { count: number; bytes: number }>();
  for (let node = 0; node < nodes.length; node += width) {
    const owner = owners.get(node) ?? "(nobody with a name)";
    const label = isNamed(node) ? nameOf(node) : `  ${owner} (${typeOf(node)})`;
    const row = rows.get(label) ?? { count: 0, bytes: 0 };
    row.count += 1;
    row.bytes += valueAt(node, size);
    rows.set(label, row);
  }
  return [...rows].map(([label, row]) => ({ label, ...row })).sort((a, b) => b.bytes - a.bytes);
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
    "bytes per connection, how many, what (indented: arrays, strings and the like, by their owner)",
    `${(all / clients).toFixed(0).padStart(7)}          in all`,
    ...grown.slice(0, top).map(line),
  ].join("\n");
}
