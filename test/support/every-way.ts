import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { expect } from 'vitest';
import { eventually, type SyncedLake } from './synced-lake.js';

/** Functions for people that the way through does not call: one is for pipeline files, one ends everything. */
const NOT_CALLED = ['declare_pipeline', 'uninstall'];

/** People who use a database, each with a login of their own. */
export interface People extends AsyncDisposable {
  /** A member of databricks_superuser. */
  readonly operator: pg.Client;
  /** A role without other rights, which becomes manager of a table. */
  readonly manager: pg.Client;
  readonly managerRole: string;
}

/** Logs people in; sessions have the settings of the database. */
export async function invitePeople(lake: SyncedLake): Promise<People> {
  const { database } = lake;
  const clients: pg.Client[] = [];
  const logIn = async (role: string): Promise<pg.Client> => {
    const password = randomBytes(8).toString('hex');
    await database.admin.query(`alter role ${role} login password '${password}'`);
    await database.admin.query(
      `do $$ begin execute format('grant connect on database %I to ${role}', current_database()); end $$`,
    );
    const url = new URL(database.url);
    url.username = role;
    url.password = password;
    const client = new pg.Client({ connectionString: url.href, application_name: 'test' });
    client.on('error', () => {});
    await client.connect();
    clients.push(client);
    return client;
  };
  const managerRole = await database.createRole('manager');
  const operatorRole = await database.createRole('operator', 'databricks_superuser');
  return {
    operator: await logIn(operatorRole),
    manager: await logIn(managerRole),
    managerRole,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(clients.map((client) => client.end()));
    },
  };
}

/**
 * Goes every way once, beside a running sidecar: tables of the three policies are created, refreshed, verified, indexed,
 * scheduled, deleted and dropped, and flows run, by people who have no more rights than they need.
 * @param schema of the tables; another one for each call
 * @param beforeTheyGo called twice: while the synced tables are there, and while the streaming tables are
 */
export async function goEveryWay(
  lake: SyncedLake,
  people: People,
  schema: string,
  beforeTheyGo: () => Promise<void> = async () => {},
): Promise<void> {
  await syncedTables(lake, people, schema, beforeTheyGo);
  await flows(lake, people, `${schema}_flows`, beforeTheyGo);
  await administration(lake, people);
}

