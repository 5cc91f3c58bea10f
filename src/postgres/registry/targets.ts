import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import type { AutoCdcField, AutoCdcFlow } from '../../core/flows/auto-cdc-flow.js';
import type { FlowPosition } from '../../core/flows/flow-progress.js';

/**
 * What a target's state was created with, as stored in the registry (`_cdc_targets.shape`), so that a flow that would
 * misread the state is refused. The names for statements, derived from a flow, are in TargetLayout.
 */
export interface TargetShape {
  readonly keys: readonly string[];
  readonly sequence: string;
  readonly scdType: number;
  readonly tracked: readonly string[];
  /** Names and types. */
  readonly columns: readonly string[];
  /** Names of the columns, in the same order. */
  readonly names: readonly string[];
  /** Columns in which null is ignored. */
  readonly ignored: readonly string[];
  /** Fields of those structs: state is stored by their positions. */
  readonly structs: Readonly<Record<string, readonly AutoCdcField[]>>;
  /** How authors are stored; other flows into the target have to agree. */
  readonly authorship: string;
  readonly source: string;
  readonly relations: { readonly view: string; readonly storage: string; readonly feed: string; readonly base: string };
}

/** Where a target is found. */
type TargetName = Pick<AutoCdcFlow, 'schema' | 'table'>;

/**
 * The position of a flow.
 * @throws AUTOCDC_TARGET_NOT_FOUND
 */
export async function readFlowPosition(
  client: pg.Client,
  flow: Pick<AutoCdcFlow, 'flowName' | 'schema' | 'table' | 'fullName'>,
): Promise<FlowPosition> {
  const { rows } = await client.query<{ batch_id: string; position: unknown; snapshot_version: string | null }>(
    `select coalesce(p.batch_id, 0)::text as batch_id, p.position, t.snapshot_version
       from synced_tables._cdc_targets t
       left join synced_tables._cdc_positions p on p.target_id = t.target_id and p.flow_name = $3
      where t.schema_name = $1 and t.table_name = $2`,
    [flow.schema, flow.table, flow.flowName],
  );
  const found = rows[0];
  if (!found) throw syncedTablesError('AUTOCDC_TARGET_NOT_FOUND', { target: flow.fullName });
  return { batchId: BigInt(found.batch_id), position: found.position, snapshotVersion: found.snapshot_version };
}

/** Until the transaction ends, nobody else creates, changes or removes a target with that name. */
export async function lockTargetName(client: pg.Client, { schema, table }: TargetName) {
  await client.query(`select synced_tables_internal._hold_lock('cdc target ' || $1::text)`, [
    JSON.stringify([schema, table]),
  ]);
}

/** The shape with which the target's state was created; null if there is none. */
export async function readTargetShape(client: pg.Client, flow: TargetName): Promise<TargetShape | null> {
  const { rows } = await client.query<{ shape: TargetShape }>(
    `select t.shape from synced_tables._cdc_targets t join pg_class c on c.oid = t.target
      where t.schema_name = $1 and t.table_name = $2`,
    [flow.schema, flow.table],
  );
  return rows[0]?.shape ?? null;
}

/** Makes the schema of a target if it is missing, and lets the sidecar create in it, as far as the target's creator may. */
export async function prepareTargetSchema(
  client: pg.Client,
  { schema, createdBy }: Pick<AutoCdcFlow, 'schema' | 'createdBy'>,
): Promise<void> {
  await client.query('select synced_tables_internal._prepare_cdc_schema($1, $2)', [schema, createdBy]);
}

/**
 * Registers a target that was made.
 * @param made its view and its feed, if it has one, as SQL names them, and what its state was made with
 * @returns its id
 */
export async function insertTarget(
  client: pg.Client,
  { schema, table, createdBy }: Pick<AutoCdcFlow, 'schema' | 'table' | 'createdBy'>,
  { view, feed, shape }: { readonly view: string; readonly feed: string | null; readonly shape: TargetShape },
): Promise<string> {
  const { rows } = await client.query<{ target_id: string }>(
    `insert into synced_tables._cdc_targets (schema_name, table_name, target, feed, created_by, shape)
     values ($1, $2, $3::regclass, $4::regclass, $5, $6) returning target_id`,
    [schema, table, view, feed, createdBy, shape],
  );
  return rows[0]?.target_id ?? '';
}

