import type { DuckDBConnection } from '@duckdb/node-api';
import { type AddedFile, type IcebergField, IcebergWriter, type WrittenPartitionField } from './iceberg-writer.js';
import type { Random } from './random.js';

interface Row {
  readonly id: number;
  readonly grp: number;
  readonly name: string;
  /** Of columns that were added, by name. */
  readonly more: Readonly<Record<string, string>>;
}

interface DataFile {
  readonly statedPath: string;
  readonly specId: number;
  /** The group of its rows, if it is partitioned. */
  readonly part: number | null;
  readonly rows: readonly Row[];
  readonly isDead: boolean[];
  /** Its deletion vector, if it has one. */
  vector: string | null;
}

const FIELDS: readonly IcebergField[] = [
  { id: 1, name: 'id', type: 'long', required: true },
  { id: 2, name: 'grp', type: 'int' },
  { id: 3, name: 'name', type: 'string' },
];
const GROUPS = 3;
const BY_GROUP: WrittenPartitionField = {
  name: 'grp',
  transform: 'identity',
  'source-id': 2,
  'field-id': 1000,
  avro: 'int',
};

/** An Iceberg table with a random history, and a model of its rows that knows nothing of manifests. */
export class IcebergHistory {
  readonly writer: IcebergWriter;
  /** What was done. */
  readonly log: string[] = [];
  readonly #random: Random;
  readonly #formatVersion: 1 | 2 | 3;
  #files: DataFile[] = [];
  #positionDeletes: { readonly statedPath: string; readonly of: string; readonly positions: readonly number[] }[] = [];
  #columns: string[] = [];
  #nextId = 0;
  #changes = 0;

  constructor(
    connection: DuckDBConnection,
    folder: string,
    { random, formatVersion }: { random: Random; formatVersion: 1 | 2 | 3 },
  ) {
    this.#random = random;
    this.#formatVersion = formatVersion;
    const partitionFields = random.chance(0.5) ? [BY_GROUP] : [];
    this.writer = new IcebergWriter(connection, folder, { fields: FIELDS, formatVersion, partitionFields });
  }

  get folder(): string {
    return this.writer.folder;
  }

