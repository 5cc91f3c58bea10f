import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';

/** A row of the view synced_tables.events. */
export interface SyncEvent {
  readonly id: bigint;
  /** JSON made by Postgres. */
  readonly json: string;
  readonly occurredAt: string;
  /** Seconds since it was written, by the server's clock. */
  readonly ageSeconds: number;
  readonly level: string;
  readonly type: string;
  readonly syncedTable: string | null;
  readonly message: string;
}

/** Events of one table, and of its pipeline as a whole. */
const OF_TABLE = `($1::text is null or e.synced_table = $1 or e.synced_table is null
                   and e.pipeline_id in (select s.pipeline_id from synced_tables.status s where s.synced_table = $1))`;

const EVENT = `
  select e.event_id::text as id, row_to_json(e)::text as json, to_char(e.occurred_at, 'YYYY-MM-DD HH24:MI:SS') as "occurredAt",
         extract(epoch from clock_timestamp() - e.occurred_at)::float8 as "ageSeconds", e.level, e.event_type as type,
         e.synced_table as "syncedTable", e.message
    from synced_tables.events e`;

type EventRow = Omit<SyncEvent, 'id'> & { readonly id: string };

/** @param name as returned by `parseSyncedTableName`; null for all tables that the role may see */
export async function readNewestEvents(client: pg.Client, name: string | null, limit: bigint): Promise<SyncEvent[]> {
  const { rows } = await client.query<EventRow>(`${EVENT} where ${OF_TABLE} order by e.event_id desc limit $2`, [
    name,
    limit.toString(),
  ]);
  return rows.map(toEvent).reverse();
}

async function readEventsAbove(client: pg.Client, name: string | null, floor: bigint): Promise<SyncEvent[]> {
  const { rows } = await client.query<EventRow>(`${EVENT} where ${OF_TABLE} and e.event_id > $2 order by e.event_id`, [
    name,
    floor.toString(),
  ]);
  return rows.map(toEvent);
}

function toEvent(row: EventRow): SyncEvent {
  return { ...row, id: BigInt(row.id) };
}

export async function hasTable(client: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await client.query('select from synced_tables.status where synced_table = $1', [name]);
  return rowCount !== 0;
}

/** `2026-01-31 12:00:00 ERROR gold.users: It failed.`, without the name where the message has it. */
export function eventLine({ occurredAt, level, syncedTable, message }: SyncEvent): string {
  const subject = syncedTable === null || message.includes(syncedTable) ? '' : `${syncedTable}: `;
  return `${occurredAt} ${level.padEnd(5)} ${subject}${message.replaceAll('\n', '\\n')}`;
}

export interface FollowEventsOptions {
  readonly client: pg.Client;
  readonly name: string | null;
  /** The newest events, already shown. */
  readonly past: readonly SyncEvent[];
  readonly show: (event: SyncEvent) => void;
  /** Stops it. */
  readonly signal: AbortSignal;
}

const PAUSE_MS = 500;
/**
 * A transaction that writes an event may commit after one with a greater number: missing numbers are looked for this
 * long.
 */
const COMMIT_SECONDS_MAX = 300;

/** Shows each event once, soon after its commit, until stopped. */
export async function followEvents({ client, name, past, show, signal }: FollowEventsOptions): Promise<void> {
  const [newest] = await readNewestEvents(client, null, 1n);
  let floor = past[0] ? past[0].id - 1n : (newest?.id ?? 0n);
  const shown = new Set(past.map(({ id }) => id));
  while (!signal.aborted) {
    const events = await readEventsAbove(client, name, floor);
    for (const event of events) {
      if (shown.has(event.id)) continue;
      shown.add(event.id);
      show(event);
    }
    floor = settledBelow(events) ?? floor;
    for (const id of shown) if (id <= floor) shown.delete(id);
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => {});
  }
}

/** The greatest number at or below which no more events can appear; null if unknown. */
function settledBelow(events: readonly SyncEvent[]): bigint | null {
  return events.findLast(({ ageSeconds }) => ageSeconds > COMMIT_SECONDS_MAX)?.id ?? null;
}
