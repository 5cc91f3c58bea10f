// @ts-check
import { randomUUID } from 'node:crypto';

/**
 * A table in one of the states that the console has a word for. `table` and `update` are assignments of the registry.
 * @typedef {object} PicturedTable
 * @property {string} name
 * @property {'SNAPSHOT' | 'TRIGGERED' | 'CONTINUOUS'} [policy]
 * @property {string} table
 * @property {string} [update] of the newest update of the table
 * @property {string} [pipeline]
 * @property {string} [queued] of a waiting update
 * @property {boolean} [isUnmade] whether there is no Postgres table yet
 */

const LOADED = `synced_version = 40, source_version = 40, row_count = 1204331, last_sync_at = now() - interval '9 min',
  last_sync_started_at = now() - interval '9 min 4 s', synced_committed_at = now() - interval '12 min'`;
const RUNNING = `rows_done = 702000, rows_total = 1204331, provisioning_phase = 'PROVISIONING_PHASE_MAIN', processing_version = 52,
  phase_started_at = now() - interval '17 s'`;

/** @type {readonly PicturedTable[]} */
export const picturedTables = [
  {
    name: 'orders',
    policy: 'TRIGGERED',
    table: `state = 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED', ${LOADED}, source_version = 52, behind_since = now() - interval '4 h',
      is_failed = true, last_error_code = 'PRIMARY_KEY_CONSTRAINT_VIOLATION', failing_column = 'order_id', failing_keys = '{17,4711}',
      message = 'Source table lake.gold.orders has several rows with the same primary key (order_id).'`,
    update: `state = 'FAILED', error_code = 'PRIMARY_KEY_CONSTRAINT_VIOLATION',
      message = 'Source table lake.gold.orders has several rows with the same primary key (order_id) for synced table gold.orders; see failing_keys (2 keys).',
      remedy = 'Correct the source, choose a primary key that is unique, or set a timeseries key.'`,
  },
  {
    name: 'refunds',
    isUnmade: true,
    table: `state = 'SYNCED_TABLE_OFFLINE_FAILED', is_failed = true, last_error_code = 'SOURCE_TABLE_NOT_FOUND',
      message = 'Source table lake.gold.refunds does not exist.'`,
    update: `state = 'FAILED', error_code = 'SOURCE_TABLE_NOT_FOUND', message = 'Source table lake.gold.refunds does not exist.',
      remedy = 'Check its name, and that the catalog can see it.'`,
  },
  { name: 'archive', table: `state = 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE', ${LOADED}, relation = 999999::regclass` },
  {
    name: 'returns',
    isUnmade: true,
    table: `state = 'SYNCED_TABLE_OFFLINE_FAILED', message = 'The update was canceled.'`,
    pipeline: 'is_stopped = false',
    update: `state = 'CANCELED', message = 'The update was canceled.'`,
  },
  {
    name: 'prices',
    policy: 'TRIGGERED',
    table: `state = 'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE', ${LOADED}, source_version = 41, behind_since = now() - interval '70 s',
      message = 'Waits for the end of transactions that hold gold.prices: 4711 (reporting nightly report).'`,
    update: `state = 'RUNNING'`,
  },
  {
    name: 'stock',
    policy: 'TRIGGERED',
    table: `state = 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE', ${LOADED}, last_error_code = 'OBJECT_STORE_UNAVAILABLE',
      message = 'The object store does not answer.'`,
    update: `state = 'RUNNING', error_code = 'OBJECT_STORE_UNAVAILABLE', message = 'The object store does not answer.', remedy = 'It is tried again.',
      failed_attempts = 2, next_attempt_at = now() + interval '1 h'`,
    queued: `attempt = 2, next_attempt_at = now() + interval '1 h'`,
  },
  {
    name: 'campaigns',
    policy: 'CONTINUOUS',
    pipeline: `paused_at = now() - interval '2 h', paused_by = 'ada@example.com'`,
    table: `state = 'SYNCED_TABLE_ONLINE', ${LOADED}, message = 'Reflects lake.gold.campaigns at version 40.'`,
    update: `state = 'COMPLETED', rows_written = 12, rows_deleted = 0, load_seconds = 0.2`,
  },
  { name: 'leads', isUnmade: true, table: `state = 'SYNCED_TABLE_PROVISIONING'` },
  {
    name: 'visits',
    isUnmade: true,
    table: `state = 'SYNCED_TABLE_PROVISIONING_PIPELINE_RESOURCES'`,
    update: `state = 'RUNNING'`,
  },
  {
    name: 'clicks',
    isUnmade: true,
    table: `state = 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT', ${RUNNING}`,
    update: `state = 'RUNNING'`,
  },
  {
    name: 'events',
    policy: 'TRIGGERED',
    table: `state = 'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE', ${LOADED}, ${RUNNING}, source_version = 52, behind_since = now() - interval '50 s'`,
    update: `state = 'RUNNING'`,
  },
  {
    name: 'carts',
    policy: 'CONTINUOUS',
    table: `state = 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES', ${LOADED}`,
  },
  {
    name: 'incidents',
    policy: 'CONTINUOUS',
    table: `state = 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE', ${LOADED}, row_count = 88120, last_sync_at = now() - interval '2 s'`,
    update: `state = 'RUNNING', rows_written = 1204, rows_deleted = 3, load_seconds = 0.4`,
  },
  {
    name: 'shipments',
    policy: 'CONTINUOUS',
    table: `state = 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE', ${LOADED}, source_version = 44, behind_since = now() - interval '3 min 10 s'`,
    update: `state = 'RUNNING', rows_written = 1204, rows_deleted = 3, load_seconds = 0.4`,
  },
  {
    name: 'invoices',
    policy: 'TRIGGERED',
    table: `state = 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE', ${LOADED}, source_version = 42, behind_since = now() - interval '25 min'`,
    update: `state = 'COMPLETED', rows_written = 311, rows_deleted = 12, load_seconds = 0.8`,
  },
  {
    name: 'customers',
    table: `state = 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE', ${LOADED}, row_count = 205, message = 'Equal to lake.gold.customers at version 40.'`,
    update: `state = 'COMPLETED', rows_written = 205, rows_deleted = 0, load_seconds = 0.1`,
  },
  {
    name: 'a_name_of_sixty_three_bytes_which_is_as_long_as_postgres_allows',
    table: `state = 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE', ${LOADED}, row_count = 9223372036854775807, message = '<img src=x onerror=alert(1)>'`,
    update: `state = 'COMPLETED', rows_written = 9223372036854775807, rows_deleted = 0, load_seconds = 4000`,
  },
];

