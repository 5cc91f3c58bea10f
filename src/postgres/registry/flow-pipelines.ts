import type pg from 'pg';

/** A pipeline of flows, as `declare_pipeline` takes it. */
interface FlowPipelineDeclaration {
  readonly name: string;
  /** JSON of its tables, flows and views. */
  readonly declaration: string;
  /** Schema of unqualified tables. */
  readonly defaultSchema: string;
  /** True if only a program can run it, since that holds a function that is a source. */
  readonly runsInProgram: boolean;
  /** Whether sidecars keep its tables up to date automatically. */
  readonly isContinuous: boolean;
}

/**
 * Registers a pipeline of flows, in place of what its name stood for before.
 * @returns its id
 */
export async function registerFlowPipeline(client: pg.Client, pipeline: FlowPipelineDeclaration): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    'select synced_tables.declare_pipeline($1, $2::jsonb, default_schema => $3, runs_in_program => $4, continuous => $5) as id',
    [pipeline.name, pipeline.declaration, pipeline.defaultSchema, pipeline.runsInProgram, pipeline.isContinuous],
  );
  return rows[0]?.id ?? '';
}

/** Requests an update of a pipeline. */
export async function startUpdate(client: pg.Client, pipelineId: string, isFullRefresh: boolean): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    'select synced_tables.start_update($1, full_refresh => $2) as id',
    [pipelineId, isFullRefresh],
  );
  return rows[0]?.id ?? '';
}

/** How an update stands. */
interface UpdateStanding {
  /** Null if there is no such update. */
  readonly state: string | null;
  /** What it failed with; null otherwise, as are `message` and `remedy`. */
  readonly code: string | null;
  readonly message: string | null;
  readonly remedy: string | null;
}

/** How an update stands, or ended. */
export async function readUpdateOutcome(client: pg.Client, updateId: string): Promise<UpdateStanding> {
  const { rows } = await client.query<Record<'state' | 'error_code' | 'message' | 'remedy', string | null>>(
    'select state, error_code, message, remedy from synced_tables_internal._update_outcome($1)',
    [updateId],
  );
  const { state = null, error_code: code = null, message = null, remedy = null } = rows[0] ?? {};
  return { state, code, message, remedy };
}

/** What an update did to one streaming table. */
export interface TableOutcome {
  /** `schema.table`, quoted where Postgres needs it. */
  readonly table: string;
  readonly state: string;
  /** Null for flows from snapshots. */
  readonly numUpsertedRows: bigint | null;
  readonly numDeletedRows: bigint | null;
}

/** The tables of an update. */
export async function readOutcomes(client: pg.Client, updateId: string): Promise<TableOutcome[]> {
  const { rows } = await client.query<
    Record<'synced_table' | 'state', string> & Record<'upserted' | 'deleted', string | null>
  >(
    `select synced_table, state, num_upserted_rows::text as upserted, num_deleted_rows::text as deleted
       from synced_tables.updates where update_id = $1 and synced_table is not null order by started_at, synced_table`,
    [updateId],
  );
  return rows.map((row) => ({
    table: row.synced_table,
    state: row.state,
    numUpsertedRows: row.upserted === null ? null : BigInt(row.upserted),
    numDeletedRows: row.deleted === null ? null : BigInt(row.deleted),
  }));
}
