import type pg from 'pg';
import { isoTime } from './iso-time.js';

/** A pipeline of flows, as it is made and changed over HTTP. */
export interface FlowPipelineInput {
  readonly name: string;
  readonly policy: 'CONTINUOUS' | 'TRIGGERED';
  /** JSON of its tables, flows and views. */
  readonly declaration: string;
  /** Default schema of unqualified tables. */
  readonly schema: string;
  readonly spec: object;
}

/**
 * Registers a pipeline of flows, with the rights of the acting role.
 * @returns its id
 */
export async function createFlowPipeline(client: pg.ClientBase, pipeline: FlowPipelineInput): Promise<string> {
  const { name, policy, declaration, schema, spec } = pipeline;
  const { rows } = await client.query<{ id: string }>(
    'select synced_tables_internal._create_pipeline($1, $2, $3, $4, $5) as id',
    [name, policy, declaration, schema, JSON.stringify(spec)],
  );
  return rows[0]?.id ?? '';
}

/** Gives a pipeline of flows another name, declaration and spec, with the rights of the acting role. */
export async function editFlowPipeline(
  client: pg.ClientBase,
  pipelineId: string,
  pipeline: FlowPipelineInput,
): Promise<void> {
  await client.query('select synced_tables_internal._edit_pipeline($1, $2, $3, $4, $5, $6)', [
    pipelineId,
    pipeline.name,
    pipeline.policy,
    pipeline.declaration,
    pipeline.schema,
    JSON.stringify(pipeline.spec),
  ]);
}

/**
 * Deletes a pipeline of flows, with the rights of the acting role.
 * @param purge whether its streaming tables go too
 */
export async function deleteFlowPipeline(client: pg.ClientBase, pipelineId: string, purge: boolean): Promise<void> {
  await client.query('select synced_tables_internal._delete_flows($1, $2)', [pipelineId, purge]);
}

/**
 * Stops syncing a table of a pipeline that is deleted, with the rights of the acting role.
 * @param sqlName as the SQL functions take it
 * @param purge whether the Postgres table goes too
 */
export async function deletePipelineTable(client: pg.ClientBase, sqlName: string, purge: boolean): Promise<void> {
  await client.query('select synced_tables.delete_synced_table($1, $2)', [sqlName, purge]);
}

/** Stops what a pipeline does, with the rights of the acting role. */
export async function stopPipeline(client: pg.ClientBase, pipelineId: string): Promise<void> {
  await client.query('select synced_tables.stop_pipeline($1)', [pipelineId]);
}

/** Whether a pipeline is paused, after a call that may have changed that. */
interface Pause {
  /** False if nothing was to do. */
  readonly isChanged: boolean;
  /** Null if it is not paused. */
  readonly pausedAt: string | null;
  readonly pausedBy: string | null;
}

type AsService = <Part>(part: () => Promise<Part>) => Promise<Part>;

/**
 * Pauses a pipeline, with the rights of the acting role.
 * @param asService does a part of the transaction with the sidecar's rights
 */
export async function pausePipeline(client: pg.ClientBase, pipelineId: string, asService: AsService): Promise<Pause> {
  const { rows } = await client.query<{ done: boolean }>('select synced_tables.pause_pipeline($1) as done', [
    pipelineId,
  ]);
  return readPause(client, pipelineId, rows[0]?.done === true, asService);
}

/** Ends the pause of a pipeline, like `pausePipeline`. */
export async function resumePipeline(client: pg.ClientBase, pipelineId: string, asService: AsService): Promise<Pause> {
  const { rows } = await client.query<{ done: boolean }>('select synced_tables.resume_pipeline($1) as done', [
    pipelineId,
  ]);
  return readPause(client, pipelineId, rows[0]?.done === true, asService);
}

async function readPause(
  client: pg.ClientBase,
  pipelineId: string,
  isChanged: boolean,
  asService: AsService,
): Promise<Pause> {
  const { rows } = await asService(() =>
    client.query<{ paused_at: string | null; paused_by: string | null }>(
      `select ${isoTime('p.paused_at')} as paused_at, p.paused_by from synced_tables._pipelines p where p.pipeline_id = $1`,
      [pipelineId],
    ),
  );
  return { isChanged, pausedAt: rows[0]?.paused_at ?? null, pausedBy: rows[0]?.paused_by ?? null };
}

/** An update that is asked for. */
interface UpdateRequest {
  readonly pipelineId: string;
  readonly isFullRefresh: boolean;
  /** Why, as the update then says. */
  readonly cause: string;
}

/**
 * Asks for an update of a pipeline of flows, with the rights of the acting role.
 * @param isValidation whether its flows are only checked
 * @returns its id
 */
export async function startFlowsUpdate(
  client: pg.ClientBase,
  update: UpdateRequest,
  isValidation: boolean,
): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    'select synced_tables_internal._start_flows($1, $2, $3, $4) as id',
    [update.pipelineId, update.isFullRefresh, update.cause, isValidation],
  );
  return rows[0]?.id ?? '';
}

/**
 * Asks for an update of a table, with the rights of the acting role; it shares one that has not begun yet.
 * @param scope whether the other tables of its pipeline go along
 * @returns its id
 */
export async function syncTable(
  client: pg.ClientBase,
  table: { readonly sqlName: string; readonly isFullRefresh: boolean; readonly scope: 'table' | 'pipeline' },
): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    'select synced_tables.sync_now($1, full_refresh => $2, scope => $3) as id',
    [table.sqlName, table.isFullRefresh, table.scope],
  );
  return rows[0]?.id ?? '';
}

/** An update of synced tables that is asked for. */
interface TablesUpdateRequest extends UpdateRequest {
  /** Names of tables, as the SQL functions take them; null for all of the pipeline. */
  readonly selection: { readonly refresh: readonly string[]; readonly full_refresh: readonly string[] } | null;
}

/**
 * Asks for an update of a pipeline of synced tables, with the rights of the acting role.
 * @returns its id
 */
export async function startTablesUpdate(client: pg.ClientBase, update: TablesUpdateRequest): Promise<string> {
  const { pipelineId, isFullRefresh, cause, selection } = update;
  const { rows } = await client.query<{ id: string }>(
    'select synced_tables_internal._start_update($1, $2, selection => $4, cause => $3) as id',
    [pipelineId, isFullRefresh, cause, selection && JSON.stringify(selection)],
  );
  return rows[0]?.id ?? '';
}
