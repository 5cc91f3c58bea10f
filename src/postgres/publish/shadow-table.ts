import pg from 'pg';
import { failingRowsError } from '../../core/errors.js';
import { identifierList, quoteIdentifier } from '../../core/names.js';
import { postgresReason } from '../../core/reasons/postgres-reason.js';
import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';
import { keysOfDuplicates, keysOfFailing, type Misfits } from '../refusals/index-misfits.js';
import { isEntryTooLong, keysTooLongFor, tooLongReason } from '../refusals/long-entries.js';
import { queryTogether } from '../session/query-together.js';
import { inTransaction, isPostgresError } from '../session/session.js';
import { addExtraColumns, type ExtraColumnsOwner } from './extra-columns.js';

/** Schema of partitions and of tables being loaded; visible to the sidecar's role only. */
const SYSTEM_SCHEMA = '__db_system';

/**
 * The hidden table that an update loads. Its name contains update and lease, so that a sweeper knows whether it is
 * still in use: `partition_<lease epoch>_<update id>_<place of the table in its pipeline>`.
 */
export function shadowTableName(leaseEpoch: bigint, updateId: string, place: number): string {
  return `partition_${leaseEpoch}_${updateId.replaceAll('-', '')}_${place}`;
}

export function qualifiedShadow(name: string): string {
  return `${quoteIdentifier(SYSTEM_SCHEMA)}.${quoteIdentifier(name)}`;
}

/**
 * Creates a shadow table without key or indexes: building them after the load is a fifth faster.
 * @throws EXTRA_DEFINITION_INVALID
 */
export async function createShadowTable(
  client: pg.Client,
  name: string,
  columns: readonly TargetColumn[],
  extras: ExtraColumnsOwner,
): Promise<void> {
  await client.query(shadowDefinition(name, columns));
  await addExtraColumns(client, extras, qualifiedShadow(name));
}

/** The statement that creates one that has no extra columns. */
export function shadowDefinition(name: string, columns: readonly TargetColumn[]): string {
  return `create table ${qualifiedShadow(name)} (${columnDefinitions(columns)})`;
}

export function columnDefinitions(columns: readonly TargetColumn[]): string {
  return columns.map((column) => `${quoteIdentifier(column.field.name)} ${column.postgresType}`).join(', ');
}

/** Builds the key of a loaded shadow table, and gathers statistics. */
export async function finishShadow(client: pg.Client, name: string, keyColumns: readonly string[]): Promise<void> {
  const shadow = qualifiedShadow(name);
  await queryTogether(client, [
    `alter table ${shadow} add primary key (${identifierList(keyColumns)})`,
    `analyze ${shadow}`,
  ]);
}

/** Up to `limit` keys that occur more than once, each as the texts of its columns. */
export async function findDuplicateKeys(
  client: pg.Client,
  name: string,
  keyColumns: readonly string[],
  limit: number,
): Promise<string[][]> {
  const keys = identifierList(keyColumns);
  const { rows } = await client.query<{ key: string[] }>(
    `select array[${keyColumns.map((key) => `${quoteIdentifier(key)}::text`).join(', ')}] as key
       from ${qualifiedShadow(name)} group by ${keys} having count(*) > 1 order by ${keys} limit $1`,
    [limit],
  );
  return rows.map((row) => row.key);
}

export interface IndexBuild {
  readonly client: pg.Client;
  readonly table: SyncedTable;
  /** OID of the published table. */
  readonly relation: number;
  /** Name of the shadow table. */
  readonly shadow: string;
  /** True if columns are about to be dropped: an index on one of them is dropped with it. */
  readonly mayLackColumns: boolean;
}

/**
 * Builds every index that the published table has and the shadow lacks, so that the switch adopts them.
 * @returns the statements that could not run because they need a column that is about to be dropped
 * @throws INDEX_UNBUILDABLE
 */
