import type { DuckDBConnection } from '@duckdb/node-api';
import { namingDamagedFile } from '../../data-files/name-damage.js';
import type { PlacedFile } from '../files/placed-file.js';
import type { ContentFile } from '../manifests/content-file.js';
import { positionOf } from '../metadata/table-metadata.js';
import { IcebergScan, type IcebergScanOptions } from '../scan/iceberg-scan.js';
import type { IcebergSnapshot } from '../snapshot/iceberg-snapshot.js';
import type { ChangeStep } from './change-steps.js';
import { deletesFor, type FileDifferences } from './file-differences.js';
import { withoutRewritten } from './without-rewritten.js';

/** A step, and the files of its two snapshots. */
export interface PlannedStep extends ChangeStep {
  readonly differences: FileDifferences;
  /** Deletes that concern removed and touched files in the first snapshot. */
  readonly deletesBefore: readonly ContentFile[];
  /** Those that concern added and touched files in the second. */
  readonly deletesAfter: readonly ContentFile[];
}

export function planStep(
  step: ChangeStep,
  differences: FileDifferences,
  files: { readonly before: readonly ContentFile[]; readonly after: readonly ContentFile[] },
): PlannedStep {
  const { removed, added } = differences;
  const touched = differences.touched.map(({ file }) => file);
  return {
    ...step,
    differences,
    deletesBefore: deletesFor([...touched, ...removed], files.before),
    deletesAfter: deletesFor([...touched, ...added], files.after),
  };
}

export interface StepRowsOptions extends Pick<IcebergScanOptions, 'engine' | 'store'> {
  readonly connection: DuckDBConnection;
  /** Prefix of names of tables of the engine. */
  readonly name: string;
  readonly step: PlannedStep;
  /** What rows are read as: the table at the end of all steps. */
  readonly end: IcebergSnapshot;
  /** Passes over files, after it was checked that they are there. */
  readonly held: IcebergScanOptions['held'];
}

/** A SELECT of rows of a file in the one snapshot or the other. */
interface Reading {
  readonly scan: IcebergScan;
  readonly files: readonly ContentFile[];
  /** Table with the rows that are meant; null for the live ones. */
  readonly only: string | null;
  readonly change: 'delete' | 'insert';
}

/**
 * The rows that one of two snapshots has and the other has not: of files that only one has all, of files that both have
 * those that are deleted in one alone. Rows of touched files are told by their positions, whichever way they are deleted.
 */
export class StepRows implements AsyncDisposable {
  readonly #options: StepRowsOptions;
  readonly #before: IcebergScan;
  readonly #after: IcebergScan;
  /** Places of files in the scans: touched files come first in both. */
  readonly #places: ReadonlyMap<ContentFile, number>;
  /** Of touched files those with changed rows. */
  #changed: readonly ContentFile[] = [];
  #changedRows = 0n;

  private constructor(options: StepRowsOptions, before: IcebergScan, after: IcebergScan) {
    this.#options = options;
    this.#before = before;
    this.#after = after;
    const { removed, added } = options.step.differences;
    const touched = this.#touched;
    const placed = [removed, added].flatMap((others) => [...touched, ...others].map((file, n) => [file, n] as const));
    this.#places = new Map(placed);
  }

