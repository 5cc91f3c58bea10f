import type pg from 'pg';
import { SyncedTablesError } from '../../core/errors.js';
import type { ViewDeclaration } from '../../core/flows/pipeline-declaration.js';
import { quoteLiteral } from '../../core/names.js';
import { type DeclaredRows, parseTableDeclaration, type TableDeclaration } from './flow-declarations.js';
import { failingValues } from './table-update-record.js';

/** A streaming table as the registry knows it. */
export interface StreamingTable {
  readonly tableId: string;
  readonly schema: string;
  readonly name: string;
  /** `schema.name`, quoted where Postgres needs it: for messages. */
  readonly fullName: string;
  readonly createdBy: string;
  /** False before its first update. */
  readonly isMade: boolean;
  /** Whether its last update failed for a reason that does not pass without intervention. */
  readonly isFailed: boolean;
  /** Changes with every declaration that changes the table, its flows or the views of its pipeline. */
  readonly declarationHash: string;
  readonly flowNames: readonly string[];
  /** The declaration of the table and its flows, or why it cannot be parsed: see `declarationOf`. */
  readonly declaration: TableDeclaration | SyncedTablesError;
}

/** What `declare_pipeline` and the functions registered for a pipeline of flows. */
export interface RegisteredPipeline {
  readonly tables: readonly StreamingTable[];
  readonly views: readonly ViewDeclaration[];
}

/** The streaming tables of a pipeline; null if it is one of synced tables. */
export async function readFlowPipeline(client: pg.Client, pipelineId: string): Promise<RegisteredPipeline | null> {
  const found = await client.query(`select from synced_tables._pipelines where pipeline_id = $1 and kind = 'FLOWS'`, [
    pipelineId,
  ]);
  if (found.rowCount === 0) return null;
  const tables = await client.query<{
    table_id: string;
    schema_name: string;
    table_name: string;
    synced_table: string;
    created_by: string;
    declared: unknown;
    is_made: boolean;
    is_failed: boolean;
    declaration_hash: string;
  }>(
    // Before flows and views: if they are redeclared in between, the older hash reveals it.
    `select table_id, schema_name, table_name, synced_table, created_by, declared, relation is not null as is_made, is_failed,
            declaration_hash
       from synced_tables._streaming_tables where pipeline_id = $1 order by created_at, table_id`,
    [pipelineId],
  );
  const flows = await client.query<DeclaredRows['flows'][number] & { table_id: string }>(
    `select f.table_id, f.flow_name as name, f.kind, f.source, f.options, f.created_by as "createdBy"
       from synced_tables._flows f join synced_tables._streaming_tables t using (table_id)
      where t.pipeline_id = $1 order by f.created_at, f.flow_name`,
    [pipelineId],
  );
  const views = await client.query<ViewDeclaration>(
    'select view_name as name, query from synced_tables._pipeline_views where pipeline_id = $1',
    [pipelineId],
  );
  return {
    tables: tables.rows.map((row) => {
      const { synced_table: fullName, declared } = row;
      const own = flows.rows.filter((flow) => flow.table_id === row.table_id);
      return {
        tableId: row.table_id,
        schema: row.schema_name,
        name: row.table_name,
        fullName,
        createdBy: row.created_by,
        isMade: row.is_made,
        isFailed: row.is_failed,
        declarationHash: row.declaration_hash,
        flowNames: own.map(({ name }) => name),
        declaration: parseTableDeclaration({ pipelineId, fullName, declared, flows: own }),
      };
    }),
    views: views.rows,
  };
}

/**
 * The declaration of a streaming table and its flows.
 * @throws PIPELINE_DECLARATION_INVALID
 */
export function declarationOf({ declaration }: StreamingTable): TableDeclaration {
  if (declaration instanceof SyncedTablesError) throw declaration;
  return declaration;
}

type StreamingTableState =
  | 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT'
  | 'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE'
  | 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE'
  | 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE'
  | 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES'
  | 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED'
  | 'SYNCED_TABLE_OFFLINE_FAILED';

/** Sets whether followers leave out a streaming table until an update of it succeeds. */
export async function markStreamingTable(client: pg.Client, tableId: string, isFailed: boolean): Promise<void> {
  await client.query(
    `update synced_tables._streaming_tables
        set is_failed = $2, failed_since = case when $2 then coalesce(failed_since, clock_timestamp()) end
      where table_id = $1 and is_failed is distinct from $2`,
    [tableId, isFailed],
  );
}

/** Changes the streaming table's row in the status view. */
export async function writeStreamingTableState(
  client: pg.Client,
  tableId: string,
  state: StreamingTableState,
  message: string,
  error: SyncedTablesError | null = null,
): Promise<void> {
  await client.query(
    `update synced_tables._streaming_tables
        set state = $2, message = $3, last_error_code = $4, failing_column = $5, failing_keys = $6
      where table_id = $1`,
    [tableId, state, message, error?.code ?? null, ...failingValues(error)],
  );
}

