import type pg from 'pg';
import { isoTime } from './iso-time.js';

/** Lag and rows of a table in a span of time: the furthest that it was behind, and its rows at the end. */
interface TableSample {
  /** The last moment of the span that was sampled: ISO 8601 in UTC. */
  readonly sampled_at: string;
  readonly lag_seconds: number | null;
  readonly lag_versions: string | null;
  readonly row_count: string | null;
  readonly synced_version: string | null;
  readonly is_failed: boolean;
}

export interface SampleSpan {
  readonly tableId: string;
  /** ISO 8601; null: `hours` before the end. */
  readonly from: string | null;
  readonly hours: number;
  /** ISO 8601; now if left out. */
  readonly to: string | null;
  readonly points: number;
}

export interface SampledSpan {
  readonly from: string;
  readonly to: string;
  readonly samples: readonly TableSample[];
}

// What there is now is the last sample, if it falls into the span. The least step is a second, as nothing can be 0 long.
const SELECT_SAMPLES = `
  with span as (
    select b.since, b.until, greatest((b.until - b.since) / $4::float8, interval '1 s') as step
      from (select coalesce($2::timestamptz, coalesce($3::timestamptz, now()) - make_interval(secs => 3600 * $5::float8)) as since,
                   coalesce($3::timestamptz, now()) as until) b
  ), sample as (
    select s.sampled_at, s.lag_seconds::float8, s.lag_versions, s.row_count, s.synced_version, s.is_failed
      from synced_tables._samples s cross join span where s.table_id = $1 and s.sampled_at >= span.since and s.sampled_at <= span.until
    union all
    select now(), synced_tables_internal._lag_seconds(t), t.source_version - t.synced_version, t.row_count, t.synced_version, t.is_failed
      from synced_tables._tables t cross join span
     where t.table_id = $1 and t.relation is not null and now() between span.since and span.until
    union all
    select now(), synced_tables_internal._streaming_lag_seconds(t), null, synced_tables_internal._streaming_rows(t), null, t.is_failed
      from synced_tables._streaming_tables t cross join span
     where t.table_id = $1 and t.relation is not null and now() between span.since and span.until
  ), step as (
    select max(s.sampled_at) as at, max(s.lag_seconds) as lag_seconds, max(s.lag_versions) as lag_versions,
           (array_agg(s.row_count order by s.sampled_at desc))[1] as row_count,
           (array_agg(s.synced_version order by s.sampled_at desc))[1] as synced_version, bool_or(s.is_failed) as is_failed
      from sample s cross join span
     group by floor(extract(epoch from s.sampled_at - span.since) / extract(epoch from span.step))
  )
  select ${isoTime('span.since')} as since, ${isoTime('span.until')} as until, ${isoTime('s.at')} as sampled_at,
         s.lag_seconds, s.lag_versions::text, s.row_count::text, s.synced_version::text, s.is_failed
    from span left join step s on true order by s.at`;

/**
 * Samples of a table, at most one for each of `points` equal steps. The caller checks beforehand who may see the table.
 * @param client a session with the sidecar's rights
 */
export async function readSamples(client: pg.ClientBase, span: SampleSpan): Promise<SampledSpan> {
  const { tableId, from, to, points, hours } = span;
  const { rows } = await client.query<TableSample & { readonly since: string; readonly until: string }>(
    SELECT_SAMPLES,
    [tableId, from, to, points, hours],
  );
  const [first] = rows;
  if (!first) throw new Error('a span of time gave no row');
  const samples = rows.filter((row) => (row.sampled_at as string | null) !== null);
  return { from: first.since, to: first.until, samples: samples.map(({ since, until, ...sample }) => sample) };
}

/** So many equal steps of the last hour. */
const LAG_STEPS = 30;
const STEP_SECONDS = 3_600 / LAG_STEPS;

const SELECT_LAG_POINTS = `
  select s.table_id, floor(extract(epoch from s.sampled_at - (now() - interval '1 hour')) / ${STEP_SECONDS})::integer as step,
         max(s.lag_seconds)::float8 as lag_seconds
    from synced_tables._samples s
   where s.table_id = any($1::uuid[]) and s.sampled_at > now() - interval '1 hour' and s.sampled_at <= now()
   group by 1, 2`;

/**
 * How far tables were behind in the last hour: for each table the most seconds of each step, the oldest first; null where no
 * sample was taken, or the lag was not known.
 * @param client a session with the sidecar's rights
 */
export async function readLagPoints(
  client: pg.ClientBase,
  tableIds: readonly string[],
): Promise<Map<string, (number | null)[]>> {
  const points = new Map(tableIds.map((id) => [id, Array<number | null>(LAG_STEPS).fill(null)]));
  const { rows } = await client.query<{ table_id: string; step: number; lag_seconds: number | null }>(
    SELECT_LAG_POINTS,
    [tableIds],
  );
  for (const { table_id: id, step, lag_seconds: lag } of rows) {
    const found = points.get(id);
    if (found) found[Math.min(step, LAG_STEPS - 1)] = lag;
  }
  return points;
}
