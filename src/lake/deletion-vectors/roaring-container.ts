import { assertNever } from '../../core/assert-never.js';
import { MalformedBytes } from './byte-cursor.js';

/** Values per container: the low 16 bits of a position. */
export const CONTAINER_VALUES = 65536;
export const BITMAP_BYTES = CONTAINER_VALUES / 8;
/** Up to here a sorted array is smaller than a bitmap. */
export const ARRAY_VALUES_LIMIT = 4096;

/** A set of 16-bit numbers, kept as it was stored. */
export type RoaringContainer =
  | { readonly kind: 'array'; readonly values: Uint16Array }
  | { readonly kind: 'bitmap'; readonly bits: Uint8Array }
  /** Pairs of start and length - 1. */
  | { readonly kind: 'run'; readonly runs: Uint16Array };

/**
 * Writes the values of a container in ascending order into `target` (CONTAINER_VALUES long) and returns their number.
 * @throws MalformedBytes if they are not ascending: they would be counted or delivered twice
 */
export function expandContainer(container: RoaringContainer, target: Uint16Array): number {
  switch (container.kind) {
    case 'array':
      return expandArray(container.values, target);
    case 'bitmap':
      return expandBitmap(container.bits, target);
    case 'run':
      return expandRuns(container.runs, target);
    default:
      return assertNever(container);
  }
}

function expandArray(values: Uint16Array, target: Uint16Array): number {
  let last = -1;
  for (const value of values) {
    if (value <= last) throw new MalformedBytes('an array container is not in ascending order');
    last = value;
  }
  target.set(values);
  return values.length;
}

function expandBitmap(bits: Uint8Array, target: Uint16Array): number {
  let count = 0;
  for (let index = 0; index < bits.length; index++) {
    const byte = bits[index] ?? 0;
    if (byte === 0) continue;
    for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) target[count++] = index * 8 + bit;
  }
  return count;
}

function expandRuns(runs: Uint16Array, target: Uint16Array): number {
  let count = 0;
  let last = -1;
  for (let i = 0; i + 1 < runs.length; i += 2) {
    const start = runs[i] ?? 0;
    const end = start + (runs[i + 1] ?? 0);
    if (start <= last || end >= CONTAINER_VALUES) throw new MalformedBytes('a run container has overlapping runs');
    for (let value = start; value <= end; value++) target[count++] = value;
    last = end;
  }
  return count;
}

/** True if `value`, 0 to 65535, is in the container. */
export function containerHas(container: RoaringContainer, value: number): boolean {
  switch (container.kind) {
    case 'array':
      return (
        container.values[lowerBound(container.values.length, (i) => (container.values[i] ?? 0) >= value)] === value
      );
    case 'bitmap':
      return ((container.bits[value >> 3] ?? 0) & (1 << (value & 7))) !== 0;
    case 'run': {
      const { runs } = container;
      const after = lowerBound(runs.length / 2, (i) => (runs[i * 2] ?? 0) > value);
      const start = runs[(after - 1) * 2];
      return start !== undefined && value <= start + (runs[(after - 1) * 2 + 1] ?? 0);
    }
    default:
      return assertNever(container);
  }
}

/** The smaller of the two forms for the ascending values. */
export function packContainer(values: Uint16Array): RoaringContainer {
  if (values.length <= ARRAY_VALUES_LIMIT) return { kind: 'array', values: values.slice() };
  const bits = new Uint8Array(BITMAP_BYTES);
  for (const value of values) bits[value >> 3] = (bits[value >> 3] ?? 0) | (1 << (value & 7));
  return { kind: 'bitmap', bits };
}

/** The first index in [0, length) for which `holds` is true, or `length`; `holds` must stay true once it is. */
export function lowerBound(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
