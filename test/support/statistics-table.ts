import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteIdentifier, quoteLiteral } from '../../src/core/names.js';
import type { Random } from './random.js';

/** A value in the form that statistics are computed by: numbers scaled to integers, times in microseconds. */
export type Value = bigint | string | null;

export interface Column {
  readonly name: string;
  readonly deltaType: string;
  readonly engineType: string;
  /** Values of files with one center are near each other. */
  random(random: Random, center: number): Value;
  /** SQL of a value. */
  sql(value: bigint | string): string;
  /** As a condition of the lakehouse names it. */
  literal(value: bigint | string): string;
  /** JSON text of a bound as a writer of this style states it. */
  stated(value: bigint | string, style: Style, side: 'min' | 'max'): string;
}

/** How writers state bounds: Delta on Spark before and after it minded characters beyond the first 65,536; delta-rs. */
type Style = 'old' | 'new' | 'whole';

const DAY_US = 86_400_000_000n;
const scaled = (value: bigint, scale: number) => {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
};
const isoTime = (micros: bigint, digits: 3 | 6) => {
  const millis = micros >= 0n ? micros / 1000n : -((-micros + 999n) / 1000n);
  const text = new Date(Number(millis)).toISOString().slice(0, -1);
  return digits === 3 ? text : text + String(micros - millis * 1000n).padStart(3, '0');
};
const dayText = (days: bigint) => new Date(Number(days) * 86_400_000).toISOString().slice(0, 10);

function integer(name: string, deltaType: string, engineType: string, random: Column['random']): Column {
  const text = (value: bigint | string) => String(value);
  return { name, deltaType, engineType, random, sql: text, literal: text, stated: text };
}

function decimal(name: string, [precision, scale]: readonly [number, number], random: Column['random']): Column {
  const text = (value: bigint | string) => scaled(value as bigint, scale);
  return {
    name,
    deltaType: `decimal(${precision},${scale})`,
    engineType: `decimal(${precision},${scale})`,
    random,
    sql: (value) => `'${text(value)}'::decimal(${precision},${scale})`,
    literal: text,
    stated: (value, style) => (style === 'whole' ? String(Number(text(value))) : text(value)),
  };
}

function time(name: string, deltaType: 'timestamp' | 'timestamp_ntz'): Column {
  const isZoned = deltaType === 'timestamp';
  return {
    name,
    deltaType,
    engineType: isZoned ? 'timestamptz' : 'timestamp',
    random: (random, center) => BigInt(center - 8) * 100n * DAY_US + BigInt(random.below(3_000_000)),
    sql: (value) => (isZoned ? `make_timestamptz(${value})` : `make_timestamp(${value})`),
    literal: (value) => `cast('${isoTime(value as bigint, 6)}${isZoned ? 'Z' : ''}' as ${deltaType})`,
    stated: (value, style) => {
      const text = isoTime(value as bigint, style === 'whole' ? 6 : 3);
      return JSON.stringify(text + (isZoned || style === 'whole' ? 'Z' : ''));
    },
  };
}

/** As Delta on Spark cuts texts: after 32 UTF-16 units, with something behind that sorts late. */
function cutText(text: string, style: Style, side: 'min' | 'max'): string {
  if (style === 'whole' || text.length <= 32) return text;
  // What Java makes of half a character.
  const encoded = (cut: string) => cut.replace(/\p{Surrogate}/gu, '?');
  if (side === 'min') return encoded(text.slice(0, 32));
  if (style === 'new') return `${encoded(text.slice(0, 32)).replace(/\?$/, '')}\u{10FFFF}`;
  let end = 32;
  while (end < text.length && text.charCodeAt(end) >= 0xfffd) end++;
  return `${encoded(text.slice(0, end))}\uFFFD`;
}