/** Forgets a target by its name, and says what is left of it in the database; null if there was none. */
export async function deleteTarget(
  client: pg.Client,
  { schema, table }: TargetName,
): Promise<{ readonly targetId: string; readonly shape: TargetShape } | null> {
  const { rows } = await client.query<{ target_id: string; shape: TargetShape }>(
    'delete from synced_tables._cdc_targets where schema_name = $1 and table_name = $2 returning target_id, shape',
    [schema, table],
  );
  const [found] = rows;
  return found ? { targetId: found.target_id, shape: found.shape } : null;
}

/** Locks a target for giving it more columns; null if there is none. */
export async function lockTargetColumns(
  client: pg.Client,
  { schema, table }: TargetName,
): Promise<{ readonly targetId: string; readonly names: readonly string[]; readonly hasFeed: boolean } | null> {
  const { rows } = await client.query<{ target_id: string; names: string[]; has_feed: boolean }>(
    `select t.target_id, array(select jsonb_array_elements_text(t.shape -> 'names')) as names, t.feed is not null as has_feed
       from synced_tables._cdc_targets t where t.schema_name = $1 and t.table_name = $2 for update`,
    [schema, table],
  );
  const [target] = rows;
  return target ? { targetId: target.target_id, names: target.names, hasFeed: target.has_feed } : null;
}

/** Notes what the state of a target is made with from now on. */
export async function writeTargetShape(client: pg.Client, targetId: string, shape: TargetShape): Promise<void> {
  await client.query('update synced_tables._cdc_targets set shape = $2 where target_id = $1', [targetId, shape]);
}

/** Notes which update builds a target for a full refresh. */
export async function markRefreshed(client: pg.Client, { schema, table }: TargetName, updateId: string): Promise<void> {
  await client.query(
    'update synced_tables._cdc_targets set refreshed_by = $3 where schema_name = $1 and table_name = $2',
    [schema, table, updateId],
  );
}

/**
 * Locks a target for putting another in its place, or for being that.
 * @throws AUTOCDC_TARGET_NOT_FOUND
 */
export async function lockTargetVersion(
  client: pg.Client,
  flow: Pick<AutoCdcFlow, 'schema' | 'table' | 'fullName'>,
): Promise<{ readonly targetId: string; readonly commitVersion: bigint; readonly createdBy: string }> {
  const { rows } = await client.query<{ target_id: string; commit_version: string; created_by: string }>(
    `select target_id, commit_version::text, created_by from synced_tables._cdc_targets
      where schema_name = $1 and table_name = $2 for update`,
    [flow.schema, flow.table],
  );
  const [row] = rows;
  if (row === undefined) throw syncedTablesError('AUTOCDC_TARGET_NOT_FOUND', { target: flow.fullName });
  return { targetId: row.target_id, commitVersion: BigInt(row.commit_version), createdBy: row.created_by };
}

/** A target that takes over what a full refresh has built. */
interface TakeOver {
  readonly targetId: string;
  /** The target that was built beside it. */
  readonly builtId: string;
  readonly shape: TargetShape;
  /** Of the target, as SQL names it. */
  readonly view: string;
  readonly feed: string | null;
  /** The creator of the streaming table that it belongs to now. */
  readonly createdBy: string;
  /** The version of the target that is the first with what was built. */
  readonly version: bigint;
}

/** Gives a target the truncate mark and snapshot version of the one that was built beside it; its feed begins above `version`. */
export async function takeOverTarget(client: pg.Client, takeOver: TakeOver): Promise<void> {
  const { targetId, builtId, shape, view, feed, version, createdBy } = takeOver;
  await client.query(
    `update synced_tables._cdc_targets o
        set shape = $3, target = $4::regclass, created_by = $7, feed = $5::regclass, commit_version = $6, changed_by = pg_current_xact_id(),
            feed_starts_after = $6, truncated_before = f.truncated_before, truncated_at = f.truncated_at,
            snapshot_version = f.snapshot_version, collected_at = now()
       from synced_tables._cdc_targets f where o.target_id = $1 and f.target_id = $2`,
    [targetId, builtId, shape, view, feed, version.toString(), createdBy],
  );
}

/** Forgets how far the flows into a target were. */
export async function forgetFlowPositions(client: pg.Client, targetId: string): Promise<void> {
  await client.query('delete from synced_tables._cdc_positions where target_id = $1', [targetId]);
}

/** Makes the positions of one target those of another. */
export async function moveFlowPositions(
  client: pg.Client,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  await client.query('update synced_tables._cdc_positions set target_id = $1 where target_id = $2', [to, from]);
}

/** Forgets a target by its id. */
export async function removeTargetRow(client: pg.Client, targetId: string): Promise<void> {
  await client.query('delete from synced_tables._cdc_targets where target_id = $1', [targetId]);
}
