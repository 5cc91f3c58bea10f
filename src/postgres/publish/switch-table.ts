import type pg from 'pg';
import { quoteIdentifier } from '../../core/names.js';
import { commitPosition } from '../registry/commit-position.js';
import type { TableUpdateResult } from '../registry/table-update-record.js';
import { BRIEF_LOCKS } from '../session/lock-patience.js';
import { applyColumnChanges } from './column-changes.js';
import type { ReplacingCopy } from './loaded-copy.js';
import type { Publication } from './publication.js';
import { solePartition } from './published-table.js';
import { buildMissingIndexes, qualifiedShadow } from './shadow-table.js';

/** Prepares a loaded shadow table to become the partition of a published table: owner, rights, constraints. */
export async function preparePartition(client: pg.Client, relation: number, shadow: string): Promise<void> {
  await client.query('select databricks_auth.prepare_partition($1::oid, $2::regclass)', [
    relation,
    qualifiedShadow(shadow),
  ]);
}

/**
 * Replaces the partition of a published table by a loaded and prepared one. The table keeps its OID, indexes, rights,
 * comments and dependent objects; readers see the old rows or the new ones and wait for milliseconds. Fails with
 * SYNCED_TABLE_DELETED, DEPENDENT_OBJECTS_EXIST, INDEX_UNBUILDABLE.
 */
export function switchPublication(copy: ReplacingCopy): Publication {
  const { client, position, relation, shadow } = copy;
  const { table } = position;
  const mayLackColumns = copy.columnChanges.dropped.length > 0;
  let unbuildable: ReadonlySet<string> = new Set();
  return {
    table,
    relation,
    kind: 'switch',
    ready: async () => {
      unbuildable = await buildMissingIndexes({ client, table, relation, shadow, mayLackColumns });
    },
    apply: () => exchange(copy, unbuildable),
    // Someone created another index meanwhile: build it, then try again.
    mend: async (error) => error instanceof IndexAppeared,
  };
}

/** Writes the position before locking the table: readers wait from the lock on. */
async function exchange(copy: ReplacingCopy, unbuildable: ReadonlySet<string>): Promise<TableUpdateResult> {
  const { client, position, relation, shadow, result } = copy;
  const { table } = position;
  const target = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  await client.query(BRIEF_LOCKS);
  await commitPosition(client, position, { relation, result, rowCount: result.rowsWritten });
  const old = await solePartition(client, relation);
  await client.query(`alter table ${target} detach partition ${old}`);
  const { rows } = await client.query<{ statement: string }>(
    `select statement from databricks_auth.missing_indexes($1::oid, $2::regclass) as statement`,
    [relation, qualifiedShadow(shadow)],
  );
  if (rows.some(({ statement }) => !unbuildable.has(statement))) throw new IndexAppeared();
  await applyColumnChanges(client, table, target, copy.columnChanges);
  await client.query(`alter table ${target} attach partition ${qualifiedShadow(shadow)} default`);
  await client.query(`drop table ${old}`);
  return result;
}

/** Rolls the switch back: if ATTACH had to build an index, readers would wait for it. */
class IndexAppeared extends Error {}
