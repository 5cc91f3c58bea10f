import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { quoteIdentifier } from '../../core/names.js';
import { type CollapsedChanges, IS_NEW_ROW } from './collapse-changes.js';

export interface NewerRowsOptions {
  readonly collapsed: Pick<CollapsedChanges, 'changes' | 'keysTable'>;
  readonly columns: readonly Field[];
  readonly keyColumns: readonly string[];
  /** Of the rows with the same key, the one with the greatest value here wins, nulls lowest. */
  readonly timeseriesKey: string;
}

/** Touched keys, split by whether their changes suffice. */
export interface NewerRows {
  /**
   * One row per key, in the form of `CollapsedChanges.select` with `newer` as `_change_type`: it wins if its time is
   * greater than that of the previous winner, which otherwise stays. If their times are equal, the key has two rows
   * with the same time.
   */
  readonly select: string;
  /** Engine table, like `CollapsedChanges.keysTable`, with the keys that have to be looked up in the source. */
  readonly restTable: string;
  readonly restCount: bigint;
}

/**
 * Finds the keys for which the source need not be read. The greatest inserted time, if it was inserted once and exceeds
 * all removed times, is certain to exist at the end; so is the previous winner if its time is greater than that, since
 * no such row was removed. In append-only logs all keys are of this kind. Call it once per `keysTable`.
 */
export async function newerRows(connection: DuckDBConnection, options: NewerRowsOptions): Promise<NewerRows> {
  const { keysTable, changes } = options.collapsed;
  const names = options.keyColumns.map(quoteIdentifier);
  const key = names.join(', ');
  const isSame = (left: string, right: string) =>
    names.map((name) => `${left}.${name} = ${right}.${name}`).join(' and ');
  const time = quoteIdentifier(options.timeseriesKey);
  const times = `${keysTable}_times`;
  const newer = `${keysTable}_newer`;
  const restTable = `${keysTable}_rest`;
  await connection.run(
    `create table ${times} as
     select ${key}, ${time} as _touched_time, ${IS_NEW_ROW} as _touched_is_new from (${changes})`,
  );
  await connection.run(
    `create table ${newer} as
     with spans as (
       select ${key}, max(_touched_time) filter (_touched_is_new) as _touched_newest,
         max(_touched_time) filter (not _touched_is_new) as _touched_gone,
         count(*) filter (not _touched_is_new) as _touched_gone_rows
       from ${times} group by ${key}),
     came_once as (
       select ${names.map((name) => `t.${name}`).join(', ')}, any_value(s._touched_newest) as _touched_newest
       from ${times} t join spans s on ${isSame('t', 's')}
       where t._touched_is_new and t._touched_time is not distinct from s._touched_newest
         and (s._touched_gone_rows = 0
              or (s._touched_newest is not null and (s._touched_gone is null or s._touched_newest > s._touched_gone)))
       group by all having count(*) = 1)
     select k.*, o._touched_newest from ${keysTable} k join came_once o on ${isSame('k', 'o')}`,
  );
  await connection.run(`drop table ${times}`);
  await connection.run(
    `create table ${restTable} as select k.* from ${keysTable} k anti join ${newer} n on ${isSame('k', 'n')}`,
  );
  const counted = await connection.runAndReadAll(`select count(*) from ${restTable}`);
  const columns = options.columns.map((field) => `c.${quoteIdentifier(field.name)}`);
  return {
    select: `
      select ${columns.join(', ')}, 'newer' as _change_type, n._touched_version as _commit_version,
        n._touched_at as _commit_timestamp
      from (${changes}) c join ${newer} n on ${isSame('c', 'n')} and c.${time} is not distinct from n._touched_newest
      where c.${IS_NEW_ROW}`,
    restTable,
    restCount: BigInt(String(counted.getRowsJson()[0]?.[0])),
  };
}