async function syncedTables(
  lake: SyncedLake,
  { operator, manager, managerRole }: People,
  schema: string,
  beforeTheyGo: () => Promise<void>,
): Promise<void> {
  const call = (client: pg.Client, sql: string) => readValue(client, `select synced_tables.${sql}`);
  const waitFor = (update: string, client = operator) =>
    client.query(`call synced_tables.wait_for_update('${update}', interval '60 s')`);
  const columns = ['id', 'v'];
  const policies = ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'] as const;
  const tables = await Promise.all(
    policies.map(async (policy) => {
      const name = `${schema}.${policy.toLowerCase()}`;
      const source = await lake.lake.createTable(
        name,
        { id: 'long', v: 'string' },
        `select i as id, 'v' || i as v from range(20) t(i)`,
      );
      return { name, policy, source };
    }),
  );
  const sourceOf = (wanted: string) => {
    const found = tables.find(({ policy }) => policy === wanted);
    if (!found) throw new Error(`no table is ${wanted}`);
    return found.source;
  };
  for (const { name, policy } of tables) {
    const update = await call(
      operator,
      `create_synced_table('${name}', 'lake.${name}', array['id'], scheduling_policy => '${policy}', allow_file_diff => true)`,
    );
    await waitFor(update);
  }
  await operator.query(`select public.databricks_synced_table_add_manager('${schema}.snapshot', '${managerRole}'),
                               public.databricks_synced_table_add_manager('${schema}.triggered', '${managerRole}')`);
  await operator.query(`grant usage on schema ${schema} to ${managerRole}`);
  const isByOwnership = (await readValue(manager, 'select databricks_auth.mode()')) === 'by ownership';
  await call(manager, `drop_index('${await call(manager, `create_index('${schema}.snapshot', '(v)')`)}')`);
  if (isByOwnership) {
    expect(await call(manager, `create_index('${schema}.triggered', '(v) where id > 3', 'v_index')`)).toBe(
      `${schema}.v_index`,
    );
    await call(manager, `drop_index('${schema}.v_index')`);
  } else {
    await manager.query(`create index on ${schema}.snapshot (v); create index by_v on ${schema}.triggered (v)`);
    await manager.query(`alter index ${schema}.by_v rename to v_index; drop index ${schema}.v_index`);
  }
  await operator.query(`select synced_tables.set_trigger_interval('${schema}.continuous', 50)`);
  for (const { name, policy, source } of tables) {
    await source.append(`select i as id, 'new' as v from range(20, 25) t(i)`);
    await source.deleteWhere('id in (3, 7)');
    if (policy === 'CONTINUOUS') {
      await operator.query(`call synced_tables.wait_for_version('${name}', ${source.version}, interval '60 s')`);
    } else {
      await waitFor(await call(manager, `sync_now('${name}')`), manager);
    }
    await lake.expectEqual(name, source, columns);
    const verification = await call(operator, `verify('${name}')`);
    await operator.query(`call synced_tables.wait_for_verification('${verification}', interval '60 s')`);
    await call(operator, `cancel_verification('${await call(operator, `verify('${name}')`)}')`);
  }
  await waitFor(await call(operator, `sync_now('${schema}.triggered', full_refresh => true)`));
  expect((await operator.query('select from synced_tables.status')).rowCount).toBeGreaterThan(2);
  await call(operator, `set_schedule('${schema}.snapshot', '0 3 * * *')`);
  await call(operator, `remove_schedule('${schema}.snapshot')`);
  await call(operator, `pause_pipeline('${schema}.triggered')`);
  await call(operator, `resume_pipeline('${schema}.triggered')`);
  await waitFor(await call(operator, `alter_synced_table('${schema}.triggered', row_filter => 'id > 3')`));
  await lake.expectEqual(`${schema}.triggered`, sourceOf('TRIGGERED'), columns, 'where id > 3');
  await call(operator, `rename_synced_table('${schema}.triggered', 'renamed')`);
  await call(operator, `rename_synced_table('${schema}.renamed', '${schema}.triggered')`);
  await call(operator, `cancel_updates('${schema}.triggered')`);
  const pipeline = await readValue(
    operator,
    `select pipeline_id from synced_tables.status where synced_table = '${schema}.continuous'`,
  );
  await beforeTheyGo();
  await call(operator, `stop_pipeline('${pipeline}')`);
  await call(operator, `delete_synced_table('${schema}.continuous', purge => true)`);
  await call(operator, `delete_synced_table('${schema}.triggered')`);
  const drop = (name: string) =>
    isByOwnership
      ? call(manager, `delete_synced_table('${name}', purge => true)`)
      : manager.query(`drop table ${name}`);
  // It belongs to its creator by now, or, on a managed server, still to us; who managed it may have it dropped either way.
  await call(manager, `delete_synced_table('${schema}.triggered', purge => true)`);
  await operator.query(`select public.databricks_synced_table_remove_manager('${schema}.snapshot', '${managerRole}'),
                               public.databricks_synced_table_add_manager('${schema}.snapshot', '${managerRole}')`);
  await drop(`${schema}.snapshot`);
}

async function flows(
  lake: SyncedLake,
  { operator }: People,
  schema: string,
  beforeTheyGo: () => Promise<void>,
): Promise<void> {
  const call = (sql: string) => readValue(operator, `select synced_tables.${sql}`);
  await operator.query(`create schema ${schema}; grant usage on schema ${schema} to databricks_sync;
    create table ${schema}.events (id int, v text, op text, seq bigint);
    create table ${schema}.state (id int primary key, v text);
    insert into ${schema}.events values (1, 'a', 'U', 1), (2, 'b', 'U', 1);
    insert into ${schema}.state values (1, 'a'), (2, 'b')`);
  if (await isManaged(operator)) await lendToInstaller(operator, schema, ['events', 'state']);
  const events = `'${schema}.events', array['id'], 'seq', apply_as_deletes => 'op = "D"', except_column_list => array['op', 'seq']`;
  const snapshots = `'${schema}.state', array['id']`;
  const [first, second, third, fourth] = ['of_events_1', 'of_events_2', 'of_state_1', 'of_state_2'].map(
    (name) => `${schema}.${name}`,
  );
  const pipelines = [
    await call(`create_streaming_table('${first}')`),
    await call(`create_streaming_live_table('${second}')`),
    await call(`create_streaming_table('${third}')`),
    await call(`create_streaming_table('${fourth}')`),
  ];
  await call(`apply_changes('${first}', ${events})`);
  await call(`create_auto_cdc_flow('${second}', ${events}, stored_as_scd_type => '2')`);
  await call(`apply_changes_from_snapshot('${third}', ${snapshots})`);
  await call(`create_auto_cdc_from_snapshot_flow('${fourth}', ${snapshots}, stored_as_scd_type => '2')`);
  const targets = [first, second, third, fourth] as string[];
  const run = async () => {
    for (const pipeline of pipelines) {
      const update = await call(`start_update('${pipeline}')`);
      await operator.query(`call synced_tables.wait_for_update('${update}', interval '60 s')`);
    }
  };
  await run();
  await operator.query(`insert into ${schema}.events values (1, null, 'D', 2), (3, 'c', 'U', 2);
    delete from ${schema}.state where id = 1; insert into ${schema}.state values (3, 'c')`);
  await run();
  // What is old goes when the next batch is applied.
  await asInstaller(lake.admin, `update synced_tables._cdc_targets set collected_at = now() - interval '1 year'`);
  await operator.query(
    `insert into ${schema}.events values (4, 'd', 'U', 3); insert into ${schema}.state values (4, 'd')`,
  );
  await run();
  for (const target of targets) {
    const isCurrent = target.endsWith('_2') ? 'where "__END_AT" is null' : '';
    expect(await lake.rows(`${target} ${isCurrent}`, ['id', 'v'], operator)).toEqual([
      ['2', 'b'],
      ['3', 'c'],
      ['4', 'd'],
    ]);
  }
  expect((await operator.query(`select from synced_tables.table_changes('${first}', 1)`)).rowCount).toBeGreaterThan(3);
  await operator.query(`update ${third} set v = 'by hand' where id = 2`);
  await call(`set_continuous('${first}')`);
  await eventually(
    async () => (await lake.status(String(first))).state === 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
    'the flow is followed',
  );
  await beforeTheyGo();
  for (const target of targets) await call(`delete_streaming_table('${target}', purge => true)`);
}

