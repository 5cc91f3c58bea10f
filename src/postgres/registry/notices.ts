import type pg from 'pg';

/** What operators are told without asking. */
export type NoticeKind = 'failed' | 'recovered' | 'lagging' | 'caught_up' | 'changed_by_hand' | 'differs';

/** A notice that one sidecar is to deliver. */
export interface ClaimedNotice {
  readonly id: number;
  readonly kind: NoticeKind;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** As messages name it. */
  readonly table: string;
  readonly tableId: string;
  readonly pipelineId: string | null;
  readonly errorCode: string | null;
  readonly message: string;
  readonly lagSeconds: number | null;
  /** How often it has been tried, this time included. */
  readonly attempts: number;
}

/** So long a webhook is told of what has happened. */
const DAYS_MAX = 1;

/**
 * Claims the oldest notice that waits for the webhook.
 * @param claimSeconds after which another sidecar may try
 * @returns null if none is due
 */
export async function claimNotice(
  client: pg.Client,
  kinds: readonly NoticeKind[],
  claimSeconds: number,
): Promise<ClaimedNotice | null> {
  const { rows } = await client.query<ClaimedNotice>(
    `select n.notice_id::float8 as id, n.kind, to_char(n.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at,
            n.synced_table as "table", n.table_id as "tableId", n.pipeline_id as "pipelineId", n.error_code as "errorCode",
            n.message, n.lag_seconds as "lagSeconds", n.attempts
       from synced_tables_internal._claim_notice($1, $2, ${DAYS_MAX}) n`,
    [kinds, claimSeconds],
  );
  return rows[0] ?? null;
}

/** Notes that a notice was delivered, or after how many seconds it is to be tried again. */
export async function settleNotice(client: pg.Client, id: number, retrySeconds: number | null): Promise<void> {
  await client.query('select synced_tables_internal._settle_notice($1, $2)', [id, retrySeconds]);
}

/** Makes notices of tables that lag by more than so many seconds, and of those that no longer do. */
export async function tellLag(client: pg.Client, secondsMax: number): Promise<void> {
  await client.query('select synced_tables_internal._tell_lag($1)', [secondsMax]);
}