/**
 * Notes that the sources of a table have something that it does not reflect yet, or that it reflects all that they had. What
 * a crash loses of it is found anew by the next look, so it waits for no disk.
 */
export async function writeStreamingLag(client: pg.Client, tableId: string, isBehind: boolean): Promise<void> {
  const [since, condition] = isBehind
    ? ['clock_timestamp()', 'behind_since is null']
    : ['null', 'behind_since is not null'];
  await client.query(
    `begin; set local synchronous_commit = off;
     update synced_tables._streaming_tables set behind_since = ${since} where table_id = ${quoteLiteral(tableId)} and ${condition};
     commit`,
  );
}

/** The table was redeclared or deleted, so what was read must not be applied. Never shown to users. */
export class DeclaredAnew extends Error {}

/**
 * Proves inside the committing transaction that the table's declaration is the one in `table`, and keeps it so until
 * that transaction ends.
 * @throws DeclaredAnew
 */
export async function requireDeclaration(client: pg.Client, table: StreamingTable): Promise<void> {
  const { rowCount } = await client.query(
    'select from synced_tables._streaming_tables where table_id = $1 and declaration_hash = $2 for no key update',
    [table.tableId, table.declarationHash],
  );
  if (rowCount === 0) throw new DeclaredAnew(`${table.fullName} was declared again`);
}

/** Records that an update has begun this table. */
export async function recordFlowUpdateStart(client: pg.Client, updateId: string, table: StreamingTable): Promise<void> {
  await client.query(
    `insert into synced_tables._table_updates
       (update_id, table_id, synced_table, source_table_full_name, state, method, started_at)
     values ($1, $2, $3, $4, 'RUNNING', 'AUTO_CDC', clock_timestamp())
     on conflict (update_id, table_id) do update
       set state = 'RUNNING', started_at = excluded.started_at, finished_at = null, error_code = null, message = null,
           remedy = null, failing_column = null, failing_keys = null, failed_attempts = null, next_attempt_at = null`,
    [updateId, table.tableId, table.fullName, table.flowNames.join(', ')],
  );
}

/** What a batch of a change flow did; snapshots report nothing. */
export interface FlowMetrics {
  readonly numUpsertedRows: bigint;
  readonly numDeletedRows: bigint;
}

/**
 * Adds a batch to the update's record, and notes that the table exists: called inside the transaction that applies the
 * batch. A retried update counts each batch once, since each is committed once.
 */
export async function recordFlowBatch(
  client: pg.Client,
  updateId: string,
  table: StreamingTable,
  metrics: FlowMetrics | null,
): Promise<void> {
  await client.query(
    `update synced_tables._table_updates
        set num_upserted_rows = coalesce(num_upserted_rows + $3, $3, num_upserted_rows),
            num_deleted_rows = coalesce(num_deleted_rows + $4, $4, num_deleted_rows),
            batches = case (select u.mode from synced_tables._updates u where u.update_id = $1)
                        when 'CONTINUOUS' then coalesce(batches, 0) + 1 end
      where update_id = $1 and table_id = $2`,
    [updateId, table.tableId, metrics?.numUpsertedRows.toString() ?? null, metrics?.numDeletedRows.toString() ?? null],
  );
  await client.query(
    'update synced_tables._streaming_tables set last_sync_at = clock_timestamp() where table_id = $1',
    [table.tableId],
  );
}

/** Ends a table's part of an update. */
export async function recordFlowUpdateEnd(
  client: pg.Client,
  updateId: string,
  table: StreamingTable,
  error: SyncedTablesError | null,
): Promise<void> {
  await client.query(
    `update synced_tables._table_updates
        set state = $3, finished_at = clock_timestamp(), error_code = $4, message = $5, remedy = $6, failing_column = $7,
            failing_keys = $8
      where update_id = $1 and table_id = $2`,
    [
      updateId,
      table.tableId,
      error ? 'FAILED' : 'COMPLETED',
      error?.code ?? null,
      error?.message ?? null,
      error?.remedy ?? null,
      ...failingValues(error),
    ],
  );
}

/** Whether an update has made the table: one that was read before the update may not know. */
export async function isStreamingTableMade(client: pg.Client, { tableId }: StreamingTable): Promise<boolean> {
  const { rowCount } = await client.query(
    'select from synced_tables._streaming_tables where table_id = $1 and relation is not null',
    [tableId],
  );
  return rowCount !== 0;
}

/** Records the view through which users read the table. */
export async function writeStreamingRelation(client: pg.Client, table: StreamingTable): Promise<void> {
  await client.query(
    `update synced_tables._streaming_tables t set relation = to_regclass(format('%I.%I', t.schema_name, t.table_name))
      where t.table_id = $1 and t.relation is distinct from to_regclass(format('%I.%I', t.schema_name, t.table_name))`,
    [table.tableId],
  );
}
