import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '../../src/embedded/embedded-postgres.js';
import { catalogSignature } from '../support/catalog-signature.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { createTestDatabase, eitherPostgresServer } from '../support/postgres.js';
import { runCli, runCliJson } from '../support/run-cli.js';
import { SyncedLake } from '../support/synced-lake.js';
import { publishByHand, refusalOf } from '../support/synced-table-fixture.js';

// Goal: who leaves keeps his rows as plain tables, with all that hung on them, in a database that looks as if it had never
// known us; and nobody loses rows by leaving in a cruder way.

const columns = { id: 'long', name: 'string' };
const SHARED = ['databricks_gateway', 'databricks_superuser', 'databricks_sync'];

describe.each(eitherPostgresServer(import.meta.url))('uninstall on $name', (server) => {
  it('leaves plain tables with their grants, views, indexes and keys, in a catalog that never knew us', {
    timeout: 180_000,
  }, async () => {
    await using synced = await SyncedLake.create(server);
    const { admin, lake, database } = synced;
    const alice = await database.createRole('alice', 'databricks_superuser');
    const [reader, manager] = [await database.createRole('reader'), await database.createRole('manager')];
    const asAlice = await database.connect();
    await asAlice.query(`set role ${alice}`);
    const source = await lake.createTable('d.source', columns, `select i as id, 'n' || i as name from range(100) t(i)`);
    await lake.createTable(
      'd.events',
      { id: 'long', v: 'string', seq: 'long', op: 'string' },
      `select * from (values (1, 'a', 1, 'U'), (2, 'b', 1, 'U'), (2, null, 2, 'D'), (1, 'c', 3, 'U')) t(id, v, seq, op)`,
    );
    const sidecar = await synced.startSidecar({ leaseSeconds: 2 });
    const load = async (target: string, policy: 'SNAPSHOT' | 'TRIGGERED' | 'CONTINUOUS', client = asAlice) =>
      synced.wait(await synced.create(target, { source: 'd.source', policy }, client));
    await load('gold.snap', 'SNAPSHOT');
    await load('gold.trig', 'TRIGGERED');
    await load('gold.cont', 'CONTINUOUS');
    await load('gold.mat', 'SNAPSHOT');
    await load('gold.former', 'SNAPSHOT');
    await load('gold.ours', 'SNAPSHOT', admin);
    for (const [name, scd] of [
      ['one', 1],
      ['two', 2],
    ]) {
      await asAlice.query(`select synced_tables.create_streaming_table('silver.${name}')`);
      await asAlice.query(`select synced_tables.apply_changes('silver.${name}', 'lake.d.events', array['id'], 'seq',
        apply_as_deletes => $$op = 'D'$$, except_column_list => array['op', 'seq'], stored_as_scd_type => ${scd})`);
      await synced.sync(`silver.${name}`);
    }
    await source.append(`select 100::bigint as id, 'more' as name`);
    await synced.sync('gold.trig');
    await admin.query(
      `create table public.events (id int, v text, seq numeric); grant select on public.events to ${alice}`,
    );
    await asAlice.query(`select synced_tables.create_streaming_table('silver.three')`);
    await asAlice.query(`select synced_tables.apply_changes('silver.three', 'public.events', array['id'], 'seq')`);

    // What people have attached, the same in a database that never knew us.
    const attached = (snap: string) => `
      create view gold.v with (security_barrier = true) as select id, name from ${snap};
      create view public.v2 as select v.id as other, s.* from gold.v v join ${snap} s using (id);
      create or replace view silver.v as select id, v from silver.one;
      grant select on gold.v to ${reader}; grant select on silver.v to ${reader} with grant option;
      create table public.refers (id bigint primary key references ${snap} on delete cascade, more text);
      insert into public.refers values (7), (30);
      grant select on ${snap}, silver.one to ${reader}; grant select (id) on gold.cont to public; grant usage on schema gold to ${reader};
      comment on column ${snap}.name is 'of a person'; comment on view gold.v is 'mine';
      create publication leaving for table ${snap} where (id > 5), gold.trig (id) with (publish_via_partition_root);
      create statistics gold.correlated on id, name from ${snap};
      create materialized view gold.m as select count(*) from gold.mat;`;
    await admin.query(`${attached('gold.snap')}
      alter default privileges in schema gold grant select on tables to databricks_superuser;
      select databricks_synced_table_add_manager('gold.snap', '${manager}');
      grant select on public.refers to databricks_superuser with grant option`);
    const asManager = await database.connectAs(manager);
    await asManager.query(`create index snap_by_name on gold.snap (name desc)`);
    await admin.query(`comment on index gold.snap_by_name is 'fast'`);
    await asAlice.query(`grant select on public.refers to ${manager}`);
    await admin.query(`select synced_tables.create_token('${alice}', sha256('x'), null, 'mine')`);
    await asAlice.query(`select synced_tables.set_schedule('gold.snap', '0 4 * * *', 'UTC')`);
    await asAlice.query(`select synced_tables.pause_pipeline('gold.cont')`);
    await asAlice.query(`select synced_tables.delete_synced_table('gold.former')`);

    const oid = (await synced.value(`select databricks_auth.sole_partition('gold.snap')::oid`)) ?? '';
    const file = await synced.value(`select pg_relation_filepath($1::oid::regclass)`, [oid]);
    const shown = async (names: readonly string[]) => {
      const all = [];
      for (const name of names) {
        const { rows } = await admin.query(
          `select coalesce(json_agg(t order by t::text), '[]') as rows from ${name} t`,
        );
        all.push([name, rows[0]?.rows]);
      }
      return Object.fromEntries(all);
    };
    const tables = [
      'gold.snap',
      'gold.trig',
      'gold.cont',
      'gold.mat',
      'gold.former',
      'gold.ours',
      'silver.one',
      'silver.two',
      'gold.v',
      'public.v2',
      'silver.v',
    ];
    const before = await shown(tables);
    expect(before['silver.two']).toHaveLength(3);

    expect(await refusalOf(admin.query('select * from synced_tables.uninstall()'))).toMatchObject({
      code: 'UNINSTALL_SIDECAR_RUNS',
      sqlState: '55006',
    });
    await sidecar[Symbol.asyncDispose]();
    expect((await refusalOf(asAlice.query('select * from synced_tables.uninstall()'))).sqlState).toBe('42501');
    await admin.query(
      'create view public.mine as select * from synced_tables.status; create table public.typed (s synced_tables.status)',
    );
    expect(await refusalOf(admin.query('select * from synced_tables.uninstall_plan()'))).toMatchObject({
      code: 'UNINSTALL_IN_USE',
      message: expect.stringMatching(/ours: table public.typed, view public.mine\.$/),
    });
    await admin.query('drop view public.mine; drop table public.typed');

    const plan = await synced.rows('synced_tables.uninstall_plan()', ['object', 'plan']);
    const me = await synced.value('select current_user');
    expect(plan).toEqual(
      expect.arrayContaining([
        ['gold.snap', `stays as a table of ${alice} (100 rows)`],
        ['gold.former', `stays as a table of ${alice}`],
        ['gold.ours', `stays as a table of ${me} (100 rows)`],
        ['silver.two', `stays as a table of ${alice}; its rows are copied, its history of changes is dropped`],
        ['schema __db_system', 'is dropped'],
        ['event triggers', 'are dropped: 10'],
      ]),
    );
    await admin.query('begin');
    const { rows: dropped } = await admin
      .query('select * from synced_tables.uninstall(drop_tables => true)')
      .catch((error) => ({ rows: [error.message] }));
    expect(dropped).toEqual([expect.stringContaining('cannot be dropped because other objects depend on it')]);
    await admin.query('rollback');
    expect(await shown(tables)).toEqual(before);

    const { rows: done } = await admin.query<{ object: string; outcome: string }>(
      'select * from synced_tables.uninstall()',
    );
    const outcomes = Object.fromEntries(done.map(({ object, outcome }) => [object, outcome]));
    expect(outcomes).toMatchObject({
      'gold.snap': `plain table of ${alice}`,
      'gold.trig': `plain table of ${alice}`,
      'gold.cont': `plain table of ${alice}`,
      'gold.former': `plain table of ${alice}`,
      'gold.ours': `plain table of ${me}`,
      'gold.mat': expect.stringMatching(
        `^partitioned table of ${alice}, its rows are in gold.mat_rows: materialized view gold.m depends on`,
      ),
      'silver.one': `plain table of ${alice}`,
      'silver.two': `plain table of ${alice}`,
    });
    for (const role of SHARED) expect(outcomes[`role ${role}`]).toMatch(/^stays: these databases use it: /);
    expect(await shown(tables)).toEqual(before);
    // No row of a synced table was copied.
    expect(await synced.value(`select 'gold.snap'::regclass::oid`)).toBe(oid);
    expect(await synced.value(`select pg_relation_filepath('gold.snap')`)).toBe(file);
    expect(
      await synced.value(
        `select count(*) from pg_roles where rolname ~ format('^databricks_st_%s_', (select oid from pg_database where datname = current_database()))`,
      ),
    ).toBe('0');
    expect(
      await synced.value(
        `select count(*) from pg_auth_members m join pg_roles r on r.oid = m.member where r.rolname = 'databricks_gateway' and m.roleid = $1::regrole`,
        [alice],
      ),
    ).toBe('0');
    expect((await refusalOf(admin.query('select synced_tables.repair()'))).sqlState).toBe('3F000');

    await using never = await createTestDatabase(server);
    const stranger = await never.connect();
    const ids = 'id bigint primary key, name text';
    await stranger.query(`create schema gold authorization ${alice}; create schema silver authorization ${alice};
      create table gold.snap (${ids}); create table gold.trig (${ids}); create table gold.cont (${ids}); create table gold.former (${ids}); create table gold.ours (${ids});
      create table gold.mat (${ids}) partition by range (id); create table gold.mat_rows (id bigint constraint partition_pkey primary key, name text);
      alter table gold.mat attach partition gold.mat_rows default;
      create table silver.one (id bigint primary key, v text); create table silver.two (id bigint, v text, "__START_AT" bigint, "__END_AT" bigint); create index on silver.two (id);
      insert into gold.snap select i, 'n' || i from generate_series(0, 99) i; insert into silver.one values (1, 'c');
      do $$ declare t text; begin foreach t in array array['snap', 'trig', 'cont', 'former', 'mat', 'mat_rows'] loop execute format('alter table gold.%s owner to ${alice}', t); end loop; end $$;
      alter table silver.one owner to ${alice}; alter table silver.two owner to ${alice};
      create table public.events (id int, v text, seq numeric); grant select on public.events to ${alice};
      ${attached('gold.snap')}
      create index snap_by_name on gold.snap (name desc); comment on index gold.snap_by_name is 'fast'; grant select on public.refers to ${manager}`);
    expect(await catalogSignature(admin)).toEqual(await catalogSignature(stranger));

    // They are tables of hers.
    await asAlice.query(
      `insert into gold.snap values (1000, 'mine'); alter table gold.snap add column more int; drop table gold.trig; delete from silver.one`,
    );
    expect(await refusalOf(admin.query(`insert into public.refers values (5000)`))).toMatchObject({
      sqlState: '23503',
    });
  });

  it('waits a moment for the session of a sidecar that has just stopped, and refuses while one stays', async () => {
    await using database = await createMigratedDatabase(server);
    const listener = await database.connect();
    await listener.query(`set application_name = 'synced-tables sidecar (listener)'`);
    expect(await refusalOf(database.admin.query('select * from synced_tables.uninstall()'))).toMatchObject({
      code: 'UNINSTALL_SIDECAR_RUNS',
    });
    const plan = database.admin.query(`select from synced_tables.uninstall_plan()`);
    await sleep(300);
    await listener.end();
    expect((await plan).rowCount).toBeGreaterThan(0);
  });

  it('keeps the rows from going with our schemas, and lets them go once no table is left', async () => {
    await using database = await createMigratedDatabase(server);
    const { admin } = database;
    await admin.query(`select synced_tables.create_synced_table('gold.x', 'lake.d.t', array['id'])`);
    await publishByHand(await database.connectAsSidecar(), 'gold.x');
    const crude = 'drop schema if exists synced_tables, synced_tables_served, databricks_auth, __db_system cascade';
    for (const statement of [
      crude,
      'DROP SCHEMA databricks_auth CASCADE',
      'drop /* all */ schema "__db_system", databricks_auth cascade',
      `do $$ begin execute 'drop schema ' || 'databricks_auth, __db_system cascade'; end $$`,
    ]) {
      expect(await refusalOf(admin.query(statement))).toMatchObject({
        sqlState: '55006',
        message: expect.stringContaining('would take the rows of synced tables along (1)'),
        hint: expect.stringContaining('synced_tables.uninstall()'),
      });
    }
    expect((await admin.query('select from gold.x')).rowCount).toBe(3);
    await admin.query('create schema mine; select synced_tables.repair(); drop schema mine');
    await admin.query(`select synced_tables.delete_synced_table('gold.x', purge => true)`);
    await admin.query(`${crude}; drop schema synced_tables_internal cascade`);
  });
});

