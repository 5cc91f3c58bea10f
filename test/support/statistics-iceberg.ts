import type { DuckDBConnection } from '@duckdb/node-api';
import { IcebergWriter, type WrittenMetrics } from './iceberg-writer.js';
import type { Random } from './random.js';
import {
  COLUMNS,
  type Column,
  compare,
  randomCondition,
  randomRows,
  rowsSelect,
  type Value,
} from './statistics-table.js';

const ICEBERG_TYPES: Readonly<Record<string, string>> = {
  integer: 'int',
  timestamp: 'timestamptz',
  timestamp_ntz: 'timestamp',
};

/** As Iceberg cuts texts. */
const TEXT_LENGTH_MAX = 16;

/** An Iceberg table whose files have random values, and random metrics of these that are true. */
export class StatisticsIceberg {
  readonly root: string;
  readonly #random: Random;
  readonly #files: { readonly rows: Value[][] }[] = [];
  readonly #writer: IcebergWriter;

  constructor({ random, connection, root }: { random: Random; connection: DuckDBConnection; root: string }) {
    this.root = root;
    this.#random = random;
    const fields = COLUMNS.map(({ name, deltaType }, at) => {
      return { id: at + 1, name, type: ICEBERG_TYPES[deltaType] ?? deltaType };
    });
    this.#writer = new IcebergWriter(connection, root, { fields, formatVersion: random.pick([1, 2, 3] as const) });
  }

  get fileCount(): number {
    return this.#files.length;
  }

  /** Writes the files, by several commits. */
  async write(): Promise<void> {
    const random = this.#random;
    for (let commits = 1 + random.below(3); commits > 0; commits--) {
      const added = [];
      for (let count = 2 + random.below(4); count > 0; count--) {
        const rows = randomRows(random);
        this.#files.push({ rows });
        const file = await this.#writer.write(rowsSelect(rows, ({ name }) => name));
        added.push(random.chance(0.1) ? file : { ...file, metrics: COLUMNS.map((...of) => this.#metrics(rows, of)) });
      }
      await this.#writer.commit(added);
    }
  }

  /** See `randomCondition`. */
  condition(): string {
    return randomCondition(this.#random, this.#files);
  }

  #metrics(rows: readonly Value[][], [column, at]: readonly [column: Column, at: number, ...rest: unknown[]]) {
    const random = this.#random;
    const values = rows.flatMap((row) => row[at] ?? []);
    const sorted = [...values].sort((a, b) => compare(a, b));
    const bound = (value: Value | undefined, side: 'lower' | 'upper') =>
      value === null || value === undefined || random.chance(0.1) ? null : boundBytes(column, value, side);
    const metrics: WrittenMetrics = {
      id: at + 1,
      lower: bound(sorted[0], 'lower'),
      upper: bound(sorted.at(-1), 'upper'),
      nulls: random.chance(0.1) ? null : rows.length - values.length,
    };
    return metrics;
  }
}

/** Specification, appendix D: "Binary single-value serialization". */
function boundBytes({ deltaType }: Column, value: bigint | string, side: 'lower' | 'upper'): Buffer | null {
  if (typeof value === 'string') return textBytes(value, side);
  const bytes = Buffer.alloc(deltaType === 'integer' || deltaType === 'date' ? 4 : 8);
  if (deltaType.startsWith('decimal')) return decimalBytes(value);
  if (bytes.length === 4) bytes.writeInt32LE(Number(value));
  else bytes.writeBigInt64LE(value);
  return bytes;
}

function decimalBytes(value: bigint): Buffer {
  let length = 1;
  while (BigInt.asIntN(length * 8, value) !== value) length++;
  return Buffer.from(
    BigInt.asUintN(length * 8, value)
      .toString(16)
      .padStart(length * 2, '0'),
    'hex',
  );
}

/** Cut to some characters; the greatest is then the next one after it. */
function textBytes(value: string, side: 'lower' | 'upper'): Buffer | null {
  const characters = [...value];
  if (characters.length <= TEXT_LENGTH_MAX) return Buffer.from(value);
  const cut = characters.slice(0, TEXT_LENGTH_MAX);
  if (side === 'lower') return Buffer.from(cut.join(''));
  for (let last = cut.pop(); last !== undefined; last = cut.pop()) {
    const next = (last.codePointAt(0) ?? 0) + 1;
    if (next <= 0x10ffff) return Buffer.from(cut.join('') + String.fromCodePoint(next === 0xd800 ? 0xe000 : next));
  }
  return null;
}
