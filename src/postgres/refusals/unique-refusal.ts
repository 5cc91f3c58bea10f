import type pg from 'pg';
import { failingRowsError } from '../../core/errors.js';
import type { SyncedTable } from '../../core/synced-table.js';
import { isPostgresError } from '../session/session.js';
import { keysOfDuplicates } from './index-misfits.js';

/** True if Postgres refused a value that a unique index already contains. */
export function isUniqueViolation(error: unknown): error is pg.DatabaseError {
  return isPostgresError(error) && error.code === '23505';
}

/**
 * Whether rows of the table may be deleted and reinserted in one statement: a foreign key with an action on deletion
 * would fire although the row comes back.
 */
export async function canReplaceRows(client: pg.Client, relation: number): Promise<boolean> {
  const { rows } = await client.query<{ can: boolean }>(
    `select not exists (select from pg_constraint where contype = 'f' and confdeltype <> 'a'
                           and confrelid in ($1, databricks_auth.sole_partition($1::oid))) as can`,
    [relation],
  );
  return rows[0]?.can === true;
}

export interface UniqueRefusal {
  readonly table: SyncedTable;
  /** OID of the published table. */
  readonly relation: number;
  /** Runs `find` in a transaction in which the refused rows are available, as a table or subquery. */
  readonly withRows: (find: (rows: string) => Promise<string[]>) => Promise<string[]>;
}

/** INDEX_UNBUILDABLE for source rows that a user's unique index does not allow; else the error itself. */
export async function explainUnique(client: pg.Client, error: unknown, refusal: UniqueRefusal): Promise<unknown> {
  if (!isUniqueViolation(error)) return error;
  const { table, relation, withRows } = refusal;
  // Postgres names the partition's index; users know that of the table.
  const { rows: found } = await client.query<{ oid: number; index: string }>(
    `select p.oid, p.oid::regclass::text as index
       from pg_inherits h join pg_class i on i.oid = h.inhrelid join pg_class p on p.oid = h.inhparent
       join pg_index x on x.indexrelid = p.oid
      where i.relname = $1 and x.indrelid = $2`,
    [error.constraint ?? '', relation],
  );
  const index = found[0]?.oid ?? 0;
  const isTwice = await canReplaceRows(client, relation);
  const find = (rows: string) => keysOfDuplicates({ client, index, rows, keyColumns: table.keyColumns });
  // The first error is the one to report, even if the rows cannot be obtained again.
  const keys = await withRows(find).catch((): string[] => []);
  const reason =
    isTwice || keys.length > 0
      ? 'several of them have the same values in its columns'
      : 'values move between its rows, and a foreign key that acts on deletion keeps these from being replaced';
  const details = {
    index: found[0]?.index ?? error.constraint ?? 'of unknown name',
    target: table.fullName,
    table: table.source,
    reason,
  };
  return failingRowsError('INDEX_UNBUILDABLE', details, { column: null, keys }, error);
}
