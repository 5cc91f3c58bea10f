import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier } from '../../core/names.js';
import type { SyncedTable } from '../../core/synced-table.js';
import { readManagers, restoreManagers } from '../registry/former-tables.js';
import type { TableUpdateResult } from '../registry/table-update-record.js';
import { isPostgresError, singleStatement } from '../session/session.js';
import { dependentObjects } from './column-changes.js';
import { createTable, creationPublication, qualifiedTargetOf, withPresentName } from './create-table.js';
import type { LoadedCopy } from './loaded-copy.js';
import type { Publication } from './publication.js';
import { buildMissingIndexes } from './shadow-table.js';
import type { Misfit } from './take-over.js';

/**
 * Makes a loaded table visible in the place of a former synced table that cannot become this one: that is dropped in the
 * same transaction, and its grants, managers and indexes go to the new table. Fails with FORMER_TABLE_HAS_DEPENDENTS,
 * and as `creationPublication` does.
 */
export function replacementPublication(copy: LoadedCopy, misfit: Misfit): Publication {
  const { client, position, shadow } = copy;
  const { table } = position;
  const { relation } = misfit;
  const publication = creationPublication(copy);
  return {
    ...publication,
    kind: 'switch',
    ready: async () => {
      await publication.ready?.();
      // So that making them on the parent, under the lock, finds them.
      await buildMissingIndexes({ client, table, relation, shadow, mayLackColumns: true });
    },
    apply: () => replace(copy, misfit),
  };
}

async function replace(copy: LoadedCopy, misfit: Misfit): Promise<TableUpdateResult> {
  const { client, position, columns } = copy;
  const table = await withPresentName(client, position.table);
  const target = qualifiedTargetOf(table);
  const names = [...columns.map(({ field }) => field.name), ...table.extraColumns.map(({ name }) => name)];
  const kept = await readKeptRights(client, misfit.relation, table, { target, columns: names });
  const managers = await readManagers(client, misfit.relation);
  if (table.relation !== null) {
    // The guard tells the registry of a synced table that is dropped: this is none any more.
    await client.query('update synced_tables._tables set relation = null where table_id = $1', [table.tableId]);
  }
  await dropFormer(client, table, target, misfit);
  const result = await createTable(copy);
  for (const statement of [...kept.grants, ...kept.indexes]) await client.query(singleStatement(statement));
  const { rows } = await client.query<{ relation: number }>(`select $1::regclass::oid as relation`, [target]);
  await restoreManagers(client, Number(rows[0]?.relation), managers);
  return result;
}

/** What people gave to a former table that is replaced, as statements and rows that give it to the one in its place. */
interface KeptRights {
  readonly grants: readonly string[];
  /** Statements that make its indexes on the new table, by their names. */
  readonly indexes: readonly string[];
}

/** Reads the grants on a table, also those on columns that the new one has, and its indexes over such columns. */
async function readKeptRights(
  client: pg.Client,
  relation: number,
  table: SyncedTable,
  { target: qualifiedTarget, columns }: { readonly target: string; readonly columns: readonly string[] },
): Promise<KeptRights> {
  const { rows: grants } = await client.query<{ statement: string }>(
    `select format('grant %s%s on %s to %s%s', g.privilege_type, ' (' || quote_ident(g.attname) || ')', $2::text,
                   case g.grantee when 0 then 'public' else quote_ident(r.rolname) end,
                   case when g.is_grantable then ' with grant option' else '' end) as statement
       from (select c.relowner, a.grantee, a.privilege_type, a.is_grantable, null::name as attname
               from pg_class c cross join aclexplode(c.relacl) a where c.oid = $1
             union all
             select c.relowner, a.grantee, a.privilege_type, a.is_grantable, t.attname
               from pg_class c join pg_attribute t on t.attrelid = c.oid and t.attname = any ($3::text[])
               cross join aclexplode(t.attacl) a where c.oid = $1) g
       left join pg_roles r on r.oid = g.grantee
      where g.grantee <> g.relowner and g.grantee <> 'databricks_sync'::regrole and (g.grantee = 0 or r.oid is not null)`,
    [relation, qualifiedTarget, columns],
  );
  const { rows: indexes } = await client.query<{ statement: string }>(
    `select format('create %sindex %I on %s %s', case when x.indisunique then 'unique ' end, c.relname, $2::text,
                   substr(pg_get_indexdef(x.indexrelid), position(' USING ' in pg_get_indexdef(x.indexrelid)) + 1)) as statement
       from pg_index x join pg_class c on c.oid = x.indexrelid
      where x.indrelid = $1 and not x.indisprimary and c.relname !~ ' USING ' and not c.relname = any ($4::text[])
        and not exists (select from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
                         where d.classid = 'pg_class'::regclass and d.objid = x.indexrelid and d.refobjid = x.indrelid
                           and not a.attname = any ($3::text[]))`,
    [relation, qualifiedTarget, columns, table.extraIndexes.map(({ name }) => name)],
  );
  return { grants: grants.map((row) => row.statement), indexes: indexes.map((row) => row.statement) };
}

/**
 * Drops a former table in the transaction that makes the one in its place.
 * @throws FORMER_TABLE_HAS_DEPENDENTS naming what stands in the way
 */
async function dropFormer(client: pg.Client, table: SyncedTable, target: string, misfit: Misfit): Promise<void> {
  try {
    await client.query(`drop table ${target}`);
  } catch (error) {
    if (!isPostgresError(error) || error.code !== '2BP01') throw error;
    const objects = dependentObjects(error.detail ?? '');
    const { column, reason } = misfit;
    const details = { target: table.fullName, objects, column: quoteIdentifier(column), reason };
    throw syncedTablesError(table.change ? 'KEY_HAS_DEPENDENTS' : 'FORMER_TABLE_HAS_DEPENDENTS', details, error);
  }
}