/**
 * Registers the tables, each in its state. A sidecar that is not there holds their leases, so that they stay as they are.
 * @param {import('pg').Client} client a superuser's session
 * @param {(name: string) => boolean} [isWanted]
 */
export async function fillStates(client, isWanted = () => true) {
  // In one transaction: nobody begins what is still being registered.
  await client.query('begin');
  const holder = randomUUID();
  await client.query(`insert into synced_tables._sidecars (holder, expires_at) values ($1, 'infinity')`, [holder]);
  await client.query('create schema gold');
  for (const pictured of picturedTables.filter(({ name }) => isWanted(name))) {
    const {
      name,
      policy = 'SNAPSHOT',
      table,
      update,
      pipeline = 'is_stopped = false',
      queued,
      isUnmade = false,
    } = pictured;
    await client.query(
      `select synced_tables.create_synced_table('gold.${name}', 'lake.gold.${name}', array['order_id'], scheduling_policy => $1)`,
      [policy],
    );
    if (!isUnmade) await client.query(`create table gold.${name} (order_id bigint primary key)`);
    // Without triggers, which would tell sidecars of each row.
    await client.query(`set session_replication_role = replica;
      update synced_tables._updates u set state = 'COMPLETED', started_at = now() - interval '9 min', finished_at = now() - interval '9 min'
       where u.pipeline_id = (select pipeline_id from synced_tables._tables where table_name = '${name}');
      update synced_tables._pipelines p set lease_holder = '${holder}', ${pipeline}
       where p.pipeline_id = (select pipeline_id from synced_tables._tables where table_name = '${name}');
      ${isUnmade ? '' : `update synced_tables._tables set relation = 'gold.${name}'::regclass where table_name = '${name}';`}
      update synced_tables._tables set ${withoutDoubles(table)} where table_name = '${name}';
      reset session_replication_role`);
    if (update) await addUpdate(client, name, update);
    if (queued) {
      await client.query(`insert into synced_tables._updates (pipeline_id, requested_by)
        select pipeline_id, 'postgres' from synced_tables._tables where table_name = '${name}'`);
      await client.query(`update synced_tables._updates set ${queued} where state = 'QUEUED'`);
    }
  }
  await client.query(`insert into synced_tables._lock_waits (table_id, sessions, began_at, told_at)
    select table_id, '[{"process": 4711, "role": "reporting", "application": "nightly report", "since": "2026-01-01T00:00:00Z"}]',
           now() - interval '70 s', now() + interval '1 day' from synced_tables._tables where table_name = 'prices'`);
  await client.query('commit');
}

/**
 * @param {import('pg').Client} client
 * @param {string} name
 * @param {string} update
 */
async function addUpdate(client, name, update) {
  await client.query(`insert into synced_tables._table_updates (update_id, table_id, synced_table, source_table_full_name, state, method, started_at, finished_at)
    select u.update_id, t.table_id, t.synced_table, t.source_table_full_name, 'RUNNING', 'SNAPSHOT', now() - interval '9 min', null
      from synced_tables._tables t join synced_tables._updates u using (pipeline_id) where t.table_name = '${name}'`);
  await client.query(`update synced_tables._table_updates set ${update} where synced_table = 'gold.${name}'`);
  const [, state] = /state = '(\w+)'/.exec(update) ?? [];
  await client.query(`set session_replication_role = replica;
    update synced_tables._updates u set state = '${state === 'RUNNING' ? 'COMPLETED' : state}'
     where u.pipeline_id = (select pipeline_id from synced_tables._tables where table_name = '${name}');
    reset session_replication_role`);
}

/** @param {string} assignments of which the last to a column counts */
function withoutDoubles(assignments) {
  const parts = assignments.split(/,\s+(?=\w+ = )/);
  return [...new Map(parts.map((part) => [part.trim().split(' ')[0], part])).values()].join(', ');
}
