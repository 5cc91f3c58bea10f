import fc from 'fast-check';
import { it } from 'vitest';
import type { DeletionVector } from '../../src/lake/deletion-vectors/deletion-vector.js';
import { decodeDeletionVector } from '../../src/lake/deletion-vectors/roaring-bitmap.js';
import { propertySeed } from '../support/property-seed.js';
import { encodeVector, type RunStyle } from '../support/roaring-encoder.js';

// Goal: any set of positions comes back from its blob unchanged, and sets subtract like sets.

const seed = propertySeed('deletion vectors');

/** Single positions, stretches (runs, full containers) and dense random parts (bitmaps), over several buckets. */
const stretch = fc
  .record({
    start: fc.oneof(fc.integer({ min: 0, max: 400_000 }), fc.integer({ min: 2 ** 32 - 70_000, max: 2 ** 34 })),
    length: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 20_000 })),
    step: fc.integer({ min: 1, max: 9 }),
  })
  .map(({ start, length, step }) => Array.from({ length }, (_, i) => BigInt(start + i * step)));
const positionSet = fc.array(stretch, { maxLength: 5 }).map((parts) => new Set(parts.flat()));
const runStyle = fc.constantFrom<RunStyle>('none', 'where-shorter', 'always');

function positionsOf(vector: DeletionVector): bigint[] {
  return [...vector.positions()].flatMap((chunk) => [...chunk]);
}

function sorted(positions: Iterable<bigint>): bigint[] {
  return [...positions].sort((a, b) => (a < b ? -1 : 1));
}

function sameList(found: readonly bigint[], wanted: readonly bigint[]): boolean {
  return found.length === wanted.length && found.every((position, i) => position === wanted[i]);
}

it('decodes what a simple encoder wrote', () => {
  fc.assert(
    fc.property(positionSet, runStyle, fc.bigInt({ min: -1n, max: 2n ** 35n }), (positions, style, probe) => {
      const vector = decodeDeletionVector(encodeVector(positions, style));
      const near = [...positions].slice(0, 50).flatMap((position) => [position - 1n, position, position + 1n]);
      return (
        vector.cardinality === BigInt(positions.size) &&
        sameList(positionsOf(vector), sorted(positions)) &&
        [probe, ...near].every((position) => vector.contains(position) === positions.has(position))
      );
    }),
    { seed, numRuns: 100 },
  );
});

it('subtracts like sets', () => {
  fc.assert(
    fc.property(positionSet, positionSet, runStyle, runStyle, (common, own, style, otherStyle) => {
      const kept = [...common].filter((position) => position % 3n !== 0n);
      const left = new Set([...common, ...own]);
      const right = new Set(kept);
      const difference = decodeDeletionVector(encodeVector(left, style)).minus(
        decodeDeletionVector(encodeVector(right, otherStyle)),
      );
      const wanted = sorted([...left].filter((position) => !right.has(position)));
      return difference.cardinality === BigInt(wanted.length) && sameList(positionsOf(difference), wanted);
    }),
    { seed, numRuns: 60 },
  );
});

it('never delivers positions of a blob with a changed byte that still decodes, out of order', () => {
  fc.assert(
    fc.property(positionSet, runStyle, fc.nat(), fc.integer({ min: 1, max: 255 }), (positions, style, at, change) => {
      const blob = encodeVector(positions, style);
      const index = at % blob.length;
      blob[index] = (blob[index] ?? 0) ^ change;
      let vector: DeletionVector;
      try {
        vector = decodeDeletionVector(blob);
      } catch (error) {
        return (error as Error).name === 'MalformedBytes';
      }
      const found = positionsOf(vector);
      return (
        BigInt(found.length) === vector.cardinality &&
        found.every((position, i) => i === 0 || position > (found[i - 1] ?? position))
      );
    }),
    { seed, numRuns: 100 },
  );
});
