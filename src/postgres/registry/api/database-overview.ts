import type pg from 'pg';

/** How a database stands: who works on it, and how much there is to do. */
export interface DatabaseOverview {
  /** Version of the extension databricks_auth; null if the guard is installed without it. */
  readonly extensionVersion: string | null;
  /** Sidecars, and programs that run pipelines of their own, that are alive. */
  readonly sidecars: readonly {
    readonly holder: string;
    readonly servesAll: boolean;
    readonly trouble: string | null;
    readonly leases: number;
  }[];
  readonly queued: number;
  readonly running: number;
  /** Seconds that the oldest update that could start has been waiting; null if none does. */
  readonly oldestWaitSeconds: number | null;
  readonly syncedTables: number;
  readonly streamingTables: number;
  readonly sizeBytes: bigint;
}

/** @param client a session with the sidecar's rights */
export async function readDatabaseOverview(client: pg.ClientBase): Promise<DatabaseOverview> {
  const { rows } = await client.query<{
    extension: string | null;
    sidecars: DatabaseOverview['sidecars'];
    queued: number;
    running: number;
    oldest: number | null;
    synced: number;
    streaming: number;
    size: string;
  }>(
    `select (select e.extversion from pg_catalog.pg_extension e where e.extname = 'databricks_auth') as extension,
            (select coalesce(jsonb_agg(jsonb_build_object('holder', s.holder, 'servesAll', s.serves_all, 'trouble', s.trouble,
                      'leases', (select count(*) from synced_tables._pipelines p where p.lease_holder = s.holder)) order by s.joined_at), '[]')
               from synced_tables._sidecars s where s.expires_at >= clock_timestamp()) as sidecars,
            q.queued, q.running, q.oldest,
            (select count(*)::int from synced_tables._tables) as synced,
            (select count(*)::int from synced_tables._streaming_tables) as streaming,
            pg_catalog.pg_database_size(pg_catalog.current_database())::text as size
       from (select count(*) filter (where u.state = 'QUEUED')::int as queued, count(*) filter (where u.state = 'RUNNING')::int as running,
                    max(extract(epoch from clock_timestamp() - coalesce(u.next_attempt_at, u.created_at)))
                      filter (where u.state = 'QUEUED' and coalesce(u.next_attempt_at, u.created_at) <= clock_timestamp())::float8 as oldest
               from synced_tables._updates u where u.state in ('QUEUED', 'RUNNING')) q`,
  );
  const [row] = rows;
  return {
    extensionVersion: row?.extension ?? null,
    sidecars: row?.sidecars ?? [],
    queued: row?.queued ?? 0,
    running: row?.running ?? 0,
    oldestWaitSeconds: row?.oldest ?? null,
    syncedTables: row?.synced ?? 0,
    streamingTables: row?.streaming ?? 0,
    sizeBytes: BigInt(row?.size ?? 0),
  };
}
