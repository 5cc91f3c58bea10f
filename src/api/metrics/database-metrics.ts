import type pg from 'pg';
import type { ApiDatabase } from '../places/api-database.js';

/** The state of a table. */
export interface TableMetrics {
  readonly name: string;
  readonly state: string;
  readonly lagVersions: number | null;
  readonly lagSeconds: number | null;
  readonly rows: number | null;
  /** Seconds since 1970. */
  readonly lastSyncSeconds: number | null;
}

/** What an update has done to a table so far, or did in total. */
interface TableUpdateMetrics {
  readonly key: string;
  readonly table: string;
  readonly written: number;
  readonly deleted: number;
  /** Null while it runs. */
  readonly endedAt: Date | null;
}

/** A database at one moment. */
export interface DatabaseMetrics {
  /** The database's clock. */
  readonly now: Date;
  readonly queued: number;
  readonly running: number;
  readonly leasesHeld: number;
  readonly leasesOfOthers: number;
  readonly tables: readonly TableMetrics[];
  readonly tablesLeftOut: number;
  readonly tableUpdates: readonly TableUpdateMetrics[];
  readonly endedUpdates: readonly { readonly id: string; readonly state: string; readonly endedAt: Date }[];
}

export interface MetricsRequest {
  readonly sidecarId: string;
  /** Updates that ended before this time are left out. */
  readonly since: Date;
  readonly tablesMax: number;
}

type Summary = Pick<DatabaseMetrics, 'now' | 'queued' | 'running' | 'leasesHeld' | 'leasesOfOthers'> & {
  readonly tables: number;
};

/** Reads the metrics of a database in a few queries, all in one snapshot. */
export function readDatabaseMetrics(database: ApiDatabase, request: MetricsRequest): Promise<DatabaseMetrics> {
  return database.asService(async (client) => {
    await client.query('set transaction isolation level repeatable read');
    const summary = await readSummary(client, request.sidecarId);
    const tables = await client.query<TableMetrics>(
      `select synced_table as name, state, lag_versions::float8 as "lagVersions", lag_seconds as "lagSeconds",
              row_count::float8 as rows, extract(epoch from last_sync_at)::float8 as "lastSyncSeconds"
         from synced_tables.status order by synced_table limit $1`,
      [request.tablesMax],
    );
    const tableUpdates = await client.query<TableUpdateMetrics>(
      `select r.update_id || ' ' || r.table_id as key, r.synced_table as table, r.finished_at as "endedAt",
              (coalesce(r.rows_written, r.num_upserted_rows, 0))::float8 as written,
              (coalesce(r.rows_deleted, r.num_deleted_rows, 0))::float8 as deleted
         from synced_tables._table_updates r where r.state = 'RUNNING' or r.finished_at >= $1`,
      [request.since],
    );
    const ended = await client.query<{ id: string; state: string; endedAt: Date }>(
      `select u.update_id as id, u.state, u.finished_at as "endedAt" from synced_tables._updates u
        where u.finished_at >= $1`,
      [request.since],
    );
    return {
      ...summary,
      tables: tables.rows,
      tablesLeftOut: Math.max(0, summary.tables - tables.rows.length),
      tableUpdates: tableUpdates.rows,
      endedUpdates: ended.rows,
    };
  });
}

async function readSummary(client: pg.ClientBase, sidecarId: string): Promise<Summary> {
  const { rows } = await client.query<Summary>(
    `select clock_timestamp() as now,
            (select count(*)::int from synced_tables._updates u where u.state = 'QUEUED') as queued,
            (select count(*)::int from synced_tables._updates u where u.state = 'RUNNING') as running,
            (select count(*)::int from synced_tables._tables) + (select count(*)::int from synced_tables._streaming_tables) as tables,
            count(*) filter (where p.lease_holder = $1)::int as "leasesHeld",
            count(*) filter (where p.lease_holder <> $1)::int as "leasesOfOthers"
       from synced_tables._pipelines p where p.lease_expires_at >= clock_timestamp()`,
    [sidecarId],
  );
  const [summary] = rows;
  if (!summary) throw new Error('a query without GROUP BY gave no row');
  return summary;
}
