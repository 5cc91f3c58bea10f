import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMigratedDatabase, type MigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: create_synced_table registers a valid request completely, refuses an invalid one without leaving anything, and
// acts with the rights of its caller.

/** How many rows a refused request could have left behind. */
async function countRows(admin: pg.Client): Promise<number> {
  const { rows } = await admin.query<{ count: number }>(
    `select ((select count(*) from synced_tables._tables) + (select count(*) from synced_tables._pipelines)
           + (select count(*) from synced_tables._updates) + (select count(*) from synced_tables._events))::int as count`,
  );
  return rows[0]?.count ?? -1;
}

describe.each(postgresServers())('create_synced_table on $name', (server) => {
  it('registers the table, queues its first update, wakes the sidecars and says so in the status view', async () => {
    await using database = await createMigratedDatabase(server);
    const listener = await database.connect();
    const { me } = (await listener.query<{ me: string }>('select current_user as me')).rows[0] ?? {};
    const woken = new Promise<string>((resolve) => {
      listener.on('notification', ({ channel, payload }) => resolve(`${channel}:${payload}`));
    });
    await listener.query('listen synced_tables_requests');
    const created = await database.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('Gold.Users', source_table_full_name => 'analytics.gold.Users',
         primary_key_columns => array['user id', 'Day'], scheduling_policy => 'triggered', timeseries_key => 'at',
         invalid_characters => 'strip', create_database_objects_if_missing => true) as id`,
    );
    expect(await woken).toBe('synced_tables_requests:');
    const { rows } = await database.admin.query('select * from synced_tables.status');
    expect(rows).toEqual([
      {
        synced_table: 'gold.users',
        table_name: null,
        source_table_full_name: 'analytics.gold.Users',
        scheduling_policy: 'TRIGGERED',
        state: 'SYNCED_TABLE_PROVISIONING',
        message: 'Waits for a sidecar to load it.',
        synced_version: null,
        source_version: null,
        lag_versions: null,
        lag_seconds: null,
        row_count: null,
        rows_done: null,
        rows_total: null,
        last_sync_at: null,
        last_error_code: null,
        pipeline_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        provisioning_phase: null,
        sync_progress_completion: null,
        estimated_completion_seconds: null,
        processing_version: null,
        synced_committed_at: null,
        last_sync_started_at: null,
        publish: 'separately',
        failing_column: null,
        failing_keys: null,
        paused_at: null,
        paused_by: null,
        columns: null,
        changed_by_hand_at: null,
        changed_by_hand_by: null,
        row_filter: null,
      },
    ]);
    const updates = await database.admin.query(
      'select update_id, synced_table, pipeline_id, state, cause, full_refresh, attempt, requested_by from synced_tables.updates',
    );
    expect(updates.rows).toEqual([
      {
        update_id: created.rows[0]?.id,
        synced_table: 'gold.users',
        pipeline_id: rows[0]?.pipeline_id,
        state: 'QUEUED',
        cause: 'USER_ACTION',
        full_refresh: false,
        attempt: 0,
        requested_by: me,
      },
    ]);
    const stored = await database.admin.query(
      'select schema_name, table_name, primary_key_columns, timeseries_key, invalid_characters, relation, created_by from synced_tables._tables',
    );
    expect(stored.rows).toEqual([
      {
        schema_name: 'gold',
        table_name: 'users',
        primary_key_columns: ['user id', 'Day'],
        timeseries_key: 'at',
        invalid_characters: 'strip',
        relation: null,
        created_by: me,
      },
    ]);
    await listener.end();
  });

  it('folds names as Postgres does, and keeps quoted capitals and leading digits', async () => {
    await using database = await createMigratedDatabase(server);
    for (const name of ['GOLD.Plain', '"Gold"."Users"', 'gold.2024_sales', 'gold.order']) {
      await database.admin.query('select synced_tables.create_synced_table($1, $2, $3)', [name, 'a.b.c', ['id']]);
    }
    const { rows } = await database.admin.query('select synced_table from synced_tables.status order by 1');
    expect(rows.map(({ synced_table }) => synced_table).sort()).toEqual(
      ['"Gold"."Users"', 'gold."2024_sales"', 'gold.order', 'gold.plain'].sort(),
    );
    // What the view shows can be passed back.
    for (const { synced_table } of rows) {
      await database.admin.query('select synced_tables.delete_synced_table($1)', [synced_table]);
    }
    expect((await database.admin.query('select from synced_tables.status')).rowCount).toBe(0);
  });

  it('never takes a name that is in use: by a synced table, any relation, or a type', async () => {
    await using database = await createMigratedDatabase(server);
    const { admin } = database;
    const create = (name: string) =>
      admin.query('select synced_tables.create_synced_table($1, $2, $3)', [name, 'a.b.c', ['id']]);
    await admin.query(`create schema gold; create table gold.t (id int); create index i on gold.t (id);
      create view gold.v as select 1 as one; create type gold.e as enum ('a'); create sequence gold.s`);
    for (const name of ['t', 'i', 'v', 'e', 's']) {
      expect(await refusalOf(create(`gold.${name}`))).toMatchObject({ code: 'TARGET_TABLE_EXISTS', sqlState: '42P07' });
    }
    await create('gold._t'); // only the array type of gold.t has that name, and it makes room
    await create('gold.x');
    expect(await refusalOf(create('gold.x'))).toMatchObject({ code: 'SYNCED_TABLE_EXISTS', sqlState: '42P07' });
  });

  it('lets one of two sessions that create the same table at once win', async () => {
    await using database = await createMigratedDatabase(server);
    const [one, two] = [await database.connect(), await database.connect()];
    await one.query('begin');
    await one.query(`select synced_tables.create_synced_table('gold.x', 'a.b.c', array['id'])`);
    const second = refusalOf(two.query(`select synced_tables.create_synced_table('gold.x', 'a.b.other', array['id'])`));
    await one.query('select pg_sleep(0.1)');
    await one.query('commit');
    expect(await second).toMatchObject({ code: 'SYNCED_TABLE_EXISTS', sqlState: '42P07' });
    expect((await one.query('select from synced_tables._pipelines')).rowCount).toBe(1);
  });

  it('allows 20 synced tables of one source, also when the last are created at once', async () => {
    await using database = await createMigratedDatabase(server);
    const create = (client: pg.Client, name: string, source = 'a.b.c') =>
      client.query('select synced_tables.create_synced_table($1, $2, $3)', [`gold.${name}`, source, ['id']]);
    for (let n = 1; n <= 18; n++) await create(database.admin, `t${n}`);
    const clients = await Promise.all([1, 2, 3, 4].map(() => database.connect()));
    const results = await Promise.allSettled(clients.map((client, n) => create(client, `last${n}`)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect(await refusalOf(create(database.admin, 'more'))).toMatchObject({
      code: 'SYNCED_TABLE_LIMIT',
      sqlState: '54000',
    });
    await create(database.admin, 'more', 'a.b.d');
    await database.admin.query(`select synced_tables.delete_synced_table('gold.t1')`);
    await create(database.admin, 't1');
  });

  it('puts a table into an existing pipeline of the same policy, and shares the update that waits there', async () => {
    await using database = await createMigratedDatabase(server);
    const create = async (name: string, policy: string, pipeline: string | null) => {
      const { rows } = await database.admin.query<{ id: string }>(
        'select synced_tables.create_synced_table($1, $2, $3, $4, existing_pipeline_id => $5) as id',
        [name, 'a.b.c', ['id'], policy, pipeline],
      );
      return rows[0]?.id;
    };
    const first = await create('gold.a', 'SNAPSHOT', null);
    const { rows } = await database.admin.query<{ pipeline_id: string }>(
      'select pipeline_id from synced_tables.status',
    );
    const pipeline = rows[0]?.pipeline_id ?? '';
    expect(await create('gold.b', 'SNAPSHOT', pipeline)).toBe(first);
    expect(await refusalOf(create('gold.c', 'TRIGGERED', pipeline))).toMatchObject({
      code: 'PIPELINE_POLICY_DIFFERS',
      sqlState: '22023',
    });
    const names = await database.admin.query('select synced_table from synced_tables.updates order by 1');
    expect(names.rows).toEqual([{ synced_table: 'gold.a' }, { synced_table: 'gold.b' }]);
  });
});

describe.each(postgresServers())('refusals of create_synced_table on $name', (server) => {
  let database: MigratedDatabase;
  beforeAll(async () => {
    database = await createMigratedDatabase(server);
  });
  afterAll(() => database[Symbol.asyncDispose]());

  const valid = { synced_table: 'gold.x', source_table_full_name: 'a.b.c', primary_key_columns: ['id'] };
  const long = 'x'.repeat(64);
  it.each<[string, string, Record<string, unknown>]>([
    ['SYNCED_TABLE_NAME_INVALID', '42602', { synced_table: 'users' }],
    ['SYNCED_TABLE_NAME_INVALID', '42602', { synced_table: 'catalog.gold.users' }],
    ['SYNCED_TABLE_NAME_INVALID', '42602', { synced_table: null }],
    ['SYNCED_TABLE_NAME_INVALID', '42602', { synced_table: '' }],
    ['SYNCED_TABLE_NAME_INVALID', '42602', { synced_table: 'gold.' }],
    ['SYNCED_TABLE_NAME_INVALID', '42602', { synced_table: '"gold"."a b"' }],
    ['SYNCED_TABLE_NAME_INVALID', '42602', { synced_table: 'gold.x; drop table y' }],
    ['SYNCED_TABLE_NAME_INVALID', '42602', { synced_table: `gold.${long}` }],
    ['SYNCED_TABLE_NAME_INVALID', '42602', { synced_table: 'gold.größe' }],
    ['SOURCE_NAME_INVALID', '42602', { source_table_full_name: 'gold.users' }],
    ['SOURCE_NAME_INVALID', '42602', { source_table_full_name: 'a.b.c.d' }],
    ['SOURCE_NAME_INVALID', '42602', { source_table_full_name: 'a.b.c d' }],
    ['SOURCE_NAME_INVALID', '42602', { source_table_full_name: 'a.b./etc/c' }],
    ['SOURCE_NAME_INVALID', '42602', { source_table_full_name: 'a.b.`c' }],
    ['SOURCE_NAME_INVALID', '42602', { source_table_full_name: '`a.b`.c.d' }],
    ['SOURCE_NAME_INVALID', '42602', { source_table_full_name: null }],
    ['PRIMARY_KEY_MISSING', '22023', { primary_key_columns: [] }],
    ['PRIMARY_KEY_MISSING', '22023', { primary_key_columns: null }],
    ['PRIMARY_KEY_INVALID', '22023', { primary_key_columns: ['id', null] }],
    ['PRIMARY_KEY_INVALID', '22023', { primary_key_columns: [''] }],
    ['PRIMARY_KEY_INVALID', '22023', { primary_key_columns: [long] }],
    ['PRIMARY_KEY_INVALID', '22023', { primary_key_columns: Array.from({ length: 33 }, (_, n) => `k${n}`) }],
    ['PRIMARY_KEY_DUPLICATE', '22023', { primary_key_columns: ['id', 'day', 'id'] }],
    ['TIMESERIES_KEY_INVALID', '22023', { timeseries_key: 'id' }],
    ['TIMESERIES_KEY_INVALID', '22023', { timeseries_key: '' }],
    ['SCHEDULING_POLICY_INVALID', '22023', { scheduling_policy: 'HOURLY' }],
    ['SCHEDULING_POLICY_INVALID', '22023', { scheduling_policy: null }],
    ['INVALID_CHARACTERS_UNKNOWN', '22023', { invalid_characters: 'replace' }],
    ['INVALID_CHARACTERS_UNKNOWN', '22023', { invalid_characters: null }],
    ['SCHEMA_RESERVED', '42939', { synced_table: 'pg_catalog.x' }],
    ['SCHEMA_RESERVED', '42939', { synced_table: 'information_schema.x' }],
    ['SCHEMA_RESERVED', '42939', { synced_table: '__db_system.x' }],
    ['SCHEMA_RESERVED', '42939', { synced_table: 'synced_tables.x' }],
    ['SCHEMA_RESERVED', '42939', { synced_table: 'databricks_auth.x' }],
    ['SCHEMA_MISSING', '3F000', { create_database_objects_if_missing: false }],
    ['PIPELINE_NOT_FOUND', '42704', { existing_pipeline_id: '00000000-0000-4000-8000-000000000000' }],
  ])('refuses with %s (%s) and leaves nothing behind: %j', async (code, sqlState, change) => {
    const args = Object.entries({ ...valid, ...change });
    const call = `select synced_tables.create_synced_table(${args.map(([name], n) => `${name} => $${n + 1}`).join(', ')})`;
    const refusal = await refusalOf(
      database.admin.query(
        call,
        args.map(([, value]) => value),
      ),
    );
    expect(refusal).toMatchObject({ code, sqlState, hint: expect.stringMatching(/\w/) });
    expect(await countRows(database.admin)).toBe(0);
  });

  it('refuses to join a pipeline of flows', async () => {
    const { rows } = await database.admin.query(`select synced_tables.create_streaming_table('public.streamed') as id`);
    const refusal = await refusalOf(
      database.admin.query(
        `select synced_tables.create_synced_table('gold.joins', 'a.b.c', array['id'], existing_pipeline_id => $1)`,
        [rows[0].id],
      ),
    );
    expect(refusal).toMatchObject({ code: 'PIPELINE_OF_FLOWS', sqlState: '55000' });
  });
});

