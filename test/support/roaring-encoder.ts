/** How `encodeVector` writes containers: like writers that know runs, or like those that do not. */
export type RunStyle = 'none' | 'where-shorter' | 'always';

const MAGIC = 1681511377;

/**
 * A deletion vector's blob for `positions`: a simple encoder, written from the format specification independently of
 * the decoder.
 */
export function encodeVector(positions: Iterable<bigint>, runStyle: RunStyle = 'where-shorter', magic = MAGIC): Buffer {
  const sorted = [...new Set(positions)].sort((a, b) => (a < b ? -1 : 1));
  const buckets = groupBy(sorted, (position) => Number(position >> 32n));
  const parts = [uint32(magic), uint64(BigInt(buckets.size))];
  for (const [bucket, members] of buckets) {
    parts.push(
      uint32(bucket),
      encodeBitmap(
        members.map((position) => Number(position & 0xffffffffn)),
        runStyle,
      ),
    );
  }
  return Buffer.concat(parts);
}

function encodeBitmap(values: readonly number[], runStyle: RunStyle): Buffer {
  const containers = [...groupBy(values, (value) => Math.floor(value / 65536))].map(([key, members]) => {
    const lows = members.map((value) => value % 65536);
    const runs = runsOf(lows);
    const plainBytes = lows.length <= 4096 ? lows.length * 2 : 8192;
    const isRun = runStyle === 'always' || (runStyle === 'where-shorter' && 2 + runs.length * 4 < plainBytes);
    return { key, cardinality: lows.length, isRun, body: isRun ? encodeRuns(runs) : encodePlain(lows) };
  });
  const hasRuns = containers.some((container) => container.isRun);
  const head: Buffer[] = [];
  if (hasRuns) {
    const flags = Buffer.alloc(Math.ceil(containers.length / 8));
    for (const [i, { isRun }] of containers.entries()) if (isRun) flags[i >> 3] = (flags[i >> 3] ?? 0) | (1 << (i & 7));
    head.push(uint32(12347 + (containers.length - 1) * 65536), flags);
  } else {
    head.push(uint32(12346), uint32(containers.length));
  }
  for (const { key, cardinality } of containers) head.push(uint16(key), uint16(cardinality - 1));
  if (!hasRuns || containers.length >= 4) {
    let offset = Buffer.concat(head).length + containers.length * 4;
    for (const { body } of containers) {
      head.push(uint32(offset));
      offset += body.length;
    }
  }
  return Buffer.concat([...head, ...containers.map((container) => container.body)]);
}

function encodePlain(lows: readonly number[]): Buffer {
  if (lows.length <= 4096) return Buffer.concat(lows.map(uint16));
  const bits = Buffer.alloc(8192);
  for (const low of lows) bits[low >> 3] = (bits[low >> 3] ?? 0) | (1 << (low & 7));
  return bits;
}

function encodeRuns(runs: readonly (readonly [number, number])[]): Buffer {
  return Buffer.concat([uint16(runs.length), ...runs.flatMap(([start, end]) => [uint16(start), uint16(end - start)])]);
}

function runsOf(lows: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const low of lows) {
    const last = runs.at(-1);
    if (last && last[1] + 1 === low) last[1] = low;
    else runs.push([low, low]);
  }
  return runs;
}

function groupBy<Value>(values: readonly Value[], keyOf: (value: Value) => number): Map<number, Value[]> {
  const groups = new Map<number, Value[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group) group.push(value);
    else groups.set(keyOf(value), [value]);
  }
  return groups;
}

function uint16(value: number): Buffer {
  return Buffer.from([value & 0xff, value >> 8]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