export async function buildMissingIndexes(build: IndexBuild): Promise<ReadonlySet<string>> {
  const { client, relation, shadow, mayLackColumns } = build;
  const { rows } = await client.query<{ statement: string }>(missingIndexes(relation, shadow));
  const unbuildable = new Set<string>();
  for (const { statement } of rows) {
    try {
      await client.query(statement);
    } catch (error) {
      if (!mayLackColumns || !isPostgresError(error) || error.code !== '42703') {
        throw await explainIndexError(build, statement, error);
      }
      unbuildable.add(statement);
    }
  }
  return unbuildable;
}

/** Selects the statements that build, on the shadow, what the published table has and the shadow lacks. */
export function missingIndexes(relation: number, shadow: string): string {
  return `select statement from databricks_auth.missing_indexes(${relation}::oid, ${pg.escapeLiteral(qualifiedShadow(shadow))}::regclass) as statement`;
}

/** SQLSTATE classes for rows that do not fit the index: data, constraints, names and types, limits, user code. */
const MISFIT = /^(22|23|42|54|0A|P0)/;

async function explainIndexError(build: IndexBuild, statement: string, error: unknown): Promise<unknown> {
  if (!isPostgresError(error) || !MISFIT.test(error.code ?? '')) return error;
  const { client, table, relation, shadow } = build;
  const { rows: found } = await client.query<{ oid: number; index: string; terms: string[] }>(
    `select indexrelid as oid, indexrelid::regclass::text as index,
            array(select pg_get_indexdef(indexrelid, n, false) from generate_series(1, indnkeyatts) n order by n) as terms
       from pg_index
      where indrelid = $1 and right(pg_get_indexdef(indexrelid), length($2)) = $2`,
    [relation, statement.slice(statement.indexOf(' USING '))],
  );
  const { oid = 0, index = 'of unknown name', terms = [] } = found[0] ?? {};
  const misfits = { client, index: oid, rows: qualifiedShadow(shadow), keyColumns: table.keyColumns };
  const { reason, keys } = await explainMisfits(misfits, error, { relation, terms });
  const details = { index, target: table.fullName, table: table.source, reason };
  return failingRowsError('INDEX_UNBUILDABLE', details, { column: null, keys }, error);
}

/** INDEX_UNBUILDABLE for an index that a table is created with, where only Postgres itself says which row fails. */
export async function explainExtraIndex(
  client: pg.Client,
  error: unknown,
  { table, shadow, index }: { readonly table: SyncedTable; readonly shadow: string; readonly index: string },
): Promise<unknown> {
  if (!isPostgresError(error) || !MISFIT.test(error.code ?? '')) return error;
  const misfits = { client, index: 0, rows: qualifiedShadow(shadow), keyColumns: table.keyColumns };
  const keys = await keysOfFailing(misfits, error);
  const reason = isEntryTooLong(error) ? tooLongReason(error, []) : postgresReason(error);
  const details = { index, target: table.fullName, table: table.source, reason };
  return failingRowsError('INDEX_UNBUILDABLE', details, { column: null, keys }, error);
}

async function explainMisfits(
  misfits: Misfits,
  error: pg.DatabaseError,
  { relation, terms }: { readonly relation: number; readonly terms: readonly string[] },
): Promise<{ readonly reason: string; readonly keys: readonly string[] }> {
  const { client } = misfits;
  if (error.code === '23505') {
    const keys = await inTransaction(client, () => keysOfDuplicates(misfits));
    return { reason: 'several of them have the same values in its columns', keys };
  }
  if (!isEntryTooLong(error)) {
    return { reason: postgresReason(error), keys: await keysOfFailing(misfits, error) };
  }
  const keys = (await inTransaction(client, () => keysTooLongFor(misfits, relation)).catch(() => null)) ?? [];
  return { reason: tooLongReason(error, terms), keys: keys.length > 0 ? keys : await keysOfFailing(misfits, error) };
}

/**
 * Drops a shadow table if it exists, but never one that was switched in: after a lost reply to COMMIT it could be
 * either.
 */
export async function dropShadowTable(client: pg.Client, name: string): Promise<void> {
  const { rowCount } = await client.query(`select from pg_class where oid = to_regclass($1) and not relispartition`, [
    qualifiedShadow(name),
  ]);
  if (rowCount === 1) await client.query(`drop table ${qualifiedShadow(name)}`);
}
