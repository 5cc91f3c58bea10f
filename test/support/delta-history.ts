import { randomUUID } from 'node:crypto';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteIdentifier, quoteLiteral } from '../../src/core/names.js';
import type { Random } from './random.js';
import { encodeVector } from './roaring-encoder.js';
import { DUCKDB_TYPES, type ValueType, valueLiteral } from './value-literal.js';
import { encodeZ85 } from './z85-encoder.js';

/** A column as the newest metadata has it; `s` is a struct, whose members are columns again. */
interface Column {
  readonly physical: string;
  readonly id: number;
  readonly name: string;
  readonly type: ValueType | 'struct';
  readonly members: readonly Column[];
}

/** Values by physical name; what is not there is null. Of most types they are numbers that `valueLiteral` translates. */
type Row = Readonly<Record<string, number | string | null>>;

interface File {
  readonly name: string;
  readonly part: string | null;
  readonly rows: readonly Row[];
}

/** A file with the rows of it that are dead. */
interface Live {
  readonly file: File;
  readonly dead: ReadonlySet<number>;
  readonly vector: object | null;
}

interface Change {
  readonly type: string;
  readonly row: Row;
}

export interface HistoryShape {
  readonly mapping: 'none' | 'name' | 'id';
  readonly isPartitioned: boolean;
  readonly hasFeed: boolean;
  /** Of the column `id`. Default: integer, which may be widened. */
  readonly keyType?: ValueType;
  /** The key is `id` and `part`. */
  readonly isCompositeKey?: boolean;
  /** Columns of many types. */
  readonly isWide?: boolean;
  /** Rows with a null in the key come now and then. */
  readonly hasNullKeys?: boolean;
  /** Part of the new rows whose key another row has: the table breaks its key, for good or for a while. */
  readonly repeatedKeys?: number;
  /** Rows of one key are told apart by the column `t`. */
  readonly hasTimeseries?: boolean;
  /** The change feed is switched off and on again. */
  readonly feedToggles?: boolean;
  /** Whatever changes rows has change files; absent: some of it. */
  readonly hasAllChangeFiles?: boolean;
  /** Vectors are in files of their own, never in the log. */
  readonly hasStoredVectors?: boolean;
  /** The log says how many rows the added files have. */
  readonly hasStatistics?: boolean;
}

const PARTS = ['a', 'b/c d', null];
const WIDE = ['double', 'decimal', 'boolean', 'date', 'timestamp', 'timestamp_ntz', 'binary', 'array', 'map'] as const;

/**
 * Writes a random history of a keyed Delta table: real Parquet files, vectors and commits, by none of the product's
 * code. The key is `id`; the rows that must be there are known beside it.
 */
export class DeltaHistory {
  readonly folder: string;
  readonly shape: HistoryShape;
  /** Which of `rows` count, where the rules of the table are about some of them. */
  readonly #fits: (row: Readonly<Record<string, number | string | null>>) => boolean;
  version = -1;
  /** What each commit did, for messages. */
  readonly log: string[] = [];
  /** Of each version, which rule it breaks. */
  readonly broken: ('key' | 'time' | null)[] = [];
  readonly #connection: DuckDBConnection;
  readonly #random: Random;
  #columns: Column[];
  #live: Live[] = [];
  readonly #earlier: Live[][] = [];
  #nextId = 1;
  #nextColumn = 1;
  readonly #key: Column;
  readonly #part: Column;
  readonly #time: Column;
  readonly #v: Column;
  #hasFeed: boolean;

