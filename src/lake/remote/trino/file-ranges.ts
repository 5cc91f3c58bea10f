import { asSyncedTablesError } from '../../../core/errors.js';
import { quoteLiteral } from '../../../core/names.js';
import type { TrinoClient } from './trino-client.js';

export interface FileRangesOptions {
  readonly client: TrinoClient;
  /** Full name of the source table, for messages. */
  readonly tableName: string;
  /** A table of files at one version. */
  readonly from: string;
}

/** Fewer rows for each statement are not worth one of their own. */
const ROWS_MIN = 100_000;

/**
 * Conditions that share out the files of a table by ranges of their paths, each with about as many rows. Whatever a file is
 * called, it is in exactly one range; and the engine passes over the files of the others by their paths alone.
 * @param rangesMax of them at most
 */
export async function fileRanges(
  { client, tableName, from }: FileRangesOptions,
  rangesMax: number,
): Promise<readonly string[]> {
  if (rangesMax < 2) return [''];
  try {
    const rows = await client.rows(
      `select min(path) from (
         select path, before * least(${rangesMax}, greatest(total / ${ROWS_MIN}, 1)) / total as place from (
           select path, sum(n) over () as total, sum(n) over (order by path) - n as before from (
             select "$path" as path, count(*) as n from ${from} group by 1)))
       group by place order by 1`,
      tableName,
    );
    return rangesFrom(rows.slice(1).flatMap(([path]) => path ?? []));
  } catch (error) {
    // Without the column there is one range.
    if (asSyncedTablesError(error)?.code !== 'REMOTE_QUERY_FAILED') throw error;
    return [''];
  }
}

/** @param starts where each but the first begins, in order */
function rangesFrom(starts: readonly string[]): string[] {
  return [null, ...starts].map((start, at) => {
    const end = starts[at];
    const bounds = [
      ...(start === null ? [] : [`"$path" >= ${quoteLiteral(start)}`]),
      ...(end === undefined ? [] : [`"$path" < ${quoteLiteral(end)}`]),
    ];
    return bounds.length === 0 ? '' : ` where ${bounds.join(' and ')}`;
  });
}