export const COLUMNS: readonly Column[] = [
  integer('id', 'long', 'bigint', (random, center) => {
    const large = [9_007_199_254_740_992n, -9_007_199_254_740_992n, 2n ** 62n];
    return (random.chance(0.1) ? random.pick(large) : BigInt(center) * 1000n) + BigInt(random.below(5));
  }),
  integer('small', 'integer', 'integer', (random, center) => BigInt(center * 10 + random.below(12) - 60)),
  decimal('price', [10, 2], (random, center) => BigInt(center * 300 + random.below(400) - 1000)),
  decimal('wide', [38, 10], (random, center) => BigInt(center - 6) * 10n ** 27n + BigInt(random.below(3))),
  {
    name: 'text',
    deltaType: 'string',
    engineType: 'varchar',
    random(random, center) {
      const letter = String.fromCharCode(97 + center);
      if (random.chance(0.6)) return letter.repeat(1 + random.below(3));
      const tail = random.pick(['', '\u{1F600}', '\uFFFD', '\uFFFF', 'é', '?', '\u{1F600}z', '\u{10FFFF}a', 'zz']);
      return letter.repeat(30 + random.below(3)) + tail + random.pick(['', 'b', '\u{1F601}']);
    },
    sql: (value) => quoteLiteral(String(value)),
    literal: (value) => quoteLiteral(String(value)),
    stated: (value, style, side) => JSON.stringify(cutText(String(value), style, side)),
  },
  {
    name: 'day',
    deltaType: 'date',
    engineType: 'date',
    random: (random, center) => BigInt((center - 6) * 60 + random.below(40)),
    sql: (value) => `date '${dayText(value as bigint)}'`,
    literal: (value) => `date '${dayText(value as bigint)}'`,
    stated: (value) => JSON.stringify(dayText(value as bigint)),
  },
  time('moment', 'timestamp'),
  time('wall', 'timestamp_ntz'),
];

interface File {
  readonly name: string;
  readonly rows: readonly (readonly Value[])[];
}

/** The rows of one file: their values are near each other. */
export function randomRows(random: Random): Value[][] {
  const center = random.below(14);
  const missing = random.pick([0, 0, 0.2, 1]);
  return Array.from({ length: 1 + random.below(12) }, () =>
    COLUMNS.map((column) => (random.chance(missing) ? null : column.random(random, center))),
  );
}

/** A SELECT that gives rows. */
export function rowsSelect(rows: readonly (readonly Value[])[], nameOf: (column: Column) => string): string {
  const cell = (column: Column, value: Value) => `${value === null ? 'null' : column.sql(value)}::${column.engineType}`;
  const values = rows.map((row) => `(${COLUMNS.map((column, at) => cell(column, row[at] ?? null)).join(', ')})`);
  const names = COLUMNS.map((column) => quoteIdentifier(nameOf(column)));
  return `select * from (values ${values.join(', ')}) t(${names.join(', ')})`;
}

/** A condition over the columns, whose values are often those of a row. */
export function randomCondition(
  random: Random,
  files: readonly { readonly rows: readonly (readonly Value[])[] }[],
  depth = 0,
): string {
  if (depth < 2 && random.chance(0.5)) {
    const [left, right] = [randomCondition(random, files, depth + 1), randomCondition(random, files, depth + 1)];
    return random.pick([`(${left} and ${right})`, `(${left} or ${right})`, `(not (${left}) and ${right})`]);
  }
  const at = random.below(COLUMNS.length);
  const column = COLUMNS[at] as Column;
  const literal = () => {
    const ofRow = random.pick(random.pick(files).rows)[at];
    const isTaken = random.chance(0.7) && ofRow !== null && ofRow !== undefined;
    return column.literal(isTaken ? ofRow : (column.random(random, random.below(14)) ?? 0n));
  };
  const operator = random.pick(['=', '<', '<=', '>', '>=', '=', '<>']);
  return random.pick([
    `${column.name} ${operator} ${literal()}`,
    `${literal()} ${operator} ${column.name}`,
    `${column.name} in (${literal()}, ${literal()}, ${literal()})`,
    `${column.name} between ${literal()} and ${literal()}`,
    `${column.name} is null`,
    `${column.name} is not null`,
    `not (${column.name} = ${literal()})`,
    `coalesce(length(text), 0) > ${random.below(4)}`,
  ]);
}

/** A Delta table whose files have random values, and random statistics of these that are true. */
export class StatisticsTable {
  readonly #random: Random;
  readonly #connection: DuckDBConnection;
  readonly root: string;
  readonly #files: File[] = [];
  readonly #mayHaveCheckpoint: boolean;
  /** Whether its columns have other names in the files. */
  readonly isMapped: boolean;

  constructor(options: { random: Random; connection: DuckDBConnection; root: string; mayHaveCheckpoint?: boolean }) {
    this.#random = options.random;
    this.#mayHaveCheckpoint = options.mayHaveCheckpoint ?? true;
    this.#connection = options.connection;
    this.root = options.root;
    this.isMapped = this.#random.chance(0.4);
  }