describe.each(postgresServers())('rights to create on $name', (server) => {
  it('gives a role without grants nothing at all', async () => {
    await using database = await createMigratedDatabase(server);
    const stranger = await database.connectAs(await database.createRole('stranger'));
    for (const query of [
      `select synced_tables.create_synced_table('gold.x', 'a.b.c', array['id'])`,
      `select synced_tables.sync_now('gold.x')`,
      `select synced_tables.delete_synced_table('gold.x')`,
      `call synced_tables.wait_for_update('00000000-0000-4000-8000-000000000000')`,
      'select * from synced_tables.status',
      'select * from databricks_auth.synced_tables',
      `select databricks_auth.register('pg_class')`,
    ]) {
      await expect(stranger.query(query), query).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('lets a role with plain grants create where it may create tables, and nowhere else', async () => {
    await using database = await createMigratedDatabase(server);
    const alice = await database.createRole('alice');
    await database.admin.query(`grant usage on schema synced_tables to ${alice};
      grant execute on function synced_tables.create_synced_table to ${alice};
      create schema hers authorization ${alice}; create schema theirs`);
    const client = await database.connectAs(alice);
    const create = (name: string) =>
      client.query(`select synced_tables.create_synced_table($1, 'a.b.c', array['id'])`, [name]);
    await create('hers.x');
    expect(await refusalOf(create('theirs.x'))).toMatchObject({
      code: 'PERMISSION_DENIED',
      sqlState: '42501',
      hint: `Grant it: GRANT CREATE ON SCHEMA theirs TO ${alice};`,
    });
    expect(await refusalOf(create('missing.x'))).toMatchObject({ code: 'PERMISSION_DENIED', sqlState: '42501' });
    await database.admin.query(
      `do $$ begin execute format('grant create on database %I to ${alice}', current_database()); end $$`,
    );
    await create('missing.x');
    await expect(client.query('insert into synced_tables._tables default values')).rejects.toMatchObject({
      code: '42501',
    });
    await expect(
      client.query(`select synced_tables_internal._prepare_schema(gen_random_uuid())`),
    ).rejects.toMatchObject({
      code: '42501',
    });
    const { rows } = await database.admin.query('select distinct created_by from synced_tables._tables');
    expect(rows).toEqual([{ created_by: alice }]);
  });

  it('acts for the role that SET ROLE chose, not for the login role', async () => {
    await using database = await createMigratedDatabase(server);
    const team = await database.createRole('team', 'databricks_superuser');
    const client = await database.connectAs(await database.createRole('member', team));
    await client.query(`set role ${team}`);
    await client.query(`select synced_tables.create_synced_table('fresh.x', 'a.b.c', array['id'])`);
    const { rows } = await database.admin.query(
      'select created_by, requested_by from synced_tables._tables, synced_tables._updates',
    );
    expect(rows).toEqual([{ created_by: team, requested_by: team }]);
  });

  it("keeps others out of a role's pipeline", async () => {
    await using database = await createMigratedDatabase(server);
    await database.admin.query(`select synced_tables.create_synced_table('gold.x', 'a.b.c', array['id'])`);
    const { rows } = await database.admin.query<{ pipeline_id: string }>(
      'select pipeline_id from synced_tables.status',
    );
    const alice = await database.createRole('alice');
    await database.admin.query(`grant usage on schema synced_tables to ${alice};
      grant execute on function synced_tables.create_synced_table to ${alice}; create schema hers authorization ${alice}`);
    const client = await database.connectAs(alice);
    const call = client.query(
      `select synced_tables.create_synced_table('hers.x', 'a.b.c', array['id'], existing_pipeline_id => $1)`,
      [rows[0]?.pipeline_id],
    );
    expect(await refusalOf(call)).toMatchObject({ code: 'PERMISSION_DENIED', sqlState: '42501' });
  });
});
