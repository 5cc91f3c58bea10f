import type pg from 'pg';

/** An event of a database, with what is known of its table and pipeline. */
export interface FoundEvent {
  readonly eventId: bigint;
  /** ISO 8601 in UTC, to the microsecond. */
  readonly occurredAt: string;
  readonly level: 'INFO' | 'WARN' | 'ERROR';
  readonly type: string;
  /** As the SQL functions take it; null for events of a whole pipeline. */
  readonly syncedTable: string | null;
  /** The catalog that the table was named with over HTTP; null for others, and for tables that are gone. */
  readonly catalog: string | null;
  readonly pipelineId: string | null;
  /** Null for a pipeline that is gone. */
  readonly pipelineName: string | null;
  readonly updateId: string | null;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>> | null;
}

/** Which events are wanted; null for any. */
export interface EventFilter {
  readonly eventId: bigint | null;
  readonly levels: readonly string[] | null;
  readonly types: readonly string[] | null;
  /** As the SQL functions take it. */
  readonly syncedTable: string | null;
  readonly pipelineId: string | null;
  readonly updateId: string | null;
  /** ISO 8601; the first instant that counts. */
  readonly from: string | null;
  /** ISO 8601; the first instant that no longer counts. */
  readonly to: string | null;
  /** Each has to stand in the event somewhere, in whatever case. */
  readonly words: readonly string[];
}

/** A place in the order of time and number, without the event there. */
export interface EventPlace {
  readonly occurredAt: string;
  readonly eventId: bigint;
}

export interface EventSearch {
  /** Acting role of the caller, who finds only what that role may see. */
  readonly role: string;
  readonly filter: EventFilter;
  /** `older` gives the newest before the place first, `newer` the oldest after it first. */
  readonly direction: 'older' | 'newer';
  /** Null for the newest event, or the oldest. */
  readonly after: EventPlace | null;
  readonly limit: number;
}

interface EventRow {
  readonly event_id: string;
  readonly occurred_at: string;
  readonly level: FoundEvent['level'];
  readonly event_type: string;
  readonly synced_table: string | null;
  readonly catalog_name: string | null;
  readonly pipeline_id: string | null;
  readonly pipeline_name: string | null;
  readonly update_id: string | null;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>> | null;
}

const MICROSECONDS = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;

/**
 * How many events words are looked for in at once: 50,000 take a few tenths of a second, a million took six seconds. An index
 * for words inside texts needs an extension that not every server has.
 */
const EVENTS_SEARCHED_MAX = 50_000;

const CHEAP = `($2::text[] is null or e.level = any ($2)) and ($3::text[] is null or e.event_type = any ($3))
       and ($4::text is null or e.synced_table = $4) and ($5::uuid is null or e.pipeline_id = $5)
       and ($6::uuid is null or e.update_id = $6)
       and ($7::timestamptz is null or e.occurred_at >= $7) and ($8::timestamptz is null or e.occurred_at < $8)
       and ($9::bigint is null or e.event_id = $9)`;

// The rule of the view synced_tables.events for a named role ($1); and events of a whole pipeline are seen by whoever
// sees one of its tables. What a role sees is worked out once, not for each event.
const VISIBLE = `((select synced_tables_internal._role_may_control($1, null))
            or (e.synced_table, e.pipeline_id) in (select v.synced_table, v.pipeline_id from visible v)
            or e.synced_table is null and e.pipeline_id in (select v.pipeline_id from visible v)
            or coalesce((e.synced_table, e.pipeline_id) in (select k.synced_table, k.pipeline_id from synced_tables._known_tables k), false) is false
               and synced_tables_internal._role_may_control(
                     $1, (select u.requested_by from synced_tables._updates u where u.update_id = e.update_id)))`;

const WORDS = `lower(concat_ws(' ', e.message, e.synced_table, e.event_type, e.pipeline_id, e.update_id, e.details))
           like all ((select array_agg(lower(word)) from unnest($10::text[]) word)::text[])`;

