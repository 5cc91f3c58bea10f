import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { publishByHand, refusalOf } from '../support/synced-table-fixture.js';

// Goal: the functions that only sidecars call prepare schemas, take back rejected tables and notice dropped ones, and
// the views show each role only what it may see.

async function createTable(client: pg.Client, name = 'gold.x', more = ''): Promise<{ updateId: string }> {
  const created = await client.query<{ id: string }>(
    `select synced_tables.create_synced_table($1, 'a.b.c', array['id']${more}) as id`,
    [name],
  );
  return { updateId: created.rows[0]?.id ?? '' };
}

async function tableId(sidecar: pg.Client, name = 'gold.x'): Promise<string> {
  const { rows } = await sidecar.query('select table_id from synced_tables._tables where synced_table = $1', [name]);
  return rows[0]?.table_id;
}

describe.each(postgresServers())('_prepare_schema on $name', (server) => {
  it("makes the schema the creator's, or databricks_superuser's when the creator is no person or gone", async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    const alice = await database.createRole('alice', 'databricks_superuser');
    await createTable(await database.connectAs(alice), 'a.x');
    await createTable(sidecar, 'b.x');
    const gone = await database.createRole('gone', 'databricks_superuser');
    const client = await database.connectAs(gone);
    await createTable(client, 'c.x');
    await client.end();
    // The schema that was made with the request goes with its owner.
    await database.admin.query(`drop schema c; drop role ${gone}`);
    for (const name of ['a.x', 'b.x', 'c.x']) await publishByHand(sidecar, name);
    const { rows } = await database.admin.query(
      `select nspname as name, nspowner::regrole::text as owner from pg_namespace where nspname in ('a', 'b', 'c') order by 1`,
    );
    expect(rows).toEqual([
      { name: 'a', owner: alice },
      { name: 'b', owner: 'databricks_superuser' },
      { name: 'c', owner: 'databricks_superuser' },
    ]);
  });

  it('leaves the owner of an existing schema alone, and is safe for many tables at once', async () => {
    await using database = await createMigratedDatabase(server);
    await database.admin.query('create schema gold authorization pg_monitor');
    const names = ['a', 'b', 'c', 'd'].flatMap((name) => [`gold.${name}`, `fresh.${name}`]);
    for (const name of names) await createTable(database.admin, name);
    const sidecars: pg.Client[] = [];
    for (const _ of names) sidecars.push(await database.connectAsSidecar());
    await Promise.all(
      sidecars.map(async (sidecar, n) =>
        sidecar.query('select synced_tables_internal._prepare_schema($1)', [await tableId(sidecar, names[n])]),
      ),
    );
    const { rows } = await database.admin.query(
      `select nspowner::regrole::text as owner, has_schema_privilege('databricks_sync', nspname, 'create') as open
         from pg_namespace where nspname = 'gold'`,
    );
    expect(rows).toEqual([{ owner: 'pg_monitor', open: true }]);
  });

  it('opens no reserved schema, whatever the registry says', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    await createTable(database.admin);
    await sidecar.query(`update synced_tables._tables set schema_name = 'pg_catalog'`);
    const { rows } = await sidecar.query('select table_id from synced_tables._tables');
    const refusal = await refusalOf(
      sidecar.query('select synced_tables_internal._prepare_schema($1)', [rows[0]?.table_id]),
    );
    expect(refusal).toMatchObject({ code: 'SCHEMA_RESERVED' });
  });

  it('says that the schema went missing when it may not make it', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    await database.admin.query('create schema gold');
    await createTable(database.admin, 'gold.x', ', create_database_objects_if_missing => false');
    await database.admin.query('drop schema gold');
    const refusal = await refusalOf(
      sidecar.query('select synced_tables_internal._prepare_schema($1)', [await tableId(sidecar)]),
    );
    expect(refusal).toMatchObject({ code: 'SCHEMA_MISSING', sqlState: '3F000' });
  });
});

