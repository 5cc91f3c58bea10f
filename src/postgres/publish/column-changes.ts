import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier } from '../../core/names.js';
import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';
import { BRIEF_LOCKS } from '../session/lock-patience.js';
import { isPostgresError } from '../session/session.js';

/** How a published table's columns have to change before its new rows can be switched in. */
export interface ColumnChanges {
  readonly added: readonly TargetColumn[];
  /** Names of columns that the source no longer has. */
  readonly dropped: readonly string[];
  readonly retyped: readonly TargetColumn[];
  /** The primary key, if there will be another one. */
  readonly droppedKey?: { readonly name: string; readonly columns: readonly string[] };
  /** Names of columns of that key which will not be in the new one. */
  readonly nullable?: readonly string[];
}

export function hasColumnChanges(changes: ColumnChanges): boolean {
  return changes.droppedKey !== undefined || changes.added.length + changes.dropped.length + changes.retyped.length > 0;
}

/**
 * Compares a published table with the current columns of its source.
 * @throws CHANGED_PRIMARY_KEY_COLUMN_TYPE for the column by which the table is partitioned: Postgres cannot change its
 *   type. DEPENDENT_OBJECTS_EXIST if a foreign key refers to a key whose type changes.
 */
export async function planColumnChanges(
  client: pg.Client,
  table: SyncedTable,
  relation: number,
  wanted: readonly TargetColumn[],
): Promise<ColumnChanges> {
  const { rows } = await client.query<{ name: string; type: string; isPartitionedBy: boolean }>(
    `select attname as name, format_type(atttypid, atttypmod) as type,
            exists (select from pg_partitioned_table p where p.partrelid = attrelid and attnum = any (p.partattrs)) as "isPartitionedBy"
       from pg_attribute where attrelid = $1 and attnum > 0 and not attisdropped order by attnum`,
    [relation],
  );
  const partitionedBy = new Set(rows.filter((row) => row.isPartitionedBy).map((row) => row.name));
  const current = new Map(rows.map((row) => [row.name, row.type]));
  const extraNames = new Set(table.extraColumns.map((column) => column.name));
  const wantedNames = new Set(wanted.map((column) => column.field.name));
  const retyped = wanted.filter((column) => {
    const type = current.get(column.field.name);
    return type !== undefined && type !== column.postgresType;
  });
  const retypedKeys = retyped.filter((column) => table.keyColumns.includes(column.field.name));
  // Where a foreign key refers to the table, its rows are merged by key, which needs keys of one type.
  const [retypedKey] = retypedKeys;
  if (retypedKey) await refuseForeignKeys(client, table, relation, retypedKey.field.name);
  const fixed = retypedKeys.find(({ field }) => partitionedBy.has(field.name));
  if (fixed) {
    throw syncedTablesError('CHANGED_PRIMARY_KEY_COLUMN_TYPE', {
      column: fixed.field.name,
      table: table.source,
      type: fixed.postgresType,
      target: table.fullName,
      target_type: current.get(fixed.field.name) ?? '',
    });
  }
  return {
    added: wanted.filter((column) => !current.has(column.field.name)),
    dropped: [...current.keys()].filter((name) => !wantedNames.has(name) && !extraNames.has(name)),
    retyped,
  };
}

/**
 * Refuses to change a key that foreign keys may refer to.
 * @param column what changes, for the message
 * @throws DEPENDENT_OBJECTS_EXIST naming the foreign keys
 */
export async function refuseForeignKeys(
  client: pg.Client,
  table: SyncedTable,
  relation: number,
  column: string,
): Promise<void> {
  const { rows } = await client.query<{ objects: string | null }>(
    `select string_agg(format('constraint %I on table %s', conname, conrelid::regclass), ', ' order by oid) as objects
       from pg_constraint where confrelid = $1 and contype = 'f' and conparentid = 0`,
    [relation],
  );
  const objects = rows[0]?.objects ?? null;
  if (objects === null) return;
  throw syncedTablesError('DEPENDENT_OBJECTS_EXIST', { target: table.fullName, table: table.source, column, objects });
}

/**
 * Changes the columns of the parent. No old value is converted: the rows that hold them are detached, or about to be
 * overwritten by a merge.
 * @param qualifiedTarget the parent, quoted for SQL
 * @throws DEPENDENT_OBJECTS_EXIST naming the views that stand in the way
 */
export async function applyColumnChanges(
  client: pg.Client,
  table: SyncedTable,
  qualifiedTarget: string,
  changes: ColumnChanges,
): Promise<void> {
  if (changes.droppedKey !== undefined) {
    const { name, columns } = changes.droppedKey;
    const change = `alter table ${qualifiedTarget} drop constraint ${quoteIdentifier(name)}`;
    await alterColumn(client, table, columns.join(', '), change);
  }
  for (const name of changes.nullable ?? []) {
    await client.query(`alter table ${qualifiedTarget} alter column ${quoteIdentifier(name)} drop not null`);
  }
  for (const name of changes.dropped) {
    await alterColumn(client, table, name, `alter table ${qualifiedTarget} drop column ${quoteIdentifier(name)}`);
  }
  for (const { field, postgresType } of changes.retyped) {
    const column = quoteIdentifier(field.name);
    const change = `alter table ${qualifiedTarget} alter column ${column} type ${postgresType} using null::${postgresType}`;
    await alterColumn(client, table, field.name, change);
  }
  for (const { field, postgresType } of changes.added) {
    await client.query(`alter table ${qualifiedTarget} add column ${quoteIdentifier(field.name)} ${postgresType}`);
  }
}

/** The same, in a transaction whose later work may wait for locks as long as before. */
export async function applyColumnChangesBriefly(
  client: pg.Client,
  table: SyncedTable,
  qualifiedTarget: string,
  changes: ColumnChanges,
): Promise<void> {
  if (!hasColumnChanges(changes)) return;
  const { rows } = await client.query<{ lock_timeout: string }>('show lock_timeout');
  await client.query(BRIEF_LOCKS);
  await applyColumnChanges(client, table, qualifiedTarget, changes);
  await client.query(`set local lock_timeout = '${rows[0]?.lock_timeout}'`);
}

async function alterColumn(client: pg.Client, table: SyncedTable, column: string, statement: string): Promise<void> {
  try {
    await client.query(statement);
  } catch (error) {
    const isDependency = isPostgresError(error) && (error.code === '2BP01' || error.code === '0A000');
    if (!isDependency) throw error;
    const objects = dependentObjects(error.detail ?? '');
    throw syncedTablesError(
      'DEPENDENT_OBJECTS_EXIST',
      { target: table.fullName, table: table.source, column, objects },
      error,
    );
  }
}

/** `view gold.v, view gold.w` from the detail of Postgres' error, which has one object per line. */
export function dependentObjects(detail: string): string {
  const objects = detail.split('\n').map((line) => {
    return line.replace(/ depends on .*$/, '').replace(/^rule \S+ on /, '');
  });
  return objects.filter(Boolean).join(', ') || 'another object';
}
