import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import { isStagedCommitName, type RatifiedCommits } from '../delta/log/ratified-log.js';

const version = z.int().nonnegative();

/** What `delta/v1` of Unity Catalog's API answers about a table, without the metadata that the log has as well. */
export const tableLog = z.object({
  metadata: z.object({ 'table-uuid': z.string() }),
  commits: z.array(z.object({ version, 'file-name': z.string() })).nullish(),
  'latest-table-version': version,
});

/**
 * Checks an answer: a catalog names only staged commits of this table.
 * @throws SOURCE_TABLE_REPLACED, CATALOG_ANSWER_INVALID
 */
export function ratifiedCommitsOf(
  answer: z.infer<typeof tableLog>,
  names: { readonly tableId: string; readonly tableName: string; readonly catalog: string },
): RatifiedCommits {
  const { tableName: table, catalog } = names;
  const latestVersion = BigInt(answer['latest-table-version']);
  if (answer.metadata['table-uuid'] !== names.tableId) {
    throw syncedTablesError('SOURCE_TABLE_REPLACED', { table, version: latestVersion });
  }
  const staged = new Map<bigint, string>();
  for (const { version, 'file-name': name } of answer.commits ?? []) {
    if (!isStagedCommitName(name, BigInt(version))) {
      const reason = `commit ${version} is not in a file that is named as one of it`;
      throw syncedTablesError('CATALOG_ANSWER_INVALID', { catalog, table, reason });
    }
    staged.set(BigInt(version), name);
  }
  return { latestVersion, staged };
}
