import type pg from 'pg';
import { quoteIdentifier } from '../core/names.js';
import type { TargetColumn } from '../core/synced-table.js';
import { isPostgresError } from './session.js';

/** Schema of partitions and of tables that are being loaded; only the sidecar's role looks in here. */
export const SYSTEM_SCHEMA = '__db_system';

/**
 * The hidden table into which an update loads. Its name tells update and lease, so that a sweeper knows whether
 * anybody still works on it: `partition_<lease epoch>_<update id>_<place of the table in its pipeline>`.
 */
export function shadowTableName(leaseEpoch: bigint, updateId: string, place: number): string {
  return `partition_${leaseEpoch}_${updateId.replaceAll('-', '')}_${place}`;
}

export function qualifiedShadow(name: string): string {
  return `${quoteIdentifier(SYSTEM_SCHEMA)}.${quoteIdentifier(name)}`;
}

/** Creates a shadow table without key or index: building them after the load is a fifth faster. */
export async function createShadowTable(
  client: pg.Client,
  name: string,
  columns: readonly TargetColumn[],
): Promise<void> {
  await client.query(`create table ${qualifiedShadow(name)} (${columnDefinitions(columns)})`);
}

export function columnDefinitions(columns: readonly TargetColumn[]): string {
  return columns.map((column) => `${quoteIdentifier(column.field.name)} ${column.postgresType}`).join(', ');
}

export async function addPrimaryKey(client: pg.Client, name: string, keyColumns: readonly string[]): Promise<void> {
  await client.query(`alter table ${qualifiedShadow(name)} add primary key (${identifierList(keyColumns)})`);
}

export function identifierList(names: readonly string[]): string {
  return names.map(quoteIdentifier).join(', ');
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

/**
 * Builds every index that the published table has and the shadow lacks, so that the switch adopts them.
 * @param mayLackColumns true if columns are about to be dropped: an index on one of them goes with it
 * @returns the statements that could not run for that reason
 */
export async function buildMissingIndexes(
  client: pg.Client,
  relation: number,
  name: string,
  mayLackColumns: boolean,
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ statement: string }>(
    `select statement from databricks_auth.missing_indexes($1::oid, $2::regclass) as statement`,
    [relation, qualifiedShadow(name)],
  );
  const unbuildable = new Set<string>();
  for (const { statement } of rows) {
    try {
      await client.query(statement);
    } catch (error) {
      if (!mayLackColumns || !isPostgresError(error) || error.code !== '42703') throw error;
      unbuildable.add(statement);
    }
  }
  return unbuildable;
}

/**
 * Drops a shadow table if it is there, and never one that has been switched in: an answer to COMMIT that got lost
 * leaves it open which of the two it is.
 */
export async function dropShadowTable(client: pg.Client, name: string): Promise<void> {
  const { rowCount } = await client.query(`select from pg_class where oid = to_regclass($1) and not relispartition`, [
    qualifiedShadow(name),
  ]);
  if (rowCount === 1) await client.query(`drop table ${qualifiedShadow(name)}`);
}