  /** The live rows as texts, sorted. */
  rows(): string[] {
    return this.#live()
      .map(({ id, grp, name, more }) =>
        [id, grp, name, ...this.#columns.map((column) => more[column] ?? '∅')].join('|'),
      )
      .sort();
  }

  /** Does something at random; mostly one snapshot. */
  async commit(): Promise<void> {
    const ofRows = [() => this.#append(), () => this.#append(), () => this.#overwrite(), () => this.#dropFile()];
    const ofAll = [() => this.#compact(), () => this.#addColumn(), () => this.#repartition()];
    const ofDeletes = [
      () => this.#deletePositions(),
      () => this.#deletePositions(),
      () => this.#deleteByEquality(),
      () => this.#upsert(),
      () => this.#rewriteDeletes(),
    ];
    const acts = [...ofRows, ...ofAll, ...(this.#formatVersion === 1 ? [] : ofDeletes)];
    const done = this.#files.length === 0 ? await this.#append() : await this.#random.pick(acts)();
    this.log.push(done ?? (await this.#append()));
  }

  #live(): Row[] {
    return this.#files.flatMap(liveRows);
  }

  #newRow(id: number): Row {
    const more = Object.fromEntries(
      this.#columns.flatMap((column) => (this.#random.chance(0.7) ? [[column, `x${this.#changes++}`]] : [])),
    );
    return { id, grp: this.#random.below(GROUPS), name: `n${this.#changes++}`, more };
  }

  /** Writes rows under the newest spec, a file for each partition. */
  async #write(rows: readonly Row[]): Promise<{ added: AddedFile[]; files: DataFile[] }> {
    const specId = this.writer.specs.length - 1;
    const isPartitioned = (this.writer.specs[specId] ?? []).length > 0;
    const parts = isPartitioned ? [...new Set(rows.map(({ grp }) => grp))] : [null];
    const added: AddedFile[] = [];
    const files: DataFile[] = [];
    for (const part of parts) {
      const own = rows.filter(({ grp }) => part === null || grp === part);
      if (own.length === 0) continue;
      const file = await this.writer.write(this.#select(own));
      added.push({ ...file, specId, partition: part === null ? {} : { grp: part } });
      const isDead = own.map(() => false);
      files.push({ statedPath: file.statedPath, specId, part, rows: own, isDead, vector: null });
    }
    return { added, files };
  }

  #select(rows: readonly Row[]): string {
    const values = rows.map(({ id, grp, name, more }) => {
      const others = this.#columns.map((column) => (more[column] === undefined ? 'null' : `'${more[column]}'`));
      return `(${[id, grp, `'${name}'`, ...others].join(', ')})`;
    });
    const casts = [
      'id::bigint as id',
      'grp::integer as grp',
      'name',
      ...this.#columns.map((c) => `${c}::varchar as ${c}`),
    ];
    return `select ${casts.join(', ')} from (values ${values.join(', ')}) t(${['id', 'grp', 'name', ...this.#columns].join(', ')})`;
  }

  async #append(): Promise<string> {
    const rows = Array.from({ length: 1 + this.#random.below(8) }, () => this.#newRow(this.#nextId++));
    const { added, files } = await this.#write(rows);
    await this.writer.commit(added);
    this.#files.push(...files);
    return `append ${rows.length}`;
  }

  /** Copy on write: a file is written anew with some rows changed, some left out. */
  async #overwrite(): Promise<string> {
    const file = this.#random.pick(this.#files);
    const rows = liveRows(file).flatMap((row) => {
      if (this.#random.chance(0.3)) return [this.#newRow(row.id)];
      return this.#random.chance(0.2) ? [] : [row];
    });
    const { added, files } = await this.#write(rows);
    await this.writer.commit(added, { removed: [file.statedPath], operation: 'overwrite' });
    this.#files = [...this.#files.filter((each) => each !== file), ...files];
    return `overwrite ${file.statedPath.split('/').at(-1)}`;
  }

  async #dropFile(): Promise<string> {
    const file = this.#random.pick(this.#files);
    await this.writer.commit([], { removed: [file.statedPath], operation: 'delete' });
    this.#files = this.#files.filter((each) => each !== file);
    return `drop ${file.statedPath.split('/').at(-1)}`;
  }

  /** Writes the live rows of some files into others. */
  async #compact(): Promise<string> {
    const chosen = this.#files.filter(() => this.#random.chance(0.6));
    const { added, files } = await this.#write(chosen.flatMap(liveRows));
    const removed = chosen.map(({ statedPath }) => statedPath);
    await this.writer.commit(added, { removed, operation: 'replace' });
    this.#files = [...this.#files.filter((each) => !chosen.includes(each)), ...files];
    return `compact ${chosen.length}`;
  }

  async #addColumn(): Promise<string | null> {
    if (this.#columns.length === 2) return null;
    const column = `c${this.#columns.length}`;
    this.#columns.push(column);
    const fields = this.#columns.map((name, n) => ({ id: 4 + n, name, type: 'string' }));
    this.writer.changeColumns([...FIELDS, ...fields]);
    this.writer.writeMetadata();
    return `add ${column}`;
  }

  async #repartition(): Promise<string> {
    const isPartitioned = (this.writer.specs.at(-1) ?? []).length > 0;
    this.writer.repartition(isPartitioned ? [] : [BY_GROUP]);
    this.writer.writeMetadata();
    return isPartitioned ? 'do not partition' : 'partition';
  }

  /** Merge on read: by vectors in version 3, else by files of positions. A row may be deleted twice. */
  async #deletePositions(): Promise<string | null> {
    const file = this.#random.pick(this.#files);
    const positions = file.rows.flatMap((_, position) => (this.#random.chance(0.4) ? [position] : []));
    if (positions.length === 0) return null;
    const added = await this.#positionFile(file, positions);
    const removed = file.vector === null || this.#formatVersion < 3 ? [] : [file.vector];
    await this.writer.commit([added], { removed, operation: 'delete' });
    for (const position of positions) file.isDead[position] = true;
    if (this.#formatVersion === 3) file.vector = added.statedPath;
    else this.#positionDeletes.push({ statedPath: added.statedPath, of: file.statedPath, positions });
    return `delete ${positions} of ${file.statedPath.split('/').at(-1)}`;
  }

  async #positionFile(file: DataFile, positions: readonly number[]): Promise<AddedFile> {
    const named = { specId: file.specId, partition: file.part === null ? {} : { grp: file.part } };
    if (this.#formatVersion === 3) {
      // A vector holds what the one before it did; rows that are deleted by equality may be in it or not.
      const all = file.rows.flatMap((_, n) =>
        positions.includes(n) || (file.vector !== null && file.isDead[n]) ? [BigInt(n)] : [],
      );
      return { ...this.writer.writeVector(file.statedPath, all), ...named };
    }
    const values = positions.map((position) => `(${position}::bigint)`).join(', ');
    return { ...(await this.writer.writePositions(file.statedPath, `values ${values}`)), ...named };
  }

  /** Deletes rows of some ids, or of a name, in the whole table or in one partition. */
  async #deleteByEquality(): Promise<string> {
    const live = this.#live();
    const ids = live.filter(() => this.#random.chance(0.3)).map(({ id }) => id);
    const { added, matches } = await this.#equalityFile(ids);
    await this.writer.commit([added], { operation: 'delete' });
    this.#kill(matches);
    return `delete ids ${ids}`;
  }

  /** As Flink does: deletes by key, and in the same snapshot the new rows. */
  async #upsert(): Promise<string | null> {
    if ((this.writer.specs.at(-1) ?? []).length > 0) return null;
    const ids = this.#live()
      .filter(() => this.#random.chance(0.3))
      .map(({ id }) => id);
    const { added: deletes, matches } = await this.#equalityFile(ids);
    const { added, files } = await this.#write([...ids, this.#nextId++].map((id) => this.#newRow(id)));
    await this.writer.commit([deletes, ...added], { operation: 'overwrite' });
    this.#kill(matches);
    this.#files.push(...files);
    return `upsert ${ids}`;
  }

  async #equalityFile(ids: readonly number[]) {
    const specId = this.writer.specs.length - 1;
    const isPartitioned = (this.writer.specs[specId] ?? []).length > 0;
    const part = isPartitioned ? this.#random.below(GROUPS) : null;
    const select = ids.length === 0 ? 'select 0::bigint as id where false' : `select unnest([${ids}])::bigint as id`;
    const file = await this.writer.write(select, '{id: 1}');
    const partition = part === null ? {} : { grp: part };
    const added: AddedFile = { ...file, content: 'equalityDeletes', equalityIds: [1], specId, partition };
    const matches = (data: DataFile, row: Row) => {
      return ids.includes(row.id) && (part === null || (data.specId === specId && data.part === part));
    };
    return { added, matches };
  }

  #kill(matches: (file: DataFile, row: Row) => boolean): void {
    for (const file of this.#files) {
      for (const [n, row] of file.rows.entries()) if (matches(file, row)) file.isDead[n] = true;
    }
  }

  /** Files of position deletes become one for each data file; no row changes. */
  async #rewriteDeletes(): Promise<string | null> {
    const live = this.#positionDeletes.filter(({ of }) => this.#files.some(({ statedPath }) => statedPath === of));
    const [first] = live;
    const file = this.#files.find(({ statedPath }) => statedPath === first?.of);
    if (!first || !file) return null;
    const merged = live.filter(({ of }) => of === first.of);
    const positions = [...new Set(merged.flatMap((each) => each.positions))];
    const added = await this.#positionFile(file, positions);
    const removed = merged.map(({ statedPath }) => statedPath);
    // Some writers do not say that nothing changes.
    const operation = this.#random.pick(['replace', 'overwrite']);
    await this.writer.commit([added], { removed, operation });
    this.#positionDeletes = this.#positionDeletes.filter((each) => !merged.includes(each));
    this.#positionDeletes.push({ statedPath: added.statedPath, of: first.of, positions });
    return `rewrite ${merged.length} deletes (${operation})`;
  }
}

function liveRows({ rows, isDead }: DataFile): Row[] {
  return rows.filter((_, n) => !isDead[n]);
}
