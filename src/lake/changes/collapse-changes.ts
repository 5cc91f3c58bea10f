import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { EXAMPLE_KEYS_MAX, formatKey } from '../../core/format-key.js';
import { quoteIdentifier } from '../../core/names.js';
import { nullOf } from '../parquet/project-column.js';

export interface CollapseOptions {
  /** Columns of the end version that identify a row. */
  readonly keyColumns: readonly string[];
  /** The part of the changes that counts; absent if all do. */
  readonly chosen?: ChosenChanges;
}

/** Some columns of some changes. */
interface ChosenChanges {
  readonly columns: readonly Field[];
  /** A SELECT of them, given one of all changes. */
  readonly select: (changes: string) => string;
}

/** The last state of every key that changes touched. */
export interface CollapsedChanges {
  /**
   * One SELECT with one row a key: the columns of the end version, then `changeFields`.
   * `_change_type` is `upsert`, or `delete` with nulls outside the key; version and time are those of the last change.
   * A key with several rows (see `duplicateKeyCount`) comes several times.
   */
  readonly select: string;
  readonly upserts: bigint;
  readonly deletes: bigint;
  /**
   * Rows inserted minus rows removed, over all keys. A key that had `n` rows before has `n + balance` now: for a target
   * that holds the earlier version, anything but 1 after an upsert or 0 after a delete means that the source violates
   * its key.
   */
  readonly balance: bigint;
  /** Inserted or updated rows skipped because their key contains a null. */
  readonly rowsWithoutKey: bigint;
  /** Keys known to have more than one row at the end version. */
  readonly duplicateKeyCount: bigint;
  /** Some of them, as text. */
  readonly duplicateKeys: readonly string[];
  /** Every change, as `ChangeRelation.select` gives them. */
  readonly changes: string;
  /** Engine table with the touched keys, under the names of the key columns. */
  readonly keysTable: string;
}

/** SQL that is true for a change that produces a row. */
export const IS_NEW_ROW = `_change_type in ('insert', 'update_postimage')`;

export interface CollapseSource {
  /** Columns first, then `changeFields`. */
  readonly select: string;
  readonly columns: readonly Field[];
  /** Name for the table of touched keys. */
  readonly keysTable: string;
  /** True if all changes are of one version: that takes half as long. */
  readonly isOneVersion?: boolean;
}

/**
 * Computes the last state of each key. Within one version all deletes and preimages come before all inserts and
 * postimages, so a key whose newest version has a new row is upserted, any other is deleted. Of chosen changes the same is
 * true: they are the changes of the table that the chosen rows make. First only the keys are
 * grouped; then the changes are joined with them, so that memory holds keys but not rows. Of a single version every new
 * row is the last state of its key, and nothing has to be joined.
 */
export async function collapseChanges(
  connection: DuckDBConnection,
  given: CollapseSource,
  options: CollapseOptions,
): Promise<CollapsedChanges> {
  const { keysTable } = given;
  const { chosen } = options;
  const source = chosen ? { ...given, columns: chosen.columns, select: chosen.select(given.select) } : given;
  const keys = options.keyColumns.map((name) => keyField(source.columns, name));
  const names = keys.map((key) => quoteIdentifier(key.name));
  // New rows of the newest version remain, and rows before the range can only add to a positive balance.
  const isDuplicate = '_touched_new > 1 or _touched_balance > 1';
  const isWhole = names.map((name) => `${name} is not null`).join(' and ');
  const [counts = []] = await rowsOf(
    connection,
    `create table ${keysTable} as ${touchedKeys(source, names)};
     select count(*) filter (_touched_new > 0 and ${isWhole}), count(*) filter (_touched_new = 0 and ${isWhole}),
       count(*) filter ((${isDuplicate}) and ${isWhole}), coalesce(sum(_touched_balance) filter (${isWhole}), 0)::bigint,
       count(*) filter (not (${isWhole})), coalesce(sum(_touched_new_in_all) filter (not (${isWhole})), 0)::bigint
     from ${keysTable}`,
  );
  const [upserts = 0n, deletes = 0n, duplicateKeyCount = 0n, balance = 0n, keysWithNull = 0n, rowsWithoutKey = 0n] =
    counts.map((count) => BigInt(String(count)));
  if (keysWithNull > 0n) await connection.run(`delete from ${keysTable} where not (${isWhole})`);
  const examples =
    duplicateKeyCount === 0n
      ? []
      : await rowsOf(
          connection,
          `select ${names.map((name) => `cast(${name} as varchar)`).join(', ')} from ${keysTable} where ${isDuplicate}
           order by ${names.join(', ')} limit ${EXAMPLE_KEYS_MAX}`,
        );
  return {
    select: lastStates(source, names, deletes > 0n),
    changes: source.select,
    upserts,
    deletes,
    balance,
    rowsWithoutKey,
    duplicateKeyCount,
    duplicateKeys: examples.map((key) => formatKey(key.map(String))),
    keysTable,
  };
}

