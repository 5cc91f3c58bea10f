import type pg from 'pg';
import { postgresTableName, quoteIdentifier } from '../../core/names.js';
import type { ExtraIndex, SyncedTable, TargetColumn } from '../../core/synced-table.js';
import { inTransaction, singleStatement } from '../session/session.js';
import { define, refuseForeignNames, refuseForeignParts } from './extra-columns.js';
import { createShadowTable, explainExtraIndex, qualifiedShadow } from './shadow-table.js';

type ExtrasOwner = Pick<SyncedTable, 'fullName' | 'extraColumns' | 'extraIndexes'>;

/**
 * Tries the extra columns and indexes of a table before it is created, on an empty table that is never committed, so
 * that mistakes are found before anything exists.
 * @param shadow name for the temporary attempt
 * @throws EXTRA_DEFINITION_INVALID
 */
export async function probeExtras(
  client: pg.Client,
  table: ExtrasOwner,
  shadow: string,
  columns: readonly TargetColumn[],
): Promise<void> {
  if (table.extraColumns.length + table.extraIndexes.length === 0) return;
  await inTransaction(client, async () => {
    await createShadowTable(client, shadow, columns, table);
    for (const index of table.extraIndexes) await probeIndex(client, table, qualifiedShadow(shadow), index);
    throw new ProbeEnded();
  }).catch((error: unknown) => {
    if (!(error instanceof ProbeEnded)) throw error;
  });
}

/** Rolls the probe back. */
class ProbeEnded extends Error {}

/** @throws EXTRA_DEFINITION_INVALID also when an index uses code not owned by a superuser */
async function probeIndex(client: pg.Client, table: ExtrasOwner, relation: string, index: ExtraIndex): Promise<void> {
  const what = `index "${index.name}"`;
  await createIndex(client, table, relation, index);
  const { rows } = await client.query<{ parts: string | null }>(
    'select synced_tables_internal._foreign_parts_of_index($1::regclass, $2) as parts',
    [relation, index.name],
  );
  refuseForeignParts(table.fullName, what, rows[0]?.parts);
}

/**
 * Builds the extra indexes of a loaded shadow table, which the parent adopts with the partition.
 * @throws INDEX_UNBUILDABLE for rows that do not fit: the definition itself was tried before
 */
export async function createExtraIndexes(client: pg.Client, table: SyncedTable, shadow: string): Promise<void> {
  for (const { name, definition } of table.extraIndexes) {
    // Postgres chooses a name; the creator's name is for the parent's index.
    const text = createStatement(qualifiedShadow(shadow), { name: '', definition });
    await refuseForeignNames(client, table, `index "${name}"`, definition);
    await client.query(singleStatement(text)).catch(async (error: unknown) => {
      throw await explainExtraIndex(client, error, { table, shadow, index: postgresTableName(table.schema, name) });
    });
  }
}

/** The same on the parent, which has no rows yet. */
export async function createExtraIndexesOfParent(client: pg.Client, table: ExtrasOwner, parent: string): Promise<void> {
  for (const index of table.extraIndexes) await createIndex(client, table, parent, index);
}

async function createIndex(
  client: pg.Client,
  table: ExtrasOwner,
  relation: string,
  { name, definition }: ExtraIndex,
): Promise<void> {
  const what = `index "${name}"`;
  await refuseForeignNames(client, table, what, definition);
  await define(table, what, () => client.query(singleStatement(createStatement(relation, { name, definition }))));
}

function createStatement(relation: string, { name, definition }: ExtraIndex): string {
  return `create index ${name === '' ? '' : quoteIdentifier(name)} on ${relation} ${definition}`;
}
