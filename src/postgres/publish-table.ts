import type pg from 'pg';
import { syncedTablesError } from '../core/errors.js';
import { quoteIdentifier } from '../core/names.js';
import type { SyncedTable, TargetColumn } from '../core/synced-table.js';
import { addExtraColumns } from './extra-columns.js';
import { createExtraIndexesOfParent } from './extra-indexes.js';
import type { Publisher } from './publication.js';
import { isPostgresError } from './session/session.js';
import { columnDefinitions, identifierList, qualifiedShadow } from './shadow-table.js';

export interface PublishTableOptions {
  readonly client: pg.Client;
  /** Runs it: in a transaction of its own, or with other tables. */
  readonly publish: Publisher;
  readonly table: SyncedTable;
  readonly columns: readonly TargetColumn[];
  /** Name of the loaded shadow table: key built, ANALYZEd. */
  readonly shadow: string;
  /** Writes position and results in the same transaction. */
  readonly finish: (relation: number) => Promise<void>;
}

/**
 * Makes a loaded table visible for the first time: the partitioned parent, its one partition, owner role, rights and
 * position come into being in one transaction, so nobody ever sees it empty.
 * @throws TARGET_TABLE_EXISTS if somebody made a relation of that name meanwhile; LEASE_LOST; SYNCED_TABLE_DELETED
 */
export async function publishTable(options: PublishTableOptions): Promise<void> {
  const { client, table } = options;
  await options.publish({
    table,
    relation: null,
    kind: 'new',
    ready: async () => {
      await client.query('select synced_tables._prepare_schema($1)', [table.tableId]);
    },
    apply: () => make(options),
  });
}

async function make({ client, table, columns, shadow, finish }: PublishTableOptions): Promise<void> {
  const target = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  await createParent(client, table, target, columns);
  await addExtraColumns(client, table, target);
  await createExtraIndexesOfParent(client, table, target);
  const { rows } = await client.query<{ relation: number }>(`select $1::regclass::oid as relation`, [target]);
  const relation = Number(rows[0]?.relation);
  await finish(relation);
  await client.query(`alter table ${target} attach partition ${qualifiedShadow(shadow)} default`);
  await client.query('select databricks_auth.register($1::oid)', [relation]);
  await client.query('select synced_tables._grant_creator($1::oid, $2)', [relation, table.createdBy]);
  await client.query(`comment on table ${target} is '${comment(table)}'`);
}

function comment(table: SyncedTable): string {
  return `Synced from ${table.source}; read-only. See synced_tables.status.`;
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
