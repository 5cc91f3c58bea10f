import type pg from 'pg';

/** The state of a table. */
export interface TableMetrics {
  readonly name: string;
  readonly state: string;
  readonly lagVersions: number | null;
  readonly lagSeconds: number | null;
  readonly rows: number | null;
  /** Seconds since 1970. */
  readonly lastSyncSeconds: number | null;
  readonly isChangedByHand: boolean;
}

/** What an update has done to a table so far, or did in total. */
export interface TableUpdateMetrics {
  readonly key: string;
  readonly table: string;
  readonly written: number;
  readonly deleted: number;
  /** Null while it runs. */
  readonly endedAt: Date | null;
}

/** An update that is over. */
export interface EndedUpdate {
  readonly id: string;
  readonly state: string;
  readonly endedAt: Date;
}

/** What a database has to do at one moment, and who does it. */
interface QueueSummary {
  /** The database's clock. */
  readonly now: Date;
  readonly queued: number;
  readonly running: number;
  readonly leasesHeld: number;
  readonly leasesOfOthers: number;
  /** How many synced and streaming tables there are. */
  readonly tables: number;
}

/** How the tables of a database stand, by name; the first `limit` of them. */
export async function readTableMetrics(client: pg.ClientBase, limit: number): Promise<TableMetrics[]> {
  const { rows } = await client.query<TableMetrics>(
    `select synced_table as name, state, lag_versions::float8 as "lagVersions", lag_seconds as "lagSeconds",
              row_count::float8 as rows, extract(epoch from last_sync_at)::float8 as "lastSyncSeconds",
              changed_by_hand_at is not null as "isChangedByHand"
         from synced_tables.status order by synced_table limit $1`,
    [limit],
  );
  return rows;
}

/** What updates do to tables now, and what those did that ended after `since`. */
export async function readTableUpdateMetrics(client: pg.ClientBase, since: Date): Promise<TableUpdateMetrics[]> {
  const { rows } = await client.query<TableUpdateMetrics>(
    `select r.update_id || ' ' || r.table_id as key, r.synced_table as table, r.finished_at as "endedAt",
              (coalesce(r.rows_written, r.num_upserted_rows, 0))::float8 as written,
              (coalesce(r.rows_deleted, r.num_deleted_rows, 0))::float8 as deleted
         from synced_tables._table_updates r where r.state = 'RUNNING' or r.finished_at >= $1`,
    [since],
  );
  return rows;
}

/** The updates that ended after `since`. */
export async function readEndedUpdates(client: pg.ClientBase, since: Date): Promise<EndedUpdate[]> {
  const { rows } = await client.query<EndedUpdate>(
    `select u.update_id as id, u.state, u.finished_at as "endedAt" from synced_tables._updates u
        where u.finished_at >= $1`,
    [since],
  );
  return rows;
}

/**
 * Counts tables, updates and leases.
 * @param sidecarId whose leases are `leasesHeld`
 */
export async function readQueueSummary(client: pg.ClientBase, sidecarId: string): Promise<QueueSummary> {
  const { rows } = await client.query<QueueSummary>(
    `select clock_timestamp() as now,
            (select count(*)::int from synced_tables._updates u where u.state = 'QUEUED') as queued,
            (select count(*)::int from synced_tables._updates u where u.state = 'RUNNING') as running,
            (select count(*)::int from synced_tables._tables) + (select count(*)::int from synced_tables._streaming_tables) as tables,
            count(*) filter (where l.lease_holder = $1)::int as "leasesHeld",
            count(*) filter (where l.lease_holder <> $1)::int as "leasesOfOthers"
       from synced_tables_internal._leases l`,
    [sidecarId],
  );
  const [summary] = rows;
  if (!summary) throw new Error('a query without GROUP BY gave no row');
  return summary;
}