describe.each(postgresServers())('_reject_create on $name', (server) => {
  const reject = `select synced_tables_internal._reject_create($1, $2, 'SOURCE_TABLE_NOT_FOUND', 'No such table.', 'Check the name.', '42P01') as done`;

  it('takes the registration back, fails the update with the reason, and frees the name', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    const { updateId } = await createTable(database.admin);
    expect((await sidecar.query(reject, [await tableId(sidecar), updateId])).rows).toEqual([{ done: true }]);
    expect(await refusalOf(database.admin.query('call synced_tables.wait_for_update($1)', [updateId]))).toEqual({
      sqlState: '42P01',
      code: 'SOURCE_TABLE_NOT_FOUND',
      message: 'No such table.',
      hint: 'Check the name.',
    });
    const { rows } = await database.admin.query('select synced_table, state, error_code from synced_tables.updates');
    expect(rows).toEqual([{ synced_table: 'gold.x', state: 'FAILED', error_code: 'SOURCE_TABLE_NOT_FOUND' }]);
    const events = await database.admin.query(
      `select level, event_type, message from synced_tables.events where level = 'ERROR'`,
    );
    expect(events.rows).toEqual([{ level: 'ERROR', event_type: 'synced_table_rejected', message: 'No such table.' }]);
    expect((await database.admin.query('select from synced_tables._pipelines')).rowCount).toBe(0);
    await createTable(database.admin);
  });

  it('lets the role that asked see why, and wait for it', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    const alice = await database.createRole('alice');
    await database.admin.query(`grant usage on schema synced_tables to ${alice}; create schema hers authorization ${alice};
      grant execute on all routines in schema synced_tables to ${alice}; grant select on synced_tables.updates, synced_tables.events to ${alice}`);
    const client = await database.connectAs(alice);
    const { updateId } = await createTable(client, 'hers.x');
    await sidecar.query(reject, [await tableId(sidecar, 'hers.x'), updateId]);
    expect((await client.query('select state, message from synced_tables.updates')).rows).toEqual([
      { state: 'FAILED', message: 'No such table.' },
    ]);
    expect((await client.query(`select from synced_tables.events where level = 'ERROR'`)).rowCount).toBe(1);
    expect(await refusalOf(client.query('call synced_tables.wait_for_update($1)', [updateId]))).toMatchObject({
      sqlState: '42P01',
    });
  });

  it('keeps a pipeline that has other tables, and a table that was loaded', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    await createTable(database.admin, 'gold.a');
    const { pipeline_id, table_id } = await publishByHand(sidecar, 'gold.a');
    const { updateId } = await createTable(database.admin, 'gold.b', `, existing_pipeline_id => '${pipeline_id}'`);
    expect((await sidecar.query(reject, [table_id, updateId])).rows).toEqual([{ done: false }]);
    expect((await sidecar.query(reject, [await tableId(sidecar, 'gold.b'), updateId])).rows).toEqual([{ done: true }]);
    const { rows } = await sidecar.query(
      'select synced_table from synced_tables._tables join synced_tables._pipelines using (pipeline_id)',
    );
    expect(rows).toEqual([{ synced_table: 'gold.a' }]);
  });
});

describe.each(postgresServers())('a table dropped while the guard was off on $name', (server) => {
  it('is offline in the status view at once, and forgotten once', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    await createTable(database.admin);
    const { table_id } = await publishByHand(sidecar, 'gold.x');
    const forget = () => sidecar.query('select synced_tables_internal._forget_dropped($1) as done', [table_id]);
    expect((await forget()).rows).toEqual([{ done: false }]);
    await database.admin.query(`alter event trigger databricks_auth_drop disable; drop table gold.x;
      alter event trigger databricks_auth_drop enable always`);
    const status = 'select table_name, state, message from synced_tables.status';
    const offline = {
      table_name: null,
      state: 'SYNCED_TABLED_OFFLINE',
      message: expect.stringMatching(/^Synced table gold\.x was dropped in Postgres/),
    };
    expect((await database.admin.query(status)).rows).toEqual([offline]);
    expect((await forget()).rows).toEqual([{ done: true }]);
    expect((await forget()).rows).toEqual([{ done: false }]);
    expect((await database.admin.query(status)).rows).toEqual([offline]);
    const { rows } = await database.admin.query(
      `select (select count(*)::int from databricks_auth.synced_tables) as owned,
              (select count(*)::int from synced_tables.events where event_type = 'synced_table_was_dropped') as events,
              (select count(*)::int from pg_roles, pg_database d where datname = current_database()
                  and rolname like format('databricks\\_st\\_%s\\_%%', d.oid)) as roles`,
    );
    expect(rows).toEqual([{ owned: 0, events: 1, roles: 0 }]);
  });
});