  get fileCount(): number {
    return this.#files.length;
  }

  /** Writes everything: the files, and a log with or without a checkpoint. */
  async write(): Promise<void> {
    const random = this.#random;
    mkdirSync(path.join(this.root, '_delta_log'), { recursive: true });
    const style = random.pick(['old', 'new', 'whole'] as const);
    const count = 4 + random.below(9);
    for (let n = 0; n < count; n++) {
      const file = { name: `f${n}.parquet`, rows: randomRows(random) };
      this.#files.push(file);
      const select = rowsSelect(file.rows, (column) => this.#physical(column));
      const to = quoteLiteral(path.join(this.root, file.name));
      await this.#connection.run(`copy (${select}) to ${to} (format parquet)`);
    }
    const adds = this.#files.map((file) => ({ file, stats: this.#statistics(file, style) }));
    if (this.#mayHaveCheckpoint && random.chance(0.5)) await this.#writeCheckpoint(adds);
    else this.#writeCommit(adds);
  }

  /** See `randomCondition`. */
  condition(): string {
    return randomCondition(this.#random, this.#files);
  }

  #physical({ name }: Column): string {
    return this.isMapped ? `p.${name} "é` : name;
  }

  /** Null if the file has none. */
  #statistics({ rows }: File, style: Style): Statistics | null {
    const random = this.#random;
    if (random.chance(0.1)) return null;
    const isWide = random.chance(0.2);
    const stated: Statistics['columns'][number][] = COLUMNS.map((column, at) => {
      const values = rows.flatMap((row) => row[at] ?? []);
      let nulls: number | null = rows.length - values.length;
      // Where deletes made bounds wide, a count that is neither none nor all says nothing.
      if (isWide && nulls > 0 && nulls < rows.length) nulls = 1 + random.below(rows.length - 1);
      if (random.chance(0.1)) nulls = null;
      const sorted = [...values].sort((a, b) => compare(a, b));
      const [least, greatest] = [sorted[0] ?? null, sorted.at(-1) ?? null];
      const isKnown = !random.chance(0.1) && least !== null && greatest !== null;
      return {
        column,
        nulls,
        min: isKnown ? column.stated(isWide ? lower(column, least) : least, style, 'min') : null,
        max: isKnown ? column.stated(greatest, style, 'max') : null,
      };
    });
    return { rows: rows.length, isWide, columns: stated };
  }

  #json({ rows, isWide, columns }: Statistics): string {
    const members = (values: readonly (readonly [Column, string | null])[]) =>
      `{${values.flatMap(([column, text]) => (text === null ? [] : [`${JSON.stringify(this.#physical(column))}:${text}`])).join(',')}}`;
    const minValues = members(columns.map(({ column, min }) => [column, min]));
    const maxValues = members(columns.map(({ column, max }) => [column, max]));
    const nullCount = members(columns.map(({ column, nulls }) => [column, nulls === null ? null : String(nulls)]));
    const tight = isWide ? ',"tightBounds":false' : '';
    return `{"numRecords":${rows},"minValues":${minValues},"maxValues":${maxValues},"nullCount":${nullCount}${tight}}`;
  }

  #header() {
    const fields = COLUMNS.map((column, at) => ({
      name: column.name,
      type: column.deltaType,
      nullable: true,
      metadata: this.isMapped
        ? { 'delta.columnMapping.id': at + 1, 'delta.columnMapping.physicalName': this.#physical(column) }
        : {},
    }));
    return {
      schemaString: JSON.stringify({ type: 'struct', fields }),
      configuration: this.isMapped ? { 'delta.columnMapping.mode': 'name' } : {},
      features: ['timestampNtz', ...(this.isMapped ? ['columnMapping'] : [])],
    };
  }

  #writeCommit(adds: readonly Add[]): void {
    const { schemaString, configuration, features } = this.#header();
    const lines = [
      { protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: features, writerFeatures: features } },
      {
        metaData: {
          id: 't',
          format: { provider: 'parquet', options: {} },
          schemaString,
          partitionColumns: [],
          configuration,
        },
      },
      ...adds.map(({ file, stats }) => ({
        add: { ...this.#fileParts(file), ...(stats ? { stats: this.#json(stats) } : {}) },
      })),
    ];
    writeFileSync(
      path.join(this.root, '_delta_log', `${'0'.repeat(20)}.json`),
      `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`,
    );
  }

  #fileParts({ name }: File) {
    const { size } = statSync(path.join(this.root, name));
    return { path: name, partitionValues: {}, size, modificationTime: 1, dataChange: true };
  }

