import { randomUUID } from 'node:crypto';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteIdentifier, quoteLiteral } from '../../src/core/names.js';
import type { Random } from './random.js';
import { encodeVector } from './roaring-encoder.js';
import { encodeZ85 } from './z85-encoder.js';

/** A column as the newest metadata has it; `s` is a struct, whose members are columns again. */
interface Column {
  readonly physical: string;
  readonly id: number;
  readonly name: string;
  readonly type: 'integer' | 'long' | 'string' | 'struct';
  readonly members: readonly Column[];
}

/** Values by physical name; what is not there is null. */
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
}

const DUCKDB = { integer: 'integer', long: 'bigint', string: 'varchar' };
const PARTS = ['a', 'b/c d', null];

/**
 * Writes a random history of a keyed Delta table: real Parquet files, vectors and commits, by none of the product's
 * code. The key is `id`; the rows that must be there are known beside it.
 */
export class DeltaHistory {
  readonly folder: string;
  readonly shape: HistoryShape;
  version = -1;
  /** What each commit did, for messages. */
  readonly log: string[] = [];
  readonly #connection: DuckDBConnection;
  readonly #random: Random;
  #columns: Column[];
  #live: Live[] = [];
  readonly #earlier: Live[][] = [];
  #nextId = 1;
  #nextColumn = 1;
  readonly #key: Column;
  readonly #part: Column;

  constructor(options: { connection: DuckDBConnection; folder: string; random: Random; shape: HistoryShape }) {
    this.folder = options.folder;
    this.shape = options.shape;
    this.#connection = options.connection;
    this.#random = options.random;
    this.#key = this.#column('id', 'integer');
    this.#part = this.#column('part', 'string');
    const members = [this.#column('m', 'integer')];
    this.#columns = [this.#key, this.#column('v', 'integer'), this.#part, this.#column('s', 'struct', members)];
    mkdirSync(path.join(this.folder, '_delta_log'), { recursive: true });
  }

  /** Version 0. */
  async create(): Promise<void> {
    const features = ['columnMapping', 'deletionVectors', 'typeWidening'];
    const protocol = { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: features, writerFeatures: features };
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
      () => this.#optimize(),
      () => this.#restore(),
      () => this.#evolve(),
      () => this.#commit('nothing', [this.#metaData()], this.#live),
    ];
    await this.#random.pick(ways)();
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
    changes.push(...newRows.map((row) => ({ type: 'insert', row })));
    for (const live of this.#live) {
      const hit = new Set([...live.file.rows.keys()].filter((i) => !live.dead.has(i) && this.#random.chance(0.3)));
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
        const after = this.#touch(row);
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
    const hasChangeFiles = this.shape.hasFeed && changes.length > 0 && this.#random.chance(0.6);
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
    const isFree = (column: Column) => ![this.#key, this.#part].some((fixed) => fixed.physical === column.physical);
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
    return Array.from({ length: count }, () => this.#touch({ [this.#key.physical]: this.#nextId++ }));
  }

  /** The same key with other values. */
  #touch(row: Row): Row {
    const values: Record<string, number | string | null> = { [this.#key.physical]: row[this.#key.physical] ?? null };
    const fill = (column: Column) => {
      if (column.type === 'struct') for (const member of column.members) fill(member);
      else if (this.#random.chance(0.15)) values[column.physical] = null;
      else if (column.physical === this.#part.physical) values[column.physical] = this.#random.pick(PARTS);
      else values[column.physical] = column.type === 'string' ? `t${this.#random.below(99)}` : this.#random.below(9999);
    };
    for (const column of this.#columns) if (column.physical !== this.#key.physical) fill(column);
    return values;
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
    return { remove: { path: file.name, dataChange, ...extended, ...(vector ? { deletionVector: vector } : {}) } };
  }

  #vector(dead: ReadonlySet<number>): object {
    const blob = encodeVector([...dead].map(BigInt));
    const base = { sizeInBytes: blob.length, cardinality: dead.size };
    if (this.#random.chance(0.5)) return { storageType: 'i', pathOrInlineDv: encodeZ85(blob), ...base };
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
          'delta.enableChangeDataFeed': String(this.shape.hasFeed),
        },
      },
    };
  }

  #commit(what: string, actions: readonly object[], live: readonly Live[]): void {
    this.version += 1;
    this.log.push(`${this.version}: ${what}`);
    this.#live = [...live];
    this.#earlier.push(this.#live);
    const lines = [{ commitInfo: { operation: what } }, ...actions].map((action) => `${JSON.stringify(action)}\n`);
    const name = `${String(this.version).padStart(20, '0')}.json`;
    writeFileSync(path.join(this.folder, '_delta_log', name), lines.join(''), { flag: 'wx' });
  }
}

function addOf(history: DeltaHistory, { file, vector }: Live, dataChange: boolean): object {
  const size = statSync(path.join(history.folder, file.name)).size;
  const partitionValues = history.partitionValues(file.part);
  const base = { path: file.name, partitionValues, size, modificationTime: 1, dataChange };
  return { add: { ...base, ...(vector ? { deletionVector: vector } : {}) } };
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
  const literal = value === null ? 'null' : typeof value === 'number' ? String(value) : quoteLiteral(value);
  return `cast(${literal} as ${DUCKDB[column.type]})`;
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
    column.type === 'struct' ? { type: 'struct', fields: column.members.map((m) => schemaField(m)) } : column.type;
  return { name: column.name, type, nullable: true, metadata };
}