function keyField(columns: readonly Field[], name: string): Field {
  const found = columns.find((column) => column.name === name);
  if (!found) throw new Error(`the key column is not part of the table: ${name}`);
  return found;
}

/**
 * Newest version of each key, with the number of new rows in it, and the balance over all its versions. Computed
 * columns get names that no table column has.
 */
function touchedKeys({ select, isOneVersion }: CollapseSource, names: readonly string[]): string {
  const key = names.join(', ');
  if (isOneVersion) {
    return `
      select ${key}, any_value(_commit_version) as _touched_version, count(*) filter (${IS_NEW_ROW}) as _touched_new,
        any_value(_commit_timestamp) as _touched_at, _touched_new::bigint as _touched_new_in_all,
        _touched_new - count(*) filter (not ${IS_NEW_ROW}) as _touched_balance
      from (${select}) group by ${key}`;
  }
  return `
    select ${key}, max(_commit_version) as _touched_version, arg_max(_touched_new, _commit_version) as _touched_new,
      arg_max(_touched_at, _commit_version) as _touched_at, sum(_touched_new)::bigint as _touched_new_in_all,
      (sum(_touched_new) - sum(_touched_old))::bigint as _touched_balance
    from (
      select ${key}, _commit_version, any_value(_commit_timestamp) as _touched_at,
        count(*) filter (${IS_NEW_ROW}) as _touched_new, count(*) filter (not ${IS_NEW_ROW}) as _touched_old
      from (${select}) group by ${key}, _commit_version)
    group by ${key}`;
}

function lastStates(source: CollapseSource, names: readonly string[], hasDeletes: boolean): string {
  const { select, columns, keysTable, isOneVersion } = source;
  const fields = columns.map((field) => `r.${quoteIdentifier(field.name)}`);
  const goneRows = columns.map((field) => {
    const name = quoteIdentifier(field.name);
    return names.includes(name) ? `k.${name}` : `${nullOf(field.type)} as ${name}`;
  });
  const sameKey = names.map((name) => `k.${name} = r.${name}`).join(' and ');
  const inNewestVersion = isOneVersion
    ? `from (${select}) r where ${names.map((name) => `r.${name} is not null`).join(' and ')}`
    : `from (${select}) r join ${keysTable} k on ${sameKey} and k._touched_version = r._commit_version where true`;
  const newRows = `
    select ${fields.join(', ')}, 'upsert' as _change_type, r._commit_version, r._commit_timestamp
    ${inNewestVersion} and r.${IS_NEW_ROW}`;
  if (!hasDeletes) return newRows;
  return `${newRows}
    union all
    select ${goneRows.join(', ')}, 'delete', k._touched_version, k._touched_at
    from ${keysTable} k where k._touched_new = 0`;
}

async function rowsOf(connection: DuckDBConnection, sql: string): Promise<unknown[][]> {
  return (await connection.runAndReadAll(sql)).getRowsJson() as unknown[][];
}
