import { randomUUID } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import { syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier } from '../../core/names.js';
import { type ChangeRelation, changeFields, type SchemaChange } from '../changes/change-relation.js';
import { collapseChanges } from '../changes/collapse-changes.js';
import type { SourceSnapshot } from '../source-snapshot.js';
import { type RowRelationOptions, rowRelation, selectNone } from './row-relation.js';
import type { Changes, RemoteColumn, RowHistory, VersionRange } from './row-source.js';

export interface RemoteChangeFeedOptions extends RowRelationOptions {
  readonly history: RowHistory;
  /** Name of the catalog in the settings, for messages. */
  readonly catalog: string;
  readonly tableId: string;
}

export interface RemoteChangesOptions extends RemoteChangeFeedOptions {
  readonly range: VersionRange;
  /** Those of the end. */
  readonly columns: readonly RemoteColumn[];
  readonly changes: (columns: readonly RemoteColumn[]) => Changes;
  readonly end: SourceSnapshot;
  readonly schemaChanges: readonly SchemaChange[];
  readonly bookmark: string;
  /** The error to report for one of the server. */
  readonly explain: (error: unknown) => unknown;
  /** Once it is aborted, the server is told to stop. */
  readonly signal?: AbortSignal;
}

/** Makes changes readable that a server gives. They are read into a table of the engine, which spills to the disk. */
export async function openRemoteChanges(options: RemoteChangesOptions): Promise<ChangeRelation> {
  const { engine, range, end, signal } = options;
  refuseReservedNames(options);
  const schema = `remote_changes_${randomUUID().replaceAll('-', '')}`;
  const table = `${schema}.changes`;
  const changes = options.changes(options.columns.filter(({ field }) => field.type.kind !== 'unsupported'));
  const connection = await engine.connect();
  const dispose = async () => {
    try {
      await connection.run(`drop schema if exists ${schema} cascade`);
    } finally {
      connection.closeSync();
    }
  };
  try {
    await connection.run(`create schema ${schema}`);
    await connection.run(`create table ${table} as ${selectNone(changes.columns)}`);
  } catch (error) {
    await dispose();
    throw error;
  }
  const isEmpty = range.from === range.to;
  const load = async () => {
    if (isEmpty) return;
    await using relation = rowRelation(options, changes);
    await using pass = relation.remote.begin(signal);
    for (let part = await pass.next(); part !== null; part = await pass.next()) {
      await using held = part;
      await connection.run(`insert into ${table} ${held.select}`);
    }
    await removeRepeated(connection, table, options);
  };
  const explained = async <Value>(work: Promise<Value>): Promise<Value> => {
    try {
      return await work;
    } catch (error) {
      throw options.explain(error);
    }
  };
  let fetched: Promise<void> | null = null;
  const fetch = () => {
    fetched ??= explained(load());
    return fetched;
  };
  let counted: Promise<bigint> | null = null;
  let collapsed = 0;
  const select = `select * from ${table}`;
  return {
    ...range,
    end,
    schemaChanges: options.schemaChanges,
    isChangeFeed: true,
    // No files of ours: the server reads as many as it takes.
    fileCount: isEmpty ? 0 : 1,
    fileBytes: 0n,
    bookmark: options.bookmark,
    files: [],
    select,
    fetch,
    async countRows() {
      if (fetched !== null) {
        await fetched;
        return countOf(connection, `select count(*) from ${table}`);
      }
      counted ??= isEmpty ? Promise.resolve(0n) : explained(changes.count(signal));
      return counted;
    },
    // The server says nothing of the files to compare with.
    contradictions: async () => [],
    async collapse(collapseOptions) {
      await fetch();
      const keysTable = `${schema}.keys${collapsed++}`;
      return collapseChanges(connection, { select, columns: end.columns, keysTable }, collapseOptions);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/**
 * Trino gives what a commit inserted twice if the commit has change files and removes no file, as a MERGE that only inserts:
 * once from the change files and once from the data files. Then every row of that version comes an even number of times, which
 * may also be so in truth: the number of rows of the table tells.
 */
async function removeRepeated(
  connection: DuckDBConnection,
  table: string,
  { history, range, tableName, catalog, columns }: RemoteChangesOptions,
): Promise<void> {
  if (history.repeatsInserts !== true) return;
  const names = columns
    .filter(({ field }) => field.type.kind !== 'unsupported')
    .map(({ field }) => quoteIdentifier(field.name));
  const each = ['_commit_version', ...names].join(', ');
  const suspects = await connection.runAndReadAll(
    `select _commit_version, sum(copies) from (
       select ${each}, count(*) as copies, bool_and(_change_type = 'insert') as is_new from ${table} group by ${each})
     group by _commit_version having bool_and(is_new and copies % 2 = 0) order by _commit_version`,
  );
  for (const [given, rows] of suspects.getRowsJson()) {
    const version = BigInt(String(given));
    const before = version === 0n ? 0n : await history.countRows(version - 1n);
    const inserted = (await history.countRows(version)) - before;
    const count = BigInt(String(rows));
    if (count === inserted) continue;
    if (count !== 2n * inserted) {
      const reason = `it gives ${count} inserted rows of version ${version}, which has ${inserted} more than the one before`;
      throw syncedTablesError('REMOTE_CHANGES_GONE', { catalog, table: tableName, ...range, reason });
    }
    await connection.run(
      `create or replace table ${table}_once as select * exclude (_copy) from (
         select *, row_number() over (partition by ${each}) as _copy from ${table} where _commit_version = ${version})
       where _copy % 2 = 1;
       delete from ${table} where _commit_version = ${version};
       insert into ${table} select * from ${table}_once;
       drop table ${table}_once`,
    );
  }
}

async function countOf(connection: DuckDBConnection, sql: string): Promise<bigint> {
  return BigInt(String((await connection.runAndReadAll(sql)).getRowsJson()[0]?.[0]));
}

/** Names of the change fields; Delta forbids them as columns where the feed is on. */
function refuseReservedNames({ columns, tableName: table, catalog }: RemoteChangesOptions): void {
  const reserved = changeFields.map((field) => field.name);
  const taken = columns.find(({ field }) => reserved.includes(field.name.toLowerCase()));
  if (!taken) return;
  const reason = `it has a column named "${taken.field.name}"`;
  throw syncedTablesError('REMOTE_CHANGES_NOT_GIVEN', { catalog, table, reason });
}
