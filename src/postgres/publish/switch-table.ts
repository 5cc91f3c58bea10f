import type pg from 'pg';
import { commitPosition } from '../registry/commit-position.js';
import { forgetHandWrites } from '../registry/hand-writes.js';
import type { TableUpdateResult } from '../registry/table-update-record.js';
import { BRIEF_LOCKS } from '../session/lock-patience.js';
import { queryTogether } from '../session/query-together.js';
import { applyColumnChanges } from './column-changes.js';
import type { ReplacingCopy } from './loaded-copy.js';
import type { Publication, PublishedPlace } from './publication.js';
import { buildMissingIndexes, missingIndexes, qualifiedShadow } from './shadow-table.js';

/**
 * Prepares a loaded shadow table to become the partition of a published table: owner, rights, constraints.
 * @returns false, with nothing done, if another table refers to the published one by a foreign key: then its partition
 *   cannot be detached
 */
export async function preparePartition(client: pg.Client, relation: number, shadow: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `select databricks_auth.prepare_partition($1::oid, $2::regclass)
      where not exists (select from pg_constraint where confrelid = $1 and contype = 'f')`,
    [relation, qualifiedShadow(shadow)],
  );
  return rowCount === 1;
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
    apply: (place) => exchange(copy, place, unbuildable),
    // Someone created another index meanwhile: build it, then try again.
    mend: async (error) => error instanceof IndexAppeared,
  };
}

/** Writes the position before locking the table: readers wait from the lock on. */
async function exchange(
  copy: ReplacingCopy,
  place: PublishedPlace,
  unbuildable: ReadonlySet<string>,
): Promise<TableUpdateResult> {
  const { client, position, relation, shadow, result } = copy;
  const { table } = position;
  const target = place.target();
  if (!place.areLocksBrief) await client.query(BRIEF_LOCKS);
  await commitPosition(client, position, { relation, result, rowCount: result.rowsWritten });
  const old = place.partition();
  const [, , missing] = await queryTogether(client, [
    `alter table ${target} detach partition ${old}`,
    // From here on nobody else can write, and what was written goes with the old partition.
    forgetHandWrites(client, table.tableId),
    missingIndexes(relation, shadow),
  ]);
  const statements = (missing?.rows ?? []) as { statement: string }[];
  if (statements.some(({ statement }) => !unbuildable.has(statement))) throw new IndexAppeared();
  await applyColumnChanges(client, table, target, copy.columnChanges);
  await copy.takeOver?.finish(target);
  await queryTogether(client, [
    `alter table ${target} attach partition ${qualifiedShadow(shadow)} default`,
    `drop table ${old}`,
  ]);
  await copy.takeOver?.adopt(target);
  return result;
}

/** Rolls the switch back: if ATTACH had to build an index, readers would wait for it. */
class IndexAppeared extends Error {}