  /** Some checkpoints have statistics as JSON, some as columns, some as both. */
  async #writeCheckpoint(adds: readonly Add[]): Promise<void> {
    const random = this.#random;
    const { schemaString, configuration, features } = this.#header();
    const form = random.pick(['json', 'columns', 'both'] as const);
    const list = (texts: readonly string[]) => `[${texts.map(quoteLiteral).join(', ')}]`;
    const settings = Object.entries(configuration).map(
      ([key, value]) => `${quoteLiteral(key)}: ${quoteLiteral(value)}`,
    );
    const rows = adds.map(({ file, stats }) => {
      const { path: name, size } = this.#fileParts(file);
      const parts = [
        `'path': ${quoteLiteral(name)}`,
        `'partitionValues': map{}::map(varchar, varchar)`,
        `'size': ${size}::bigint`,
      ];
      parts.push(`'modificationTime': 1::bigint`, `'dataChange': true`);
      if (form !== 'columns') parts.push(`'stats': ${stats ? quoteLiteral(this.#json(stats)) : 'null::varchar'}`);
      if (form !== 'json') parts.push(`'stats_parsed': ${this.#parsed(stats)}`);
      return `select null as protocol, null as "metaData", {${parts.join(', ')}} as add`;
    });
    const protocol = `{'minReaderVersion': 3, 'minWriterVersion': 7, 'readerFeatures': ${list(features)}, 'writerFeatures': ${list(features)}}`;
    const metaData = `{'id': 't', 'format': {'provider': 'parquet', 'options': map{}::map(varchar, varchar)},
      'schemaString': ${quoteLiteral(schemaString)}, 'partitionColumns': []::varchar[],
      'configuration': map{${settings.join(', ')}}::map(varchar, varchar)}`;
    const sql = [
      `select ${protocol} as protocol, null as "metaData", null as add`,
      `select null as protocol, ${metaData} as "metaData", null as add`,
      ...rows,
    ].join('\nunion all\n');
    const to = quoteLiteral(path.join(this.root, '_delta_log', `${'0'.repeat(20)}.checkpoint.parquet`));
    await this.#connection.run(`copy (${sql}) to ${to} (format parquet)`);
    // A checkpoint stands for its version, which a table has to have a commit of as well.
    this.#writeCommit(adds.map(({ file }) => ({ file, stats: null })));
    rmSync(path.join(this.root, '_delta_log', `${'0'.repeat(20)}.json`));
  }

  #parsed(stats: Statistics | null): string {
    const member = (column: Column, value: string) => `${quoteLiteral(this.#physical(column))}: ${value}`;
    const bound = (side: 'min' | 'max') =>
      COLUMNS.map((column, at) => {
        const text = stats?.columns[at]?.[side] ?? null;
        const value = text === null ? 'null' : quoteLiteral(text.startsWith('"') ? String(JSON.parse(text)) : text);
        return member(column, `${value}::${column.engineType}`);
      });
    const nulls = COLUMNS.map((column, at) => member(column, `${stats?.columns[at]?.nulls ?? 'null'}::bigint`));
    return `{'numRecords': ${stats?.rows ?? 'null'}::bigint, 'minValues': {${bound('min').join(', ')}},
      'maxValues': {${bound('max').join(', ')}}, 'nullCount': {${nulls.join(', ')}}}`;
  }
}

interface Statistics {
  readonly rows: number;
  readonly isWide: boolean;
  readonly columns: readonly {
    readonly column: Column;
    readonly nulls: number | null;
    readonly min: string | null;
    readonly max: string | null;
  }[];
}

interface Add {
  readonly file: File;
  readonly stats: Statistics | null;
}

/** As bytes of UTF-8 for texts. */
export function compare(a: bigint | string, b: bigint | string): number {
  if (typeof a === 'string' || typeof b === 'string')
    return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What a deleted row may have held. */
function lower(column: Column, value: bigint | string): bigint | string {
  if (typeof value === 'string') return value.slice(0, 1);
  return column.name === 'id' || column.name === 'wide' ? value - 1n : value - 3n;
}
