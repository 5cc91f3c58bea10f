import {
  CONTAINER_VALUES,
  containerHas,
  expandContainer,
  lowerBound,
  packContainer,
  type RoaringContainer,
} from './roaring-container.js';

/**
 * Positions in one chunk of `positions()`: 128 KiB.
 * @internal exported for tests
 */
export const POSITIONS_PER_CHUNK = 16384;

/** The positions of 65536 neighbouring rows. */
export interface PositionGroup {
  /** Position divided by 65536; below 2^47, so a number holds it. */
  readonly high: number;
  readonly cardinality: number;
  readonly container: RoaringContainer;
}

/**
 * Dead rows of one data file, as positions from 0 in file order. Kept compressed: memory is at most one bit per row of
 * the file, whichever method is called.
 */
export class DeletionVector {
  readonly cardinality: bigint;
  /** Ascending by `high`. */
  readonly #groups: readonly PositionGroup[];

  /** @param groups ascending by `high`, none of them empty, with true cardinalities */
  constructor(groups: readonly PositionGroup[]) {
    this.#groups = groups;
    this.cardinality = groups.reduce((sum, group) => sum + BigInt(group.cardinality), 0n);
  }

  /** The vector of a file without one. */
  static empty(): DeletionVector {
    return new DeletionVector([]);
  }

  /** All positions in ascending order, in chunks of at most POSITIONS_PER_CHUNK. */
  *positions(): Generator<BigInt64Array> {
    const lows = new Uint16Array(CONTAINER_VALUES);
    let chunk = new BigInt64Array(POSITIONS_PER_CHUNK);
    let filled = 0;
    for (const { high, container } of this.#groups) {
      const count = expandContainer(container, lows);
      const base = BigInt(high) * BigInt(CONTAINER_VALUES);
      for (let i = 0; i < count; i++) {
        chunk[filled++] = base + BigInt(lows[i] ?? 0);
        if (filled < POSITIONS_PER_CHUNK) continue;
        yield chunk;
        // A new array each time: the receiver may keep or transfer it.
        chunk = new BigInt64Array(POSITIONS_PER_CHUNK);
        filled = 0;
      }
    }
    if (filled > 0) yield chunk.subarray(0, filled);
  }

  contains(position: bigint): boolean {
    const container = this.#containerAt(Number(position / BigInt(CONTAINER_VALUES)));
    return position >= 0n && container !== null && containerHas(container, Number(position % BigInt(CONTAINER_VALUES)));
  }

  /** The positions in this vector that are not in `other`: what a newer vector deletes beyond an older one. */
  minus(other: DeletionVector): DeletionVector {
    const lows = new Uint16Array(CONTAINER_VALUES);
    const groups: PositionGroup[] = [];
    for (const group of this.#groups) {
      const taken = other.#containerAt(group.high);
      if (taken === null) {
        groups.push(group);
        continue;
      }
      const count = expandContainer(group.container, lows);
      const left = lows.subarray(0, count).filter((low) => !containerHas(taken, low));
      if (left.length > 0) groups.push({ ...group, cardinality: left.length, container: packContainer(left) });
    }
    return new DeletionVector(groups);
  }

  #containerAt(high: number): RoaringContainer | null {
    const found = this.#groups[lowerBound(this.#groups.length, (i) => (this.#groups[i]?.high ?? 0) >= high)];
    return found?.high === high ? found.container : null;
  }
}
