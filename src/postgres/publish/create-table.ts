import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import { identifierList, quoteIdentifier } from '../../core/names.js';
import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';
import { commitPosition } from '../registry/commit-position.js';
import { grantCreator } from '../registry/former-tables.js';
import type { TableUpdateResult } from '../registry/table-update-record.js';
import { isPostgresError } from '../session/session.js';
import { addExtraColumns } from './extra-columns.js';
import { createExtraIndexesOfParent } from './extra-indexes.js';
import type { LoadedCopy } from './loaded-copy.js';
import type { Publication } from './publication.js';
import { columnDefinitions, qualifiedShadow } from './shadow-table.js';
import { sourceComment } from './source-comment.js';

/**
 * Makes a loaded table visible for the first time: partitioned parent, single partition, owner role, rights and
 * position are created in one transaction, so nobody ever sees the table empty. Fails with TARGET_TABLE_EXISTS if a
 * relation of that name was created meanwhile, EXTRA_DEFINITION_INVALID, SYNCED_TABLE_DELETED.
 */
export function creationPublication(copy: LoadedCopy): Publication {
  const { client, position } = copy;
  const { table } = position;
  return {
    table,
    relation: null,
    kind: 'new',
    ready: async () => {
      await client.query('select synced_tables_internal._prepare_schema($1)', [table.tableId]);
    },
    apply: () => createTable(copy),
  };
}

/** The parent, quoted for SQL. */
export function qualifiedTargetOf(table: SyncedTable): string {
  return `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
}

/** Creates it in the caller's transaction. */
export async function createTable({
  client,
  position,
  columns,
  shadow,
  result,
}: LoadedCopy): Promise<TableUpdateResult> {
  const table = await withPresentName(client, position.table);
  const target = qualifiedTargetOf(table);
  await createParent(client, table, target, columns);
  await addExtraColumns(client, table, target);
  await createExtraIndexesOfParent(client, table, target);
  const { rows } = await client.query<{ relation: number }>(`select $1::regclass::oid as relation`, [target]);
  const relation = Number(rows[0]?.relation);
  await commitPosition(client, position, { relation, result, rowCount: result.rowsWritten });
  await client.query(`alter table ${target} attach partition ${qualifiedShadow(shadow)} default`);
  await client.query('select databricks_auth.register($1::oid)', [relation]);
  await grantCreator(client, relation, table.createdBy);
  await client.query(`comment on table ${target} is ${client.escapeLiteral(sourceComment(table))}`);
  return result;
}

/** The table under the name that the registry has for it now: it may have been renamed while it was loaded. */
export async function withPresentName(client: pg.Client, table: SyncedTable): Promise<SyncedTable> {
  const { rows } = await client.query<Pick<SyncedTable, 'schema' | 'name' | 'fullName'>>(
    `select schema_name as schema, table_name as name, synced_table as "fullName" from synced_tables._tables
      where table_id = $1 for no key update`,
    [table.tableId],
  );
  return { ...table, ...rows[0] };
}

async function createParent(
  client: pg.Client,
  table: SyncedTable,
  target: string,
  columns: readonly TargetColumn[],
): Promise<void> {
  const [partitionKey = ''] = table.keyColumns;
  try {
    await client.query(
      `create table ${target} (${columnDefinitions(columns)}, primary key (${identifierList(table.keyColumns)}))
         partition by range (${quoteIdentifier(partitionKey)})`,
    );
  } catch (error) {
    if (!isPostgresError(error) || (error.code !== '42P07' && error.code !== '42710')) throw error;
    throw syncedTablesError('TARGET_TABLE_EXISTS', { target: table.fullName }, error);
  }
}