describe.each(postgresServers())('views on $name', (server) => {
  it('show each role its own: keepers all, creators theirs, readers what they may read', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    const [alice, reader, stranger] = [
      await database.createRole('alice'),
      await database.createRole('reader'),
      await database.createRole('stranger'),
    ];
    await database.admin.query(`create schema hers authorization ${alice};
      grant usage on schema synced_tables to ${alice}, ${reader}, ${stranger};
      grant execute on function synced_tables.create_synced_table to ${alice};
      grant select on synced_tables.status, synced_tables.updates, synced_tables.events to ${alice}, ${reader}, ${stranger}`);
    await createTable(await database.connectAs(alice), 'hers.x');
    await createTable(database.admin, 'gold.x');
    await createTable(database.admin, 'gold.y');
    await publishByHand(sidecar, 'gold.x');
    await database.admin.query(`grant select on gold.x to ${reader}`);
    const keeper = await database.createRole('keeper', 'databricks_superuser');
    const seen = async (role: string) => {
      const client = await database.connectAs(role);
      const { rows } = await client.query<{ names: string[] }>(
        `select array(select synced_table from synced_tables.status order by 1) as names,
                array(select synced_table from synced_tables.updates order by 1) as updates,
                array(select synced_table from synced_tables.events order by 1) as events`,
      );
      return rows[0];
    };
    const only = (...names: string[]) => ({ names, updates: names, events: names });
    expect(await seen(keeper)).toEqual(only('gold.x', 'gold.y', 'hers.x'));
    expect(await seen(alice)).toEqual(only('hers.x'));
    expect(await seen(reader)).toEqual(only('gold.x'));
    expect(await seen(stranger)).toEqual(only());
  });

  it("keep a reader's own functions from rows that are not shown to him", async () => {
    await using database = await createMigratedDatabase(server);
    await createTable(database.admin, 'gold.secret');
    const spy = await database.createRole('spy');
    await database.admin.query(`create schema hers authorization ${spy}; grant usage on schema synced_tables to ${spy};
      grant select on synced_tables.status to ${spy}`);
    const client = await database.connectAs(spy);
    const heard: string[] = [];
    client.on('notice', ({ message }) => heard.push(message ?? ''));
    await client.query(`create function hers.tell(text) returns boolean language plpgsql cost 0.0001 as
      $$ begin raise notice '%', $1; return true; end $$`);
    expect((await client.query('select from synced_tables.status where hers.tell(synced_table)')).rowCount).toBe(0);
    expect(heard).toEqual([]);
  });

  it('tell how far a table is behind its source', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    await createTable(database.admin);
    await publishByHand(sidecar, 'gold.x');
    const lag = 'select table_name::text, lag_versions::int, lag_seconds, row_count::int from synced_tables.status';
    expect((await database.admin.query(lag)).rows).toEqual([
      { table_name: 'gold.x', lag_versions: 0, lag_seconds: 0, row_count: 3 },
    ]);
    await sidecar.query(
      `update synced_tables._tables set source_version = 4, source_committed_at = now() - interval '90 s'`,
    );
    const { rows } = await database.admin.query(lag);
    expect(rows).toEqual([{ table_name: 'gold.x', lag_versions: 3, lag_seconds: expect.any(Number), row_count: 3 }]);
    expect(rows[0]?.lag_seconds).toBeGreaterThanOrEqual(90);
    expect(rows[0]?.lag_seconds).toBeLessThan(150);
  });
});