  constructor(options: {
    connection: DuckDBConnection;
    folder: string;
    random: Random;
    shape: HistoryShape;
    fits?: (row: Readonly<Record<string, number | string | null>>) => boolean;
  }) {
    this.#fits = options.fits ?? (() => true);
    this.folder = options.folder;
    this.shape = options.shape;
    this.#connection = options.connection;
    this.#random = options.random;
    this.#hasFeed = options.shape.hasFeed;
    this.#key = this.#column('id', options.shape.keyType ?? 'integer');
    this.#part = this.#column('part', 'string');
    this.#time = this.#column('t', 'integer');
    const members = [this.#column('m', 'integer')];
    this.#v = this.#column('v', 'integer');
    this.#columns = [this.#key, this.#v, this.#part, this.#column('s', 'struct', members)];
    if (options.shape.hasTimeseries) this.#columns.push(this.#time);
    if (options.shape.isWide) this.#columns.push(...WIDE.map((type) => this.#column(`w_${type}`, type)));
    mkdirSync(path.join(this.folder, '_delta_log'), { recursive: true });
  }

  /** Version 0. */
  async create(): Promise<void> {
    const features = ['columnMapping', 'deletionVectors', 'typeWidening'];
    const protocol = {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: features,
      writerFeatures: [...features, 'changeDataFeed'],
    };
    const added = await this.#write(this.#newRows(1 + this.#random.below(12)));
    this.#commit('create', [{ protocol }, this.#metaData(), ...added.map((live) => addOf(this, live, true))], added);
  }

  /** One more version. */
  async step(): Promise<void> {
    const ways: (() => Promise<void> | void)[] = [
      () => this.#insert(),
      () => this.#change('update'),
      () => this.#change('delete'),
      () => this.#change('merge'),
      () => this.#change('merge'),
      () => this.#overwrite(),
      () => this.#replaceWhere(),
      () => this.#optimize(),
      () => this.#restore(),
      () => this.#evolve(),
      () => this.#commit('nothing', [this.#metaData()], this.#live),
    ];
    if (this.shape.feedToggles) ways.push(() => this.#toggleFeed());
    await this.#random.pick(ways)();
  }

  /** What the newest version breaks. */
  brokenRule(): 'key' | 'time' | null {
    return this.broken.at(-1) ?? null;
  }

  /** Several rows with one key, or several that are the latest of theirs. */
  #findBrokenRule(): 'key' | 'time' | null {
    const times = new Map<string, number[]>();
    for (const row of this.#chosen()) {
      const key = this.#keyOf(row);
      if (key !== null) times.set(key, [...(times.get(key) ?? []), Number(row[this.#time.physical] ?? -1)]);
    }
    const groups = [...times.values()];
    if (!this.shape.hasTimeseries) return groups.some((group) => group.length > 1) ? 'key' : null;
    const isTie = (group: number[]) => group.filter((time) => time === Math.max(...group)).length > 1;
    return groups.some(isTie) ? 'time' : null;
  }

  /** The rows of the newest version; of structs nothing. Values are those that `valueLiteral` translates, by column. */
  rows(): Readonly<Record<string, number | string | null>>[] {
    return this.#live.flatMap(rowsOf).map((row) => this.#named(row));
  }

  #named(row: Row): Readonly<Record<string, number | string | null>> {
    const plain = this.#columns.filter((column) => column.type !== 'struct');
    return Object.fromEntries(plain.map((column) => [column.name, row[column.physical] ?? null]));
  }

  #chosen(): Row[] {
    return this.#live.flatMap(rowsOf).filter((row) => this.#fits(this.#named(row)));
  }

  /** Rows that a table with one row a key has to have. */
  keyedRows(): number {
    return new Set(this.#chosen().flatMap((row) => this.#keyOf(row) ?? [])).size;
  }

  /** Null if the key has one. */
  #keyOf(row: Row): string | null {
    const columns = this.shape.isCompositeKey ? [this.#key, this.#part] : [this.#key];
    const values = columns.map((column) => row[column.physical] ?? null);
    return values.includes(null) ? null : JSON.stringify(values);
  }

  /** Keys of the newest version, sorted. */
  keys(): number[] {
    return this.#live
      .flatMap((live) => rowsOf(live).map((row) => Number(row[this.#key.physical])))
      .sort((a, b) => a - b);
  }

  get isPartitioned(): boolean {
    return this.shape.isPartitioned;
  }

  async #insert(): Promise<void> {
    const added = await this.#write(this.#newRows(1 + this.#random.below(6)));
    const actions = added.map((live) => addOf(this, live, true));
    this.#commit(`insert ${added.length} files`, actions, [...this.#live, ...added]);
  }

  /** UPDATE, DELETE or MERGE, by rewriting files or by vectors, with change files or without. */
  async #change(kind: 'update' | 'delete' | 'merge'): Promise<void> {
    const isVector = this.#random.chance(0.5);
    const changes: Change[] = [];
    const actions: object[] = [];
    const kept: Live[] = [];
    const newRows: Row[] = kind === 'merge' ? this.#newRows(this.#random.below(4)) : [];
    const part = this.#random.chance(0.1) ? 1 : 0.3;
    changes.push(...newRows.map((row) => ({ type: 'insert', row })));
    for (const live of this.#live) {
      const hit = new Set([...live.file.rows.keys()].filter((i) => !live.dead.has(i) && this.#random.chance(part)));
      if (hit.size === 0) {
        kept.push(live);
        continue;
      }
      for (const index of hit) {
        const row = live.file.rows[index] ?? {};
        const isDelete = kind === 'delete' || (kind === 'merge' && this.#random.chance(0.4));
        if (isDelete) {
          changes.push({ type: 'delete', row });
          // Deleted and inserted again by one MERGE.
          if (kind !== 'merge' || this.#random.chance(0.7)) continue;
          const again = this.#touch(row);
          newRows.push(again);
          changes.push({ type: 'insert', row: again });
          continue;
        }
        const after = this.#after(row);
        newRows.push(after);
        changes.push({ type: 'update_preimage', row }, { type: 'update_postimage', row: after });
      }
      const dead = new Set([...live.dead, ...hit]);
      actions.push(this.#remove(live, true));
      if (isVector && dead.size < live.file.rows.length) {
        const next = { file: live.file, dead, vector: this.#vector(dead) };
        actions.push(addOf(this, next, true));
        kept.push(next);
      } else if (!isVector) newRows.push(...live.file.rows.filter((_, index) => !dead.has(index)));
    }
    const added = await this.#write(newRows);
    actions.push(...added.map((live) => addOf(this, live, true)));
    const hasChangeFiles = this.#hasFeed && changes.length > 0 && this.#hasChangeFiles(0.6);
    if (hasChangeFiles) actions.push(...(await this.#writeChanges(changes)));
    const way = `${kind} by ${isVector ? 'vectors' : 'rewriting'}${hasChangeFiles ? ' with change files' : ''}`;
    this.#commit(way, this.#random.shuffle(actions), [...kept, ...added]);
  }

  async #overwrite(): Promise<void> {
    const removed = this.#live.map((live) => this.#remove(live, true));
    const old = this.#live.flatMap(rowsOf).filter(() => this.#random.chance(0.5));
    const rows = [...old.map((row) => this.#touch(row)), ...this.#newRows(this.#random.below(6))];
    const added = this.#random.chance(0.2) ? [] : await this.#write(rows);
    this.#commit('overwrite', [...removed, ...added.map((live) => addOf(this, live, true))], added);
  }

  /** The rows that fit a condition go, others that fit it come; files without such rows stay as they are. */
  async #replaceWhere(): Promise<void> {
    const part = this.#random.pick(PARTS);
    const limit = this.#random.below(9999);
    const fits = (row: Row) => {
      const value = row[this.#v.physical];
      return this.isPartitioned
        ? (row[this.#part.physical] ?? null) === part
        : typeof value === 'number' && value < limit;
    };
    const fitting = (row: Row): Row => {
      if (!this.isPartitioned) return { ...row, [this.#v.physical]: this.#random.below(limit) };
      return { ...row, [this.#part.physical]: part };
    };
    const touched = this.#live.filter((live) => rowsOf(live).some(fits));
    const rows = touched.flatMap(rowsOf);
    const gone = rows.filter(fits);
    const again = gone.filter(() => this.#random.chance(0.5)).map((row) => fitting(this.#touch(row)));
    const came = [...again, ...this.#newRows(this.#random.below(4)).map(fitting)];
    const added = await this.#write([...rows.filter((row) => !fits(row)), ...came]);
    const actions = [
      ...touched.map((live) => this.#remove(live, true)),
      ...added.map((live) => addOf(this, live, true)),
    ];
    const changes = [...gone.map((row) => ({ type: 'delete', row })), ...came.map((row) => ({ type: 'insert', row }))];
    const hasChangeFiles = this.#hasFeed && changes.length > 0 && this.#hasChangeFiles(0.5);
    if (hasChangeFiles) actions.push(...(await this.#writeChanges(changes)));
    this.#commit('replaceWhere', actions, [...this.#live.filter((live) => !touched.includes(live)), ...added]);
  }

  #toggleFeed(): void {
    this.#hasFeed = !this.#hasFeed;
    this.#commit(`feed ${this.#hasFeed ? 'on' : 'off'}`, [this.#metaData()], this.#live);
  }

  async #optimize(): Promise<void> {
    const chosen = this.#live.filter(() => this.#random.chance(0.6));
    const added = await this.#write(chosen.flatMap(rowsOf));
    const actions = [
      ...chosen.map((live) => this.#remove(live, false)),
      ...added.map((live) => addOf(this, live, false)),
    ];
    this.#commit('optimize', actions, [...this.#live.filter((live) => !chosen.includes(live)), ...added]);
  }

  /** Puts the files of an earlier version back, vectors included. */
  #restore(): void {
    const wanted = this.#random.pick(this.#earlier);
    const isSame = (a: Live, b: Live) => a.file === b.file && a.vector === b.vector;
    const gone = this.#live.filter((live) => !wanted.some((other) => isSame(live, other)));
    const back = wanted.filter((live) => !this.#live.some((other) => isSame(live, other)));
    const actions = [...gone.map((live) => this.#remove(live, true)), ...back.map((live) => addOf(this, live, true))];
    this.#commit('restore', this.#random.shuffle(actions), wanted);
  }

  #evolve(): void {
    const isMapped = this.shape.mapping !== 'none';
    const edit = (change: (column: Column) => Column) => {
      this.#columns = this.#columns.map(change);
    };
    const name = `c${this.#nextColumn}`;
    const ways: [string, () => void][] = [
      ['add column', () => this.#columns.push(this.#column(name, this.#random.pick(['integer', 'string'] as const)))],
      [
        'add member',
        () => {
          const member = this.#column(name, 'string');
          edit((column) => (column.type === 'struct' ? { ...column, members: [...column.members, member] } : column));
        },
      ],
      [
        'widen',
        () => edit((column) => (column.type === 'integer' && this.#random.chance(0.5) ? widen(column) : column)),
      ],
      [
        'widen member',
        () =>
          edit((column) => ({ ...column, members: column.members.map((m) => (m.type === 'integer' ? widen(m) : m)) })),
      ],
    ];
    const fixed = [this.#key, this.#part, this.#time];
    const isFree = (column: Column) => !fixed.some(({ physical }) => physical === column.physical);
    if (isMapped) {
      ways.push([
        'rename',
        () => edit((column) => (isFree(column) && this.#random.chance(0.5) ? { ...column, name } : column)),
      ]);
      const plain = this.#columns.filter((column) => isFree(column) && column.type !== 'struct');
      const victim = plain.at(-1);
      if (victim) ways.push(['drop', () => this.#columns.splice(this.#columns.indexOf(victim), 1)]);
    }
    const [what, apply] = this.#random.pick(ways);
    apply();
    const names = new Set<string>();
    this.#columns = this.#columns.map((column) => {
      const free = names.has(column.name) ? `${column.name}_${column.id}` : column.name;
      names.add(free);
      return { ...column, name: free };
    });
    this.#commit(what, [this.#metaData()], this.#live);
  }

  #column(name: string, type: Column['type'], members: readonly Column[] = []): Column {
    const id = this.#nextColumn++;
    return { name, id, type, members, physical: this.shape.mapping === 'none' ? name : `col-${id}` };
  }

  #newRows(count: number): Row[] {
    return Array.from({ length: count }, () => this.#newRow());
  }

  #newRow(): Row {
    const { hasNullKeys, repeatedKeys = 0 } = this.shape;
    if (hasNullKeys && this.#random.chance(0.1)) return this.#touch({ [this.#key.physical]: null });
    const others = this.#random.chance(repeatedKeys) ? this.#live.flatMap(rowsOf) : [];
    const id = others.length > 0 ? this.#random.pick(others)[this.#key.physical] : null;
    return this.#touch({ [this.#key.physical]: id ?? this.#nextId++ });
  }

  /** What an UPDATE makes of a row: mostly other values, now and then none, or another key. */
  #after(row: Row): Row {
    if (this.#random.chance(0.15)) return { ...row };
    return this.#random.chance(0.1) ? this.#newRow() : this.#touch(row);
  }

  /** The same key with other values. */
  #touch(row: Row): Row {
    const values: Record<string, number | string | null> = { [this.#key.physical]: row[this.#key.physical] ?? null };
    const fill = (column: Column) => {
      if (column.type === 'struct') for (const member of column.members) fill(member);
      else if (column.physical === this.#time.physical) values[column.physical] = this.#newTime();
      else if (column.physical === this.#part.physical && this.shape.isCompositeKey && !this.shape.hasNullKeys)
        values[column.physical] = row[column.physical] ?? 'a';
      else if (this.#random.chance(0.15)) values[column.physical] = null;
      else if (column.physical === this.#part.physical) values[column.physical] = this.#random.pick(PARTS);
      else values[column.physical] = column.type === 'string' ? `t${this.#random.below(99)}` : this.#random.below(9999);
    };
    for (const column of this.#columns) if (column.physical !== this.#key.physical) fill(column);
    return values;
  }

  /** Seldom one that another row has. */
  #newTime(): number | null {
    if (this.#random.chance(0.02)) return null;
    return this.#random.chance(0.02) ? this.#random.below(50) : this.#random.below(1_000_000_000);
  }

  /** Writes rows into new files, at most two for each partition. */
  async #write(rows: readonly Row[]): Promise<Live[]> {
    const files: Live[] = [];
    for (const [part, members] of this.#byPart(rows)) {
      const cut = this.#random.below(members.length + 1);
      for (const piece of [members.slice(0, cut), members.slice(cut)]) {
        if (piece.length === 0) continue;
        const name = await this.#writeParquet('', piece, []);
        files.push({ file: { name, part, rows: piece }, dead: new Set(), vector: null });
      }
    }
    return files;
  }

  #hasChangeFiles(probability: number): boolean {
    return this.#random.chance(probability) || this.shape.hasAllChangeFiles === true;
  }

  async #writeChanges(changes: readonly Change[]): Promise<object[]> {
    const actions: object[] = [];
    const typeOf = new Map(changes.map((change) => [change.row, change.type]));
    for (const [part, rows] of this.#byPart(changes.map((change) => change.row))) {
      const types = rows.map((row) => typeOf.get(row) ?? '');
      const name = await this.#writeParquet('_change_data/', rows, types);
      const size = statSync(path.join(this.folder, name)).size;
      actions.push({ cdc: { path: name, partitionValues: this.partitionValues(part), size, dataChange: false } });
    }
    return actions;
  }

  #byPart(rows: readonly Row[]): Map<string | null, Row[]> {
    const groups = new Map<string | null, Row[]>();
    for (const row of rows) {
      const part = this.shape.isPartitioned ? String(row[this.#part.physical] ?? '') || null : null;
      groups.set(part, [...(groups.get(part) ?? []), row]);
    }
    return groups;
  }

  async #writeParquet(prefix: string, rows: readonly Row[], types: readonly string[]): Promise<string> {
    const stored = this.#columns.filter((column) => !(this.isPartitioned && column.physical === this.#part.physical));
    const values = rows.map((row, index) => {
      const cells = stored.map((column) => `${expression(column, row)} as ${quoteIdentifier(column.physical)}`);
      const type = types[index];
      return `select ${[...cells, ...(type === undefined ? [] : [`${quoteLiteral(type)} as "_change_type"`])].join(', ')}`;
    });
    const name = `${prefix}part-${randomUUID()}.parquet`;
    const target = path.join(this.folder, name);
    mkdirSync(path.dirname(target), { recursive: true });
    const ids = this.shape.mapping === 'none' ? '' : `, field_ids {${stored.map(fieldId).join(', ')}}`;
    await this.#connection.run(
      `copy (${values.join(' union all ')}) to ${quoteLiteral(target)} (format parquet${ids})`,
    );
    return name;
  }

  partitionValues(part: string | null): object {
    return this.shape.isPartitioned ? { [this.#part.physical]: part } : {};
  }

  #remove({ file, vector }: Live, dataChange: boolean): object {
    const extended = this.#random.chance(0.5) ? { partitionValues: this.partitionValues(file.part) } : {};
    const stats = this.#random.chance(0.5) ? statsOf(file) : {};
    const parts = { ...extended, ...stats, ...(vector ? { deletionVector: vector } : {}) };
    return { remove: { path: file.name, dataChange, ...parts } };
  }

  #vector(dead: ReadonlySet<number>): object {
    const blob = encodeVector([...dead].map(BigInt));
    const base = { sizeInBytes: blob.length, cardinality: dead.size };
    if (this.#random.chance(0.5) && this.shape.hasStoredVectors !== true)
      return { storageType: 'i', pathOrInlineDv: encodeZ85(blob), ...base };
    const uuid = randomUUID();
    const frame = Buffer.alloc(9);
    frame.writeUInt8(1, 0);
    frame.writeUInt32BE(blob.length, 1);
    frame.writeUInt32BE(crc32(blob), 5);
    const bytes = Buffer.concat([frame.subarray(0, 5), blob, frame.subarray(5)]);
    writeFileSync(path.join(this.folder, `deletion_vector_${uuid}.bin`), bytes);
    const name = encodeZ85(Buffer.from(uuid.replaceAll('-', ''), 'hex'));
    return { storageType: 'u', pathOrInlineDv: name, offset: 1, ...base };
  }

  #metaData(): object {
    return {
      metaData: {
        id: 'history',
        format: { provider: 'parquet', options: {} },
        schemaString: JSON.stringify({ type: 'struct', fields: this.#columns.map((c) => schemaField(c)) }),
        partitionColumns: this.shape.isPartitioned ? [this.#part.name] : [],
        configuration: {
          'delta.columnMapping.mode': this.shape.mapping,
          'delta.enableChangeDataFeed': String(this.#hasFeed),
        },
      },
    };
  }

  #commit(what: string, actions: readonly object[], live: readonly Live[]): void {
    this.version += 1;
    this.log.push(`${this.version}: ${what}`);
    this.#live = [...live];
    this.#earlier.push(this.#live);
    this.broken.push(this.#findBrokenRule());
    const commitInfo = { timestamp: Date.now(), operation: operationOf(what), operationParameters: {} };
    const lines = [{ commitInfo }, ...actions].map((action) => `${JSON.stringify(action)}\n`);
    const name = `${String(this.version).padStart(20, '0')}.json`;
    writeFileSync(path.join(this.folder, '_delta_log', name), lines.join(''), { flag: 'wx' });
  }
}

/** The words of Delta for what was done. */
const OPERATIONS: readonly (readonly [RegExp, string])[] = [
  [/^create/, 'CREATE TABLE'],
  [/^(insert|overwrite|replaceWhere)/, 'WRITE'],
  [/^(update|delete|merge|optimize|restore)/, ''],
  [/^add/, 'ADD COLUMNS'],
  [/^widen/, 'CHANGE COLUMN'],
  [/^rename/, 'RENAME COLUMN'],
  [/^drop/, 'DROP COLUMNS'],
];

function operationOf(what: string): string {
  const [, operation = 'SET TBLPROPERTIES'] = OPERATIONS.find(([pattern]) => pattern.test(what)) ?? [];
  return operation || (what.split(' ')[0] ?? '').toUpperCase();
}

function addOf(history: DeltaHistory, { file, vector }: Live, dataChange: boolean): object {
  const size = statSync(path.join(history.folder, file.name)).size;
  const partitionValues = history.partitionValues(file.part);
  const stats = history.shape.hasStatistics ? statsOf(file) : {};
  const base = { path: file.name, partitionValues, size, modificationTime: 1, dataChange, ...stats };
  return { add: { ...base, ...(vector ? { deletionVector: vector } : {}) } };
}

function statsOf({ rows }: File): { stats: string } {
  return { stats: JSON.stringify({ numRecords: rows.length }) };
}

function rowsOf({ file, dead }: Live): Row[] {
  return file.rows.filter((_, index) => !dead.has(index));
}

function widen(column: Column): Column {
  return { ...column, type: 'long' };
}

function expression(column: Column, row: Row): string {
  if (column.type === 'struct') {
    const members = column.members.map((member) => `${quoteIdentifier(member.physical)} := ${expression(member, row)}`);
    return `struct_pack(${members.join(', ')})`;
  }
  const value = row[column.physical] ?? null;
  return `cast(${valueLiteral(column.type, value)} as ${DUCKDB_TYPES[column.type].duckDb})`;
}

function fieldId(column: Column): string {
  const name = quoteIdentifier(column.physical);
  if (column.type !== 'struct') return `${name}: ${column.id}`;
  return `${name}: {__duckdb_field_id: ${column.id}, ${column.members.map(fieldId).join(', ')}}`;
}

function schemaField(column: Column): object {
  const isMapped = column.physical !== column.name || column.physical.startsWith('col-');
  const metadata = isMapped
    ? { 'delta.columnMapping.id': column.id, 'delta.columnMapping.physicalName': column.physical }
    : {};
  const type =
    column.type === 'struct'
      ? { type: 'struct', fields: column.members.map((m) => schemaField(m)) }
      : DUCKDB_TYPES[column.type].delta;
  return { name: column.name, type, nullable: true, metadata };
}
