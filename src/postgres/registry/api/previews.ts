import type pg from 'pg';

// Previews that read rows, shared by the sidecars of one set of instances: see preview-jobs.ts.

/** Who may be told of a preview, and which. */
interface PreviewName {
  readonly id: string;
  readonly caller: string;
}

/** A preview that begins. */
export interface BegunPreview extends PreviewName {
  /** What its caller is told. */
  readonly reply: object;
  readonly steps: PreviewSteps;
}

export interface EndedPreview extends BegunPreview {
  /** What its rows said, for later previews; null if that is not known. */
  readonly found: object | null;
}

interface PreviewSteps {
  readonly done: number;
  readonly total: number | null;
}

export interface PreviewRecord {
  readonly reply: object;
  readonly found: unknown;
  readonly steps: PreviewSteps;
  /** `LOST`: the sidecar that read has gone without a word. */
  readonly state: 'RUNNING' | 'ENDED' | 'LOST';
}

/** So long after its end a preview is known. */
const KEPT_SECONDS = 600;
/** After so long without a word the sidecar that reads counts as gone. */
const SILENT_SECONDS_MAX = 15;
/** Of one caller; the oldest go first. */
const KEPT_MAX = 20;

const IS_OLD = `coalesce(p.ended_at, p.alive_until) < clock_timestamp() - interval '${KEPT_SECONDS} s'`;
const ALIVE_UNTIL = `clock_timestamp() + interval '${SILENT_SECONDS_MAX} s'`;

/**
 * Notes a preview that begins; others of its caller that run are to end.
 * @param reason why those end
 */
export async function beginPreview(client: pg.ClientBase, preview: BegunPreview, reason: string): Promise<void> {
  const { id, caller, reply, steps } = preview;
  // Of two that begin at the same time, the second ends the first.
  await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`synced_tables preview ${caller}`]);
  await forgetPreviews(client);
  await client.query(
    `delete from synced_tables._previews p
      where p.preview_id in (select o.preview_id from synced_tables._previews o
                              where o.caller = $1 order by o.started_at desc offset ${KEPT_MAX - 1})`,
    [caller],
  );
  await client.query(
    `update synced_tables._previews p set cancel_reason = $2
      where p.caller = $1 and p.ended_at is null and p.cancel_reason is null`,
    [caller, reason],
  );
  await client.query(
    `insert into synced_tables._previews (preview_id, caller, alive_until, steps_done, steps_total, reply)
     values ($1, $2, ${ALIVE_UNTIL}, $3, $4, $5)`,
    [id, caller, steps.done, steps.total, reply],
  );
}

/**
 * Notes how far a preview has come, and that its sidecar lives.
 * @returns why it is to end; null if it is not
 */
export async function reportPreview(client: pg.ClientBase, id: string, steps: PreviewSteps): Promise<string | null> {
  const { rows } = await client.query<{ cancel_reason: string | null }>(
    `update synced_tables._previews p set steps_done = $2, steps_total = $3, alive_until = ${ALIVE_UNTIL}
      where p.preview_id = $1 and p.ended_at is null returning p.cancel_reason`,
    [id, steps.done, steps.total],
  );
  return rows[0]?.cancel_reason ?? null;
}

/** Notes what became of a preview. A server that crashed meanwhile has forgotten that it began. */
export async function endPreview(client: pg.ClientBase, preview: EndedPreview): Promise<void> {
  const { id, caller, reply, steps, found } = preview;
  await client.query(
    `insert into synced_tables._previews (preview_id, caller, alive_until, steps_done, steps_total, reply, found, ended_at)
     values ($1, $2, clock_timestamp(), $3, $4, $5, $6, clock_timestamp())
     on conflict on constraint _previews_pk do update
        set steps_done = excluded.steps_done, steps_total = excluded.steps_total, reply = excluded.reply, found = excluded.found,
            ended_at = excluded.ended_at`,
    [id, caller, steps.done, steps.total, reply, found],
  );
}

/** A preview of that caller; null if there is none, or none any more. */
export async function findPreview(client: pg.ClientBase, { id, caller }: PreviewName): Promise<PreviewRecord | null> {
  const { rows } = await client.query<PreviewRecord>(
    `select p.reply, p.found, json_build_object('done', p.steps_done, 'total', p.steps_total) as steps,
            case when p.ended_at is not null then 'ENDED' when p.alive_until < clock_timestamp() then 'LOST'
                 else 'RUNNING' end as state
       from synced_tables._previews p where p.preview_id = $1 and p.caller = $2 and not ${IS_OLD}`,
    [id, caller],
  );
  return rows[0] ?? null;
}

/** Asks the sidecar that reads for a preview to end it, if it runs. */
export async function askPreviewToEnd(
  client: pg.ClientBase,
  { id, caller }: PreviewName,
  reason: string,
): Promise<void> {
  await client.query(
    `update synced_tables._previews p set cancel_reason = $3
      where p.preview_id = $1 and p.caller = $2 and p.ended_at is null and p.cancel_reason is null`,
    [id, caller, reason],
  );
}

/** Removes previews whose time is over. */
export async function forgetPreviews(client: pg.ClientBase): Promise<void> {
  await client.query(`delete from synced_tables._previews p where ${IS_OLD}`);
}
