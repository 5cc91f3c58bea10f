import { createHash } from 'node:crypto';
import type { Field } from '../../core/data-type.js';
import { syncedTablesError } from '../../core/errors.js';
import type { Engine } from '../engine/duckdb-engine.js';
import { type WhileAnswering, watchedEngine } from '../engine/watched-engine.js';
import type { DeclaredTable, LakeTable } from '../lake-table.js';
import type { Relation, SourceFile } from '../relation/relation.js';
import { holdWhole } from '../relation/relation-pass.js';
import type { SourceDetails } from '../source-details.js';
import type { SourceDescription, SourceSnapshot } from '../source-snapshot.js';
import { tablesOfView, type ViewQuery, ViewScope } from './view-scope.js';

export interface ViewTableOptions extends ViewQuery {
  readonly engine: Engine;
  /** Opens a table that the view reads, by its full name. */
  readonly openTable: (fullName: string) => Promise<LakeTable>;
  readonly declared?: DeclaredTable;
}

/** A view at one version of each table below. */
interface ViewSnapshot extends SourceSnapshot {
  readonly below: ReadonlyMap<string, SourceSnapshot>;
}

/**
 * A view: a query over tables of the lake, run by the engine. Its version is the sum of the versions of the tables below,
 * so that it grows whenever one of them does; it has none if one of them has none.
 * @throws VIEW_INVALID, and what opening a table throws
 */
export async function openViewTable(options: ViewTableOptions): Promise<LakeTable> {
  const tables = new Map<string, LakeTable>();
  for (const name of await tablesOfView(options.engine, options)) tables.set(name, await options.openTable(name));
  return viewTable(options, tables);
}

function viewTable(options: ViewTableOptions, tables: ReadonlyMap<string, LakeTable>): LakeTable {
  const { name, sql, declared } = options;
  const disks = [...tables.values()].flatMap(({ whileAnswering }) => whileAnswering ?? []);
  const whileAnswering: WhileAnswering = (reading) => disks.reduce((waiting, answering) => answering(waiting), reading);
  const engine = disks.length === 0 ? options.engine : watchedEngine(options.engine, whileAnswering);

  /** The columns of the view, by those of the tables below. */
  async function columnsOver(found: readonly (readonly [string, SourceDescription])[]): Promise<Field[]> {
    await using scope = await ViewScope.open(engine, options);
    for (const [below, { columns }] of found) await scope.addEmpty(below, columns);
    return await scope.columns();
  }

  async function snapshotNow(): Promise<ViewSnapshot> {
    const found = await Promise.all(
      [...tables].map(async ([below, table]) => [below, await table.snapshot()] as const),
    );
    const snapshots = found.map(([, snapshot]) => snapshot);
    const states = await Promise.all(found.map(([below, snapshot]) => stateOf(tables.get(below), snapshot)));
    return {
      tableName: name,
      version: sumOrNull(snapshots.map(({ version }) => version)),
      committedAtMs: snapshots.reduce<number | null>(later, null),
      tableId: identify(sql, found),
      columns: await columnsOver(found),
      rowCount: null,
      ...sizeOf(snapshots),
      bookmark: createHash('sha256').update(states.join('\n')).digest('base64url'),
      below: new Map(found),
    };
  }

  return {
    name,
    engine,
    changeFeed: null,
    ...(disks.length === 0 ? {} : { whileAnswering }),
    ...(declared === undefined ? {} : { declared }),
    async snapshot(version) {
      const snapshot = await snapshotNow();
      if (version !== undefined && version !== snapshot.version) {
        throw syncedTablesError('VIEW_VERSION_GONE', { table: name, version });
      }
      return snapshot;
    },
    async describe() {
      const found = await Promise.all(
        [...tables].map(async ([below, table]) => [below, await table.describe()] as const),
      );
      return { tableName: name, tableId: identify(sql, found), columns: await columnsOver(found) };
    },
    async details(): Promise<SourceDetails> {
      const snapshot = await snapshotNow();
      return {
        snapshot,
        format: 'VIEW',
        location: [...tables.keys()].join(', '),
        positionWord: null,
        statedRowCount: null,
        fileCount: 0,
        features: [],
        properties: new Map(),
        partitionColumns: [],
        comments: new Map(),
        commits: [],
      };
    },
    openRelation: (snapshot) => openViewRelation(options, engine, tables, snapshot as ViewSnapshot),
    readBy: (other, rowsAtOnce) => {
      const read = [...tables].map(([below, table]) => [below, table.readBy(other, rowsAtOnce)] as const);
      return viewTable({ ...options, engine: other }, new Map(read));
    },
  };
}

/** Only the columns that the query needs are read of each file: the engine plans the query down to the files. */
async function openViewRelation(
  options: ViewTableOptions,
  engine: Engine,
  tables: ReadonlyMap<string, LakeTable>,
  { columns, below }: ViewSnapshot,
): Promise<Relation> {
  const opened: AsyncDisposable[] = [];
  const dispose = async () => {
    for (const each of opened.reverse()) await each[Symbol.asyncDispose]();
  };
  const keep = <Opened extends AsyncDisposable>(each: Opened): Opened => {
    opened.push(each);
    return each;
  };
  try {
    const scope = keep(await ViewScope.open(engine, options));
    const relations: Relation[] = [];
    const files: SourceFile[] = [];
    for (const [name, snapshot] of below) {
      const table = tables.get(name);
      if (table === undefined) throw new Error('a snapshot of another view');
      const relation = keep(await table.openRelation(snapshot, 1));
      // The files of a store are all fetched before the query runs, and stay until it is over.
      const held = keep(await holdWhole(relation));
      await scope.add(name, snapshot.columns, held.select);
      files.push(...held.files);
      relations.push(relation);
    }
    return {
      parts: [await scope.select(columns)],
      rowCount: null,
      files: [files],
      async requireUnchanged() {
        for (const relation of relations) await relation.requireUnchanged?.();
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Tells what a table below is at its version from anything else under the same version. */
async function stateOf(table: LakeTable | undefined, { version, bookmark }: SourceSnapshot): Promise<string> {
  if (bookmark !== undefined || version === null) return `${version} ${bookmark ?? ''}`;
  return `${version} ${(await table?.changeFeed?.commitIdentity(version)) ?? ''}`;
}

/** Stays while text and tables of the view stay. */
function identify(sql: string, below: readonly (readonly [string, SourceDescription])[]): string {
  const hash = createHash('sha256').update(sql);
  for (const [name, { tableId }] of below) hash.update(`\n${name} ${tableId}`);
  return hash.digest('base64url');
}

function sumOrNull(versions: readonly (bigint | null)[]): bigint | null {
  return versions.reduce((sum, version) => (sum === null || version === null ? null : sum + version), 0n);
}

function later(latest: number | null, { committedAtMs }: SourceSnapshot): number | null {
  return committedAtMs === null ? latest : Math.max(latest ?? 0, committedAtMs);
}

function sizeOf(snapshots: readonly SourceSnapshot[]): { sizeBytes?: bigint } {
  let sizeBytes = 0n;
  for (const snapshot of snapshots) {
    if (snapshot.sizeBytes === undefined) return {};
    sizeBytes += snapshot.sizeBytes;
  }
  return { sizeBytes };
}
