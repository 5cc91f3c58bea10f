import { explainForeignKey } from '../refusals/foreign-key-refusal.js';
import { explainLongEntry } from '../refusals/long-entries.js';
import { explainUnique } from '../refusals/unique-refusal.js';
import { commitPosition } from '../registry/commit-position.js';
import { forgetHandWrites } from '../registry/hand-writes.js';
import type { TableUpdateResult } from '../registry/table-update-record.js';
import { queryTogether } from '../session/query-together.js';
import { inTransaction } from '../session/session.js';
import { applyColumnChangesBriefly } from './column-changes.js';
import type { ReplacingCopy } from './loaded-copy.js';
import { isSameKey, MergeStatement, mergeCounts } from './merge-rows.js';
import type { Publication, PublishedPlace } from './publication.js';
import { qualifiedShadow } from './shadow-table.js';

/**
 * Makes a published table equal to a loaded one row by row: for tables referenced by a foreign key, whose partition
 * Postgres does not detach. Equal rows are not rewritten. Readers wait only if columns change. Fails with
 * FOREIGN_KEY_REFERENCES_ROW, INDEX_UNBUILDABLE, DEPENDENT_OBJECTS_EXIST, SYNCED_TABLE_DELETED.
 */
export function mergePublication(copy: ReplacingCopy): Publication {
  const { client, position, relation } = copy;
  const { table } = position;
  const merge = new MergeStatement(client, relation);
  return {
    table,
    relation,
    kind: 'rows',
    apply: (place) => replace(copy, place, merge),
    mend: (error) => merge.mend(error),
    explain: async (error) => {
      const withRows = <Found>(find: (rows: string) => Promise<Found>) =>
        inTransaction(client, () => find(qualifiedShadow(copy.shadow)));
      const refusal = { table, relation, withRows };
      const cause = await explainUnique(client, await explainForeignKey(client, error, table), refusal);
      return explainLongEntry(client, cause, refusal);
    },
  };
}

async function replace(copy: ReplacingCopy, place: PublishedPlace, merge: MergeStatement): Promise<TableUpdateResult> {
  const { client, position, relation, shadow } = copy;
  const { table } = position;
  const target = place.target();
  await applyColumnChangesBriefly(client, table, target, copy.columnChanges);
  await copy.takeOver?.finish(target);
  const result = {
    ...copy.result,
    ...(await replaceRowsOf(copy, place.partition(), { target, merge })),
    method: 'MERGE' as const,
  };
  await commitPosition(client, position, { relation, result, rowCount: copy.result.rowsWritten });
  await client.query(`drop table ${qualifiedShadow(shadow)}`);
  await copy.takeOver?.adopt(target);
  return result;
}

async function replaceRowsOf(
  { client, columns, position, shadow }: ReplacingCopy,
  // Not through the parent: routed rows do not report whether they were inserted or updated.
  partition: string,
  { target, merge }: { readonly target: string; readonly merge: MergeStatement },
): Promise<Pick<TableUpdateResult, 'rowsWritten' | 'rowsDeleted'>> {
  const from = qualifiedShadow(shadow);
  const { keyColumns } = position.table;
  const [, deleted, merged] = await queryTogether(client, [
    // Before the statements whose snapshots see what was written.
    forgetHandWrites(client, position.table.tableId),
    `delete from ${target} t where not exists (select from ${from} s where ${isSameKey(keyColumns, 's', 't')})`,
    merge.text({ into: partition, from, filter: 'true', columns, keyColumns }),
  ]);
  return { rowsWritten: mergeCounts(merged).written, rowsDeleted: BigInt(deleted?.rowCount ?? 0) };
}
