import type { BinaryForm } from './binary-form.js';
import { COPY_HEADER, COPY_TRAILER } from './copy-frame.js';

/** What a tuple says of itself in its last column. */
type TupleKind = 'upsert' | 'delete';

/** The last state of each key, as tuples of COPY's binary format, and what is counted on the way. */
export interface CollapsedTuples {
  /** All that COPY takes: of each key a new row, or a `delete` with nulls outside the key. */
  readonly copy: Buffer;
  readonly keys: bigint;
  /** Inserted minus deleted rows of keys without nulls. */
  readonly balance: bigint;
  /** The same of all rows. */
  readonly balanceOfAll: bigint;
  /** New rows left out because their key contains a null. */
  readonly rowsWithoutKey: bigint;
}

/** Forms in which equal values, and no others, have equal bytes: zeros of both signs are one key, and documents have no order. */
const TOLD_BY_BYTES: ReadonlySet<BinaryForm> = new Set([
  'bool',
  'int2',
  'int4',
  'int8',
  'numeric',
  'text',
  'bytea',
  'date',
  'time',
  'timestamp',
  'uuid',
]);

/** Whether keys of these forms can be compared by their bytes. */
export function areToldByBytes(forms: readonly BinaryForm[]): boolean {
  return forms.every((form) => TOLD_BY_BYTES.has(form));
}

const COUNT_BYTES = 2;
const LENGTH_BYTES = 4;
const NULL_LENGTH = -1;
const END = -1;

/** What changes of one version say of a key. */
interface TouchedKey {
  readonly values: Buffer[];
  newRows: number;
  oldRows: number;
  /** The bytes of its new row. */
  tuple: Buffer | null;
}

/**
 * Does with few changes of one version what `collapseChanges` does with any: the last state of each key that they touch.
 * @param copy their tuples, the last column of each being its `TupleKind`: `upsert` for a row that is new, `delete` for one that was
 * @param keyPlaces places of the columns of the key
 * @returns null if that is not to be told from these changes alone: a key has several new rows, or gains more than one, or the kind
 *   of a row is another
 */
export function collapseTuples(copy: Buffer, keyPlaces: readonly number[]): CollapsedTuples | null {
  const keys = new Map<string, TouchedKey>();
  let newRows = 0;
  let oldRows = 0;
  let withoutKey = 0;
  for (const tuple of tuplesOf(copy)) {
    const { bytes, starts } = tuple;
    const kind = kindOf(tuple);
    if (kind === null) return null;
    if (kind === 'upsert') newRows++;
    else oldRows++;
    const values = keyPlaces.map((place) => bytes.subarray(starts[place], starts[place + 1]));
    if (values.some(isNull)) {
      if (kind === 'upsert') withoutKey++;
      continue;
    }
    // With their lengths, so that no two keys run together to the same text.
    const text = values.map((value) => value.toString('latin1')).join('');
    let key = keys.get(text);
    if (key === undefined) {
      key = { values, newRows: 0, oldRows: 0, tuple: null };
      keys.set(text, key);
    }
    if (kind === 'upsert') {
      key.newRows++;
      key.tuple = bytes;
    } else key.oldRows++;
  }
  const states: Buffer[] = [COPY_HEADER];
  let balance = 0;
  for (const { newRows: came, oldRows: went, values, tuple } of keys.values()) {
    if (came > 1 || came - went > 1) return null;
    balance += came - went;
    states.push(tuple ?? deletion(values, keyPlaces, columnCount(copy)));
  }
  states.push(COPY_TRAILER);
  return {
    copy: Buffer.concat(states),
    keys: BigInt(keys.size),
    balance: BigInt(balance),
    balanceOfAll: BigInt(newRows - oldRows),
    rowsWithoutKey: BigInt(withoutKey),
  };
}

interface Tuple {
  readonly bytes: Buffer;
  /** Where each value begins, with its length before it, and the end of the last one. */
  readonly starts: readonly number[];
}

function* tuplesOf(copy: Buffer): Generator<Tuple> {
  for (let at = COPY_HEADER.length; ; ) {
    const count = copy.readInt16BE(at);
    if (count === END) return;
    const from = at;
    const starts: number[] = [];
    at += COUNT_BYTES;
    for (let column = 0; column < count; column++) {
      starts.push(at - from);
      at += LENGTH_BYTES + Math.max(0, copy.readInt32BE(at));
    }
    starts.push(at - from);
    yield { bytes: copy.subarray(from, at), starts };
  }
}

function kindOf({ bytes, starts }: Tuple): TupleKind | null {
  const kind = bytes.toString('latin1', (starts.at(-2) ?? 0) + LENGTH_BYTES, starts.at(-1));
  return kind === 'upsert' || kind === 'delete' ? kind : null;
}

function isNull(value: Buffer): boolean {
  return value.readInt32BE(0) === NULL_LENGTH;
}

/** Columns of the first tuple, which are those of all. */
function columnCount(copy: Buffer): number {
  return copy.readInt16BE(COPY_HEADER.length);
}

const NULL = Buffer.from([0xff, 0xff, 0xff, 0xff]);
const DELETE = Buffer.concat([Buffer.from([0, 0, 0, 6]), Buffer.from('delete', 'latin1')]);

function deletion(key: readonly Buffer[], keyPlaces: readonly number[], columns: number): Buffer {
  const count = Buffer.alloc(COUNT_BYTES);
  count.writeInt16BE(columns);
  const values = Array.from({ length: columns - 1 }, (_, column) => key[keyPlaces.indexOf(column)] ?? NULL);
  return Buffer.concat([count, ...values, DELETE]);
}