const SEARCH = `
  with visible as materialized (
    select k.synced_table, k.pipeline_id from synced_tables._known_tables k
     where synced_tables_internal._role_may_see($1, k.created_by, k.relation)
  ), edge as materialized (EDGE), found as (
    select e.* from synced_tables._events e
     where ${CHEAP} and AFTER and WITHIN and ($10::text[] is null or ${WORDS}) and ${VISIBLE}
     order by ORDER limit $11
  )
  select e.event_id::text, to_char(e.occurred_at at time zone 'UTC', ${MICROSECONDS}) as occurred_at, e.level, e.event_type,
         e.synced_table, s.catalog_name, e.pipeline_id, p.name as pipeline_name, e.update_id, e.message, e.details,
         edge.edge_id::text, to_char(edge.edge_at at time zone 'UTC', ${MICROSECONDS}) as edge_at
    from edge left join found e on true
    left join synced_tables._tables t on t.synced_table = e.synced_table and t.pipeline_id = e.pipeline_id
    left join synced_tables._table_specs s on s.table_id = t.table_id
    left join synced_tables._pipelines p on p.pipeline_id = e.pipeline_id
   order by ORDER`;

/** One row always: the last event that words are looked for in; nulls if there are not so many. */
const EDGE = `select last.* from (select) one left join lateral (
      select e.occurred_at as edge_at, e.event_id as edge_id from synced_tables._events e where ${CHEAP} and AFTER
       order by ORDER offset ${EVENTS_SEARCHED_MAX - 1} limit 1) last on true`;
const NO_EDGE = 'select null::timestamptz as edge_at, null::bigint as edge_id';

const DIRECTIONS = {
  older: { order: 'desc', after: '<', within: '>=', end: `'-infinity', 0` },
  newer: { order: 'asc', after: '>', within: '<=', end: `'infinity', 9223372036854775807` },
} as const;

/**
 * The statement for a direction. A place that is not given must not stand in it: it would keep the index of times from
 * being used. The first of the conditions on the edge is one that this index knows.
 */
function statement({ direction, after, filter }: Pick<EventSearch, 'direction' | 'after' | 'filter'>): string {
  const { order, after: compare, within, end } = DIRECTIONS[direction];
  const [endAt, endId] = end.split(', ');
  const isBounded = filter.words.length > 0;
  const limits = `e.occurred_at ${within} (select coalesce(edge_at, ${endAt}) from edge) and (e.occurred_at, e.event_id) ${within}
           (select coalesce(edge_at, ${endAt}), coalesce(edge_id, ${endId}) from edge)`;
  return SEARCH.replace('EDGE', isBounded ? EDGE : NO_EDGE)
    .replace('WITHIN', isBounded ? limits : 'true')
    .replaceAll(
      'AFTER',
      after === null ? 'true' : `(e.occurred_at, e.event_id) ${compare} ($12::timestamptz, $13::bigint)`,
    )
    .replaceAll('ORDER', `e.occurred_at ${order}, e.event_id ${order}`);
}

/** What a text is like that has a word in it, whatever characters that has. */
function patternOf(word: string): string {
  return `%${word.replace(/[\\%_]/g, '\\$&')}%`;
}

/** What a search has found, and how far it has looked. */
interface FoundEvents {
  readonly events: readonly FoundEvent[];
  /** The last event that was looked at, if the search ended there before it had found enough; null if it is complete. */
  readonly edge: EventPlace | null;
}

/**
 * Events of a database that a role may see and that fit a filter, in the order of time and number.
 * @param client a session with the sidecar's rights
 */
export async function searchEvents(client: pg.ClientBase, search: EventSearch): Promise<FoundEvents> {
  const { role, filter, after, limit } = search;
  const { rows } = await client.query<EventRow & EdgeRow>(statement(search), [
    role,
    filter.levels,
    filter.types,
    filter.syncedTable,
    filter.pipelineId,
    filter.updateId,
    filter.from,
    filter.to,
    filter.eventId?.toString() ?? null,
    filter.words.length === 0 ? null : filter.words.map(patternOf),
    limit,
    ...(after === null ? [] : [after.occurredAt, after.eventId.toString()]),
  ]);
  const [first] = rows;
  const found = rows.filter((row): row is EventRow & EdgeRow => row.event_id !== null);
  const hasEdge = first !== undefined && first.edge_id !== null && first.edge_at !== null && found.length < limit;
  return {
    events: found.map((row) => ({
      eventId: BigInt(row.event_id),
      occurredAt: row.occurred_at,
      level: row.level,
      type: row.event_type,
      syncedTable: row.synced_table,
      catalog: row.catalog_name,
      pipelineId: row.pipeline_id,
      pipelineName: row.pipeline_name,
      updateId: row.update_id,
      message: row.message,
      details: row.details,
    })),
    edge: hasEdge ? { occurredAt: first.edge_at, eventId: BigInt(first.edge_id) } : null,
  };
}

interface EdgeRow {
  readonly edge_id: string | null;
  readonly edge_at: string | null;
}
