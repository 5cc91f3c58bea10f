import type pg from 'pg';
import type { RowDifference } from '../../../core/row-difference.js';
import { isoTime } from './iso-time.js';

/** A comparison of a synced table with its source, as the view synced_tables.verifications shows it. */
export interface VerificationRecord {
  readonly verificationId: string;
  readonly syncedTable: string;
  readonly source: string;
  readonly state: 'QUEUED' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELED';
  /** Null if they were not compared. */
  readonly isEqual: boolean | null;
  readonly syncedVersion: bigint | null;
  readonly sourceRows: bigint | null;
  readonly targetRows: bigint | null;
  readonly missingRows: bigint | null;
  readonly extraRows: bigint | null;
  readonly differentRows: bigint | null;
  /** Null for roles that may not read the table, and for all but its newest comparison. */
  readonly differences: readonly RowDifference[] | null;
  /** What the error is about, for roles that may read the table. */
  readonly failingColumn: string | null;
  readonly failingKeys: readonly string[] | null;
  /** Whether the role may see differences. */
  readonly mayReadRows: boolean;
  readonly errorCode: string | null;
  readonly message: string | null;
  readonly remedy: string | null;
  readonly requestedBy: string | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

interface VerificationRow {
  readonly verification_id: string;
  readonly synced_table: string;
  readonly source_table_full_name: string;
  readonly state: VerificationRecord['state'];
  readonly is_equal: boolean | null;
  readonly synced_version: string | null;
  readonly source_rows: string | null;
  readonly target_rows: string | null;
  readonly missing_rows: string | null;
  readonly extra_rows: string | null;
  readonly different_rows: string | null;
  readonly differences: readonly RowDifference[] | null;
  readonly failing_column: string | null;
  readonly failing_keys: readonly string[] | null;
  readonly may_read_rows: boolean;
  readonly error_code: string | null;
  readonly message: string | null;
  readonly remedy: string | null;
  readonly requested_by: string | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
}

/** Which comparisons of a table are wanted. */
export interface VerificationFilter {
  /** The table, which the role may see. */
  readonly tableId: string;
  /** Null for all. */
  readonly verificationId: string | null;
  /** The one after which the list goes on; null for the newest. */
  readonly after: string | null;
  readonly limit: number;
}

/**
 * Comparisons of a table, newest first.
 * @param role whether it may read the table decides about differences
 */
export async function readVerifications(
  client: pg.ClientBase,
  role: string,
  filter: VerificationFilter,
): Promise<VerificationRecord[]> {
  const { rows } = await client.query<VerificationRow>(
    `select v.verification_id, v.synced_table, v.source_table_full_name, v.state,
            case when v.state = 'COMPLETED' then v.error_code is null end as is_equal, v.synced_version::text,
            v.source_rows::text, v.target_rows::text, v.missing_rows::text, v.extra_rows::text, v.different_rows::text,
            case when r.may then v.differences end as differences, case when r.may then v.failing_column end as failing_column,
            case when r.may then v.failing_keys end as failing_keys, r.may as may_read_rows, v.error_code, v.message, v.remedy,
            v.requested_by, ${isoTime('v.created_at')} as created_at, ${isoTime('v.started_at')} as started_at,
            ${isoTime('v.finished_at')} as finished_at
       from synced_tables._verifications v
       join synced_tables._tables t using (table_id)
      cross join lateral (
        select coalesce(pg_catalog.has_table_privilege(pg_catalog.to_regrole(pg_catalog.quote_ident($1)), t.relation, 'select'), false) as may) r
      where v.table_id = $2 and ($3::uuid is null or v.verification_id = $3)
        and ($4::uuid is null or (v.created_at, v.verification_id) <
               (select o.created_at, o.verification_id from synced_tables._verifications o where o.verification_id = $4))
      order by v.created_at desc, v.verification_id desc limit $5`,
    [role, filter.tableId, filter.verificationId, filter.after, filter.limit],
  );
  return rows.map(toRecord);
}

function toRecord(row: VerificationRow): VerificationRecord {
  return {
    verificationId: row.verification_id,
    syncedTable: row.synced_table,
    source: row.source_table_full_name,
    state: row.state,
    isEqual: row.is_equal,
    syncedVersion: toBigInt(row.synced_version),
    sourceRows: toBigInt(row.source_rows),
    targetRows: toBigInt(row.target_rows),
    missingRows: toBigInt(row.missing_rows),
    extraRows: toBigInt(row.extra_rows),
    differentRows: toBigInt(row.different_rows),
    differences: row.differences,
    failingColumn: row.failing_column,
    failingKeys: row.failing_keys,
    mayReadRows: row.may_read_rows,
    errorCode: row.error_code,
    message: row.message,
    remedy: row.remedy,
    requestedBy: row.requested_by,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}

function toBigInt(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}

/**
 * Asks for a comparison, with the rights of the acting role.
 * @returns its id
 */
export async function requestVerification(client: pg.ClientBase, sqlName: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>('select synced_tables.verify($1) as id', [sqlName]);
  return rows[0]?.id ?? '';
}

/** Ends a comparison, with the rights of the acting role. */
export async function cancelVerification(client: pg.ClientBase, verificationId: string): Promise<void> {
  await client.query('select synced_tables.cancel_verification($1)', [verificationId]);
}
