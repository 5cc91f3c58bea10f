import { fullNameOf } from '../names/table-name.js';
import { columnInfoOf } from './column-info.js';
import type { KnownTable } from './known-table.js';
import { readColumns, readPrimaryKeys } from './relation-record.js';
import type { TableInfo } from './unity-catalog-schema.js';

/** A table without its columns and keys. */
export function tableInfoOf(table: KnownTable): TableInfo {
  const { synced, relation } = table;
  const kind = relation?.kind;
  return {
    name: table.table,
    catalog_name: table.catalog,
    schema_name: table.schema,
    full_name: fullNameOf(table),
    ...(kind === 'v' || kind === 'm'
      ? { table_type: kind === 'v' ? 'VIEW' : 'MATERIALIZED_VIEW' }
      : { table_type: 'FOREIGN', data_source_format: 'POSTGRESQL_FORMAT' }),
    properties: propertiesOf(table),
    owner: synced?.createdBy ?? relation?.owner ?? '',
    ...(relation?.comment ? { comment: relation.comment } : {}),
    ...(synced
      ? {
          table_id: synced.tableId,
          pipeline_id: synced.pipelineId,
          created_at: BigInt(Date.parse(synced.createdAt)),
          created_by: synced.createdBy,
          updated_at: BigInt(Date.parse(synced.lastSyncAt ?? synced.createdAt)),
        }
      : {}),
  };
}

function propertiesOf({ instance, database, synced }: KnownTable): Record<string, string> {
  return {
    database_instance_name: instance.name,
    logical_database_name: database.name,
    ...(synced
      ? {
          source_table_full_name: synced.source,
          scheduling_policy: synced.policy,
          detailed_state: synced.state,
          ...(synced.timeseriesKey === null ? {} : { timeseries_key: synced.timeseriesKey }),
        }
      : {}),
  };
}

/** Tables with their columns and, if requested, their keys; tables of one database are read together. */
export async function describeTables(
  tables: readonly KnownTable[],
  wants: { readonly keys: boolean },
): Promise<TableInfo[]> {
  const described = new Map<KnownTable, Pick<TableInfo, 'columns' | 'table_constraints'>>();
  for (const database of new Set(tables.map((table) => table.database))) {
    const here = tables.filter((table) => table.database === database);
    const oids = here.flatMap(({ relation }) => (relation ? [relation.oid] : []));
    const { columns, keys } = await database.asService(async (client) => ({
      columns: await readColumns(client, oids),
      keys: wants.keys ? await readPrimaryKeys(client, oids) : [],
    }));
    for (const table of here) {
      const oid = table.relation?.oid;
      const key = keys.find((each) => each.oid === oid) ?? keyAskedFor(table);
      described.set(table, {
        columns: columns.filter((column) => column.oid === oid).map(columnInfoOf),
        ...(wants.keys && key
          ? {
              table_constraints: [{ primary_key_constraint: { name: key.name, child_columns: [...key.columns] } }],
            }
          : {}),
      });
    }
  }
  return tables.map((table) => ({ ...tableInfoOf(table), ...described.get(table) }));
}

/** The key that a synced table will have once loaded. */
function keyAskedFor({ synced, table }: KnownTable) {
  return synced ? { name: `${table}_pkey`, columns: synced.keyColumns } : null;
}
