import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier } from '../../core/names.js';
import type { ExtraColumn, SyncedTable } from '../../core/synced-table.js';
import { isPostgresError, singleStatement } from '../session/session.js';

/** The table that the extra columns belong to. */
export type ExtraColumnsOwner = Pick<SyncedTable, 'fullName' | 'extraColumns'>;

/** SQLSTATE classes for an invalid definition: features, names and types, data, limits. */
const MISDEFINED = /^(0A|22|42|54)/;

/**
 * Adds the extra columns to an empty table.
 * @param relation quoted for SQL
 * @throws EXTRA_DEFINITION_INVALID also when a column uses code no superuser owns: it would run as the sidecar
 */
export async function addExtraColumns(client: pg.Client, table: ExtraColumnsOwner, relation: string): Promise<void> {
  for (const column of table.extraColumns) {
    for (const part of [column.postgresType, column.expression]) {
      await refuseForeignNames(client, table, `column "${column.name}"`, part);
    }
    const text = `alter table ${relation} add column ${extraColumnDefinition(column)}`;
    await define(table, `column "${column.name}"`, () => client.query(singleStatement(text)));
  }
  if (table.extraColumns.length === 0) return;
  const { rows } = await client.query<{ parts: string | null }>(
    'select synced_tables_internal._foreign_parts_of_columns($1::regclass) as parts',
    [relation],
  );
  refuseForeignParts(table.fullName, 'columns', rows[0]?.parts);
}

/** Type and expression were checked to be closed fragments when the table was requested. */
function extraColumnDefinition({ name, postgresType, kind, expression }: ExtraColumn): string {
  const computed = kind === 'generated' ? `generated always as (${expression}) stored` : `default (${expression})`;
  return `${quoteIdentifier(name)} ${postgresType} ${computed}`;
}

/**
 * Checked when the table was requested, and again before every use: a name may have come to mean something else.
 * @throws EXTRA_DEFINITION_INVALID when the text names something that the sidecar must not run
 */
export async function refuseForeignNames(
  client: pg.Client,
  table: Pick<SyncedTable, 'fullName'>,
  what: string,
  fragment: string,
): Promise<void> {
  const { rows } = await client.query<{ names: string | null }>(
    'select synced_tables_internal._foreign_names_in($1) as names',
    [fragment],
  );
  const names = rows[0]?.names;
  if (names === null || names === undefined) return;
  const reason = `the sidecar would run ${names}`;
  throw syncedTablesError('EXTRA_DEFINITION_INVALID', { target: table.fullName, what, reason });
}

/** @throws EXTRA_DEFINITION_INVALID if there are any */
export function refuseForeignParts(target: string, what: string, parts: string | null | undefined): void {
  if (parts === null || parts === undefined) return;
  const reason = `no superuser owns ${parts}, and code in it would run as the sidecar`;
  throw syncedTablesError('EXTRA_DEFINITION_INVALID', { target, what, reason });
}

/** Runs a statement that contains SQL from the table's creator. */
export async function define<Result>(
  table: Pick<SyncedTable, 'fullName'>,
  what: string,
  run: () => Promise<Result>,
): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (!isPostgresError(error) || !MISDEFINED.test(error.code ?? '')) throw error;
    throw syncedTablesError('EXTRA_DEFINITION_INVALID', { target: table.fullName, what, reason: error.message }, error);
  }
}