async function administration({ admin }: SyncedLake, { managerRole }: People): Promise<void> {
  const hash = randomBytes(32).toString('hex');
  const token = await readValue(admin, `select synced_tables.create_token('${managerRole}', '\\x${hash}')`);
  await admin.query(`select synced_tables.revoke_token('${token}')`);
  const name = `identity_${randomBytes(4).toString('hex')}`;
  await admin.query(`select public.databricks_create_role('${name}', 'USER')`);
  expect((await admin.query('select from public.databricks_list_roles where role_name = $1', [name])).rowCount).toBe(1);
  await admin.query(`drop role ${name}`);
  expect((await admin.query('select from synced_tables.help()')).rowCount).toBeGreaterThan(20);
  await admin.query('select * from synced_tables.drop_left_roles()');
  // Sidecars work at this moment.
  await expect(asInstaller(admin, 'select * from synced_tables.uninstall_plan()')).rejects.toThrow();
  const { rows } = await asInstaller<{ outcome: string }>(admin, 'select * from synced_tables.repair()');
  expect(rows.filter(({ outcome }) => outcome.startsWith('failed'))).toEqual([]);
}

/** Functions for people that nobody has called since the statistics of the database began; they need track_functions = all. */
export async function uncalledFunctions(lake: SyncedLake): Promise<string[]> {
  const { rows } = await lake.admin.query<{ name: string }>(
    `select distinct p.proname as name from pg_proc p
      where (p.pronamespace = 'synced_tables'::regnamespace or p.pronamespace = 'public'::regnamespace and p.proname like 'databricks%')
        and p.proname <> all ($1) and not exists (
          select from pg_stat_user_functions s join pg_proc called on called.oid = s.funcid where called.proname = p.proname)
      order by 1`,
    [NOT_CALLED],
  );
  return rows.map(({ name }) => name);
}

/** Whether an administrator installed, who is no superuser. */
async function isManaged(client: pg.Client): Promise<boolean> {
  return (await client.query(`select from pg_roles where rolname = 'databricks_installer'`)).rowCount === 1;
}

/** Runs a statement as who installed: the session's own role where that is a superuser. */
async function asInstaller<R extends pg.QueryResultRow>(client: pg.Client, sql: string): Promise<pg.QueryResult<R>> {
  if (!(await isManaged(client))) return client.query<R>(sql);
  await client.query('set role databricks_installer');
  try {
    return await client.query<R>(sql);
  } finally {
    await client.query('reset role');
  }
}

/** What the owner of tables grants, so that flows can read them where no superuser installed. */
async function lendToInstaller(owner: pg.Client, schema: string, tables: readonly string[]): Promise<void> {
  const { rows } = await owner.query<{ lock: string }>(
    `select case when current_setting('server_version_num')::int >= 170000 then 'maintain' else 'truncate' end as lock`,
  );
  await owner.query(`grant usage, create on schema ${schema} to databricks_installer with grant option`);
  for (const table of tables) {
    await owner.query(`grant select on ${schema}.${table} to databricks_installer with grant option;
      grant ${rows[0]?.lock} on ${schema}.${table} to databricks_installer`);
  }
}

async function readValue(client: pg.Client, sql: string): Promise<string> {
  const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
  return String(rows[0]?.[0] ?? '');
}