it('leaves no role on a server where no other database uses them, by the command line', {
  timeout: 120_000,
}, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'test-uninstall-'));
  chmodSync(folder, 0o755); // the server may run as another user
  const server = await startEmbeddedPostgres({ major: 18, dataDir: path.join(folder, 'data') });
  const client = new pg.Client({ connectionString: server.url });
  try {
    await client.connect();
    const roles = async () =>
      (await client.query<{ name: string }>('select rolname as name from pg_roles order by 1')).rows.map(
        ({ name }) => name,
      );
    const before = await catalogSignature(client);
    const rolesBefore = await roles();
    const environment = { DATABASE_URL: server.url };
    expect(await runCli(['migrate'], environment)).toMatchObject({ end: 0 });
    await client.query(`select synced_tables.create_synced_table('public.x', 'lake.d.t', array['id'])`);
    const sidecar = new pg.Client({ connectionString: server.url });
    await sidecar.connect();
    await sidecar.query('set role databricks_sync');
    await publishByHand(sidecar, 'public.x');
    await sidecar.end();
    await client.query('create role person; grant databricks_superuser to person');
    const asked = await runCli(['uninstall', '--drop-tables'], environment);
    expect(asked.end).toBe(1);
    expect(asked.stdout).toBe('');
    expect(asked.stderr).toContain('public.x');
    expect(asked.stderr).toContain('is dropped with its rows (3 rows)');
    expect(asked.stderr).toContain('is dropped; it was granted to person');
    expect(asked.stderr).toMatch(/UNINSTALL_NOT_CONFIRMED: Nothing was uninstalled/);
    expect((await client.query('select from public.x')).rowCount).toBe(3);
    expect(await runCliJson(['uninstall', '--drop-tables', '--yes'], environment)).toEqual(
      expect.arrayContaining([
        { object: 'public.x', outcome: 'dropped with its rows' },
        { object: 'role databricks_sync', outcome: 'dropped' },
      ]),
    );
    await client.query('drop role person');
    expect(await roles()).toEqual(rolesBefore);
    expect(await catalogSignature(client)).toEqual(before);
    const again = await runCli(['uninstall', '--yes'], environment);
    expect(again.stderr).toContain('DATABASE_NOT_MIGRATED');
    // Installed again, as if for the first time.
    expect(await runCli(['migrate'], environment)).toMatchObject({ end: 0 });
    expect(await runCli(['uninstall', '--yes'], environment)).toMatchObject({ end: 0 });
    expect(await roles()).toEqual(rolesBefore);
  } finally {
    await client.end();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