  /** Reads deletes, and of touched files what equality deletes compare. */
  static async open(options: StepRowsOptions): Promise<StepRows> {
    const { step, end } = options;
    const { removed, added, touched } = step.differences;
    const both = touched.map(({ file }) => file);
    const scanOf = (dataFiles: readonly ContentFile[], deleteFiles: readonly ContentFile[]) => {
      return IcebergScan.open({ ...options, isNumbered: false, snapshot: { ...end, dataFiles, deleteFiles } });
    };
    const before = await scanOf([...both, ...removed], step.deletesBefore);
    let after: IcebergScan | null = null;
    try {
      after = await scanOf([...both, ...added], step.deletesAfter);
      const rows = new StepRows(options, before, after);
      await rows.#comparePositions();
      return rows;
    } catch (error) {
      await before[Symbol.asyncDispose]();
      await after?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  get #touched(): ContentFile[] {
    return this.#options.step.differences.touched.map(({ file }) => file);
  }

  /** As far as metadata tells: deletes by equality may concern rows of files that only one snapshot has. */
  get rowCountMax(): bigint {
    const { removed, added } = this.#options.step.differences;
    const live = (files: readonly ContentFile[], scan: IcebergScan) => {
      return files.reduce((sum, file) => sum + file.recordCount - scan.deadRows(this.#place(file)), 0n);
    };
    return live(removed, this.#before) + live(added, this.#after) + this.#changedRows;
  }

  /**
   * Adds the changes to a table of the engine: the columns of the table, then those of `changeFields`. Rows that were only
   * written anew are none.
   * @throws SOURCE_FILE_CORRUPT, SOURCE_FILE_MISSING
   */
  async insertInto(table: string): Promise<void> {
    const { step, name } = this.#options;
    const { removed, added } = step.differences;
    const [before, after] = [this.#before, this.#after];
    const readings: Reading[] = [
      { scan: before, files: removed, only: null, change: 'delete' },
      { scan: before, files: this.#changed, only: `${name}_gone`, change: 'delete' },
      { scan: after, files: this.#changed, only: `${name}_back`, change: 'insert' },
      { scan: after, files: added, only: null, change: 'insert' },
    ];
    if (!isRewriting(step)) {
      for (const reading of readings) await this.#insert(reading, table);
      return;
    }
    const { connection, end } = this.#options;
    const all = `${name}_all`;
    await connection.run(`create table ${all} as select * from ${table} limit 0`);
    for (const reading of readings) await this.#insert(reading, all);
    await connection.run(`insert into ${table} ${withoutRewritten(all, end.columns)}`);
    await connection.run(`drop table ${all}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#before[Symbol.asyncDispose]();
    } finally {
      await this.#after[Symbol.asyncDispose]();
    }
  }

  async #insert({ scan, files, only, change }: Reading, table: string): Promise<void> {
    const { connection, step, end } = this.#options;
    const { to } = step;
    const fields = [
      `'${change}'`,
      `${positionOf(to)}::bigint`,
      `make_timestamptz(${BigInt(to.committedAtMs) * 1000n}::bigint)`,
    ];
    for await (const placed of this.#held(files)) {
      await scan.countRows(placed);
      const select = await scan.select(placed, only);
      const read = placed.map(({ file, data }) => ({ path: file.path, data }));
      await namingDamagedFile(connection, end.tableName, read, () =>
        connection.run(`insert into ${table} select r.*, ${fields.join(', ')} from (${select}) r`),
      );
    }
  }

  /** Finds the rows of touched files that are deleted in one of the snapshots alone. */
  async #comparePositions(): Promise<void> {
    const { connection, name, step } = this.#options;
    const [before, after] = [`${name}_before`, `${name}_after`];
    for (const table of [before, after]) await connection.run(`create table ${table} (file integer, position bigint)`);
    const touched = this.#touched;
    await this.#before.copyDead(before, touched.length);
    await this.#after.copyDead(after, touched.length);
    // What is deleted by equality must be known of the others: a row may be deleted both ways.
    const differing = new Set(await this.#filesIn(`(${onlyIn(before, after)}) union all (${onlyIn(after, before)})`));
    const toRead = step.differences.touched.filter(({ file, isByEquality }, place) => {
      const isConcerned = this.#before.isConcerned(file) || this.#after.isConcerned(file);
      return isConcerned && (isByEquality || differing.has(place));
    });
    for await (const placed of this.#held(toRead.map(({ file }) => file))) {
      await this.#before.findDeadByEquality(placed, before);
      await this.#after.findDeadByEquality(placed, after);
    }
    await connection.run(`create table ${name}_gone as ${onlyIn(after, before)}`);
    await connection.run(`create table ${name}_back as ${onlyIn(before, after)}`);
    for (const table of [before, after]) await connection.run(`drop table ${table}`);
    const both = `select * from ${name}_gone union all select * from ${name}_back`;
    const counted = await connection.runAndReadAll(`select count(*)::varchar from (${both})`);
    this.#changedRows = BigInt(String(counted.getRowsJson()[0]?.[0]));
    const changed = new Set(await this.#filesIn(both));
    this.#changed = touched.filter((_, place) => changed.has(place));
  }

  async #filesIn(select: string): Promise<number[]> {
    const found = await this.#options.connection.runAndReadAll(`select distinct file from (${select})`);
    return found.getRowsJson().map(([file]) => Number(file));
  }

  /** Files on the disk, with their places in the scans. */
  async *#held(files: readonly ContentFile[]): AsyncGenerator<readonly PlacedFile[]> {
    for await (const placed of this.#options.held(files)) {
      yield placed.map((each) => ({ ...each, index: this.#place(each.file) }));
    }
  }

  #place(file: ContentFile): number {
    const place = this.#places.get(file);
    if (place === undefined) throw new Error('a file is in no step');
    return place;
  }
}

/** Whether rows of files that are gone may be in files that came instead. */
export function isRewriting({ differences: { removed, added } }: PlannedStep): boolean {
  return removed.length > 0 && added.length > 0;
}

function onlyIn(table: string, other: string): string {
  return `select file, position from ${table} except select file, position from ${other}`;
}
