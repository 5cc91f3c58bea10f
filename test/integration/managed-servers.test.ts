import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examine } from '../../src/doctor/examine.js';
import { findFreePort } from '../../src/embedded/free-port.js';
import { migrateDatabase } from '../../src/postgres/install/migrate.js';
import { checkSettings } from '../../src/settings/load-settings.js';
import { catalogSignature } from '../support/catalog-signature.js';
import { DocumentWalk } from '../support/document-walk.js';
import { ensureBuilt } from '../support/ensure-built.js';
import { goEveryWay, invitePeople, type People } from '../support/every-way.js';
import { type ManagedDatabase, type ManagedServer, startManagedServer } from '../support/managed-server.js';
import { runCli } from '../support/run-cli.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: everything works on servers where nobody is a superuser: an administrator installs, and what the server does not let
// him have is done without, or told.

/**
 * As services do whose administrators may make event triggers: the administrator runs the statements, which the service
 * runs with rights that he has not.
 */
async function letMakeEventTriggers({ admin, superuser }: ManagedDatabase): Promise<void> {
  await superuser.query(`create schema service; grant usage on schema service to public;
    create function service.run(statement text) returns void language plpgsql security definer as $$ begin execute statement; end $$`);
  const { rows } = await admin.query<{ statement: string }>(
    `select statement from synced_tables_internal._wanted_event_triggers() w
      cross join lateral unnest(databricks_auth.event_trigger_statements(w.name, w.event, w.tags, w.function)) as statement`,
  );
  for (const { statement } of rows) await admin.query('select service.run($1)', [statement]);
}

/** What a source may do to its columns, and a refresh to the key, with an index of a manager and a view of a reader on the table. */
async function followSchemaChanges(lake: SyncedLake, { operator, manager, managerRole }: People): Promise<void> {
  const columns = { id: 'long', region: 'string', v: 'integer' };
  const rows = `select i as id, 'r' || (i % 3) as region, i as v from range(9) t(i)`;
  const typeOf = (table: string, column: string) =>
    lake.value(
      'select format_type(atttypid, atttypmod) from pg_attribute where attrelid = $1::regclass and attname = $2',
      [table, column],
    );
  for (const policy of ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'] as const) {
    const table = `changing.${policy.toLowerCase()}`;
    const source = await lake.lake.createTable(table, columns, rows);
    await lake.wait(await lake.create(table, { policy }, operator), operator);
    await operator.query(`select databricks_synced_table_add_manager('${table}', '${managerRole}')`);
    await operator.query(`grant usage on schema changing to ${managerRole}`);
    const index = `${policy.toLowerCase()}_by_v`;
    await manager.query(`select synced_tables.create_index('${table}', '(v)', '${index}')`);
    await operator.query(`create view changing.${policy.toLowerCase()}_view as select id, region from ${table}`);
    const sync = async (fullRefresh = false) => lake.wait(await lake.requestSync(table, fullRefresh, manager), manager);

    source.changeColumns({ ...columns, more: 'decimal(10,2)' });
    await source.append(`select 100 as id, 'r' as region, 1 as v, 2.5 as more`);
    await sync();
    await lake.expectEqual(table, source, ['id', 'region', 'v', 'more']);

    const oid = await lake.value('select $1::regclass::oid', [table]);
    await source.overwrite(`select i as id, 'r' || (i % 3) as region, 5000000000 + i as v from range(12) t(i)`, {
      columns: { ...columns, v: 'long' },
    });
    await sync(true);
    await lake.expectEqual(table, source, ['id', 'region', 'v']);
    expect(await typeOf(table, 'v')).toBe('bigint');
    expect(await typeOf(table, 'more')).toBeNull();

    const change = async (key: string) =>
      operator.query(
        `call synced_tables.wait_for_update(synced_tables.alter_synced_table('${table}', primary_key_columns => array[${key}]), interval '60 s')`,
      );
    await change(`'id', 'region'`);
    expect(await lake.value('select $1::regclass::oid', [table])).toBe(oid);
    expect(
      await lake.value(`select indexrelid::regclass from pg_index where indexrelid = 'changing.${index}'::regclass`),
    ).toBe(`changing.${index}`);
    // Without the column by which the table is partitioned it is another table, and a view cannot go along.
    await expect(change(`'v'`)).rejects.toMatchObject({ detail: 'error code: KEY_HAS_DEPENDENTS' });
    await operator.query(`drop view changing.${policy.toLowerCase()}_view`);
    await change(`'v'`);
    await lake.expectEqual(table, source, ['id', 'region', 'v']);
    // Its index and its manager are there still.
    await manager.query(`select synced_tables.drop_index('changing.${index}')`);
    await source.append(`select 101 as id, 'r' as region, 7 as v`);
    await sync();
    await lake.expectEqual(table, source, ['id', 'region', 'v']);
    expect(
      await lake.value(
        `select pg_get_userbyid(relowner) ~ '^databricks_st_' from pg_class where oid = '${table}'::regclass`,
      ),
    ).toBe('true');
    // Not the operator: until version 15 he may be a member of pg_write_all_data.
    await expect(manager.query(`insert into ${table} values (1, 'r', 1)`)).rejects.toMatchObject({
      code: expect.stringMatching(/^(42501|25006)$/),
    });
  }
}

const isLong = process.env.TEST_LONG === '1';
/** Rights on roles are other ones from version 16 on. */
const majors = isLong ? ([15, 16, 17, 18] as const) : ([15, 18] as const);

describe.each(majors)('managed PostgreSQL %i', (major) => {
  let server: ManagedServer;
  beforeAll(async () => {
    server = await startManagedServer(major);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('goes every way, guarded by ownership alone', async () => {
    const database = await server.createDatabase('by_ownership');
    await migrateDatabase(database.admin);
    await using lake = await SyncedLake.on(database);
    expect((await lake.admin.query('select databricks_auth.mode() as mode')).rows).toEqual([{ mode: 'by ownership' }]);
    await using people = await invitePeople(lake);
    await lake.startSidecar({ pollSeconds: 1 });
    await goEveryWay(lake, people, 'ways');
    await followSchemaChanges(lake, people);
  });

  it.skipIf(major === 15 && !isLong)(
    'is whole where the server makes event triggers for its administrator',
    async () => {
      const database = await server.createDatabase('whole');
      const { admin, superuser } = database;
      await migrateDatabase(admin);
      await letMakeEventTriggers(database);
      expect(await migrateDatabase(admin)).toEqual({ applied: [], hasReplacedRoutines: false });
      await using lake = await SyncedLake.on(database);
      expect((await admin.query('select databricks_auth.mode() as mode')).rows).toEqual([{ mode: 'whole' }]);
      const damaged = `select w.name from synced_tables_internal._wanted_event_triggers() w
       where databricks_auth.event_trigger_damage(w.name, w.event, w.tags, w.function) is not null`;
      expect((await superuser.query(damaged)).rows).toEqual([]);
      await using people = await invitePeople(lake);
      await lake.startSidecar({ pollSeconds: 1, url: database.url });
      await goEveryWay(lake, people, 'ways');
      await followSchemaChanges(lake, people);
    },
  );

  it('lets nobody but the sidecar write, alter or drop a synced table, the administrator included', async () => {
    const database = await server.createDatabase('ownership');
    const { admin } = database;
    await migrateDatabase(admin);
    await using lake = await SyncedLake.on(database);
    const source = await lake.lake.createTable(
      'gold.x',
      { id: 'long', v: 'string' },
      `select i as id, 'v' as v from range(9) t(i)`,
    );
    await lake.startSidecar({ pollSeconds: 1 });
    await lake.load('gold.x');
    const owner = await database.connectAs(await database.createRole('owner'));
    const manager = await database.createRole('manager');
    await admin.query(`select databricks_synced_table_add_manager('gold.x', '${manager}')`);
    const asManager = await database.connectAs(manager);
    const part = (await database.superuser.query(`select databricks_auth.sole_partition('gold.x')::text as part`))
      .rows[0]?.part;
    for (const statement of [
      'alter table gold.x add column more int',
      'truncate gold.x',
      'drop table gold.x',
      'alter table gold.x rename to y',
      'create index on gold.x (v)',
      'create trigger t before insert on gold.x execute function synced_tables_internal._sign_call()',
      `insert into ${part} values (1, 'x')`,
      `select * from ${part}`,
      `drop table ${part}`,
      'drop schema gold cascade',
      'reassign owned by databricks_sync to current_user',
      `select databricks_auth.register('gold.x')`,
      `select synced_tables_served._create_index('gold.x', '(v)', null)`,
      'grant databricks_sync to current_user with admin option',
    ]) {
      for (const client of [admin, owner, asManager]) {
        // Members of databricks_superuser read everything, where the server lets them be members of pg_read_all_data.
        if (statement.startsWith('select * from') && client === admin && major === 15) continue;
        // Until version 15 whoever may create roles may grant them.
        if (statement.startsWith('grant') && client === admin) continue;
        await expect(client.query(statement), statement).rejects.toMatchObject({
          // The write gate's, where rights alone would let members of pg_write_all_data in.
          code: expect.stringMatching(/^(42501|25006)$/),
        });
      }
    }
    await expect(owner.query(`select synced_tables.create_index('gold.x', '(v)')`)).rejects.toThrow(
      /permission denied/,
    );
    const create = (definition: string) =>
      asManager.query('select synced_tables.create_index($1, $2)', ['gold.x', definition]);
    await expect(create('(v); drop table gold.x')).rejects.toThrow(/may not contain a semicolon/);
    await admin.query(`create schema theirs; grant usage on schema theirs to public;
      create function theirs.f(text) returns text language sql immutable as 'select $1'`);
    await expect(create('(theirs.f(v))')).rejects.toThrow(/an index on a synced table may not use function theirs.f/);
    await expect(asManager.query(`select synced_tables.drop_index('gold.x_pkey')`)).rejects.toThrow(
      /belongs to a constraint|not an index/,
    );
    await lake.expectEqual('gold.x', source, ['id', 'v']);
  });

  it('says what it needs of others: a schema, a table that flows read, a role of a token', async () => {
    const database = await server.createDatabase('of_others');
    const { admin } = database;
    await migrateDatabase(admin);
    await using lake = await SyncedLake.on(database);
    await lake.lake.createTable('app.x', { id: 'long', v: 'string' }, `select i as id, 'v' as v from range(9) t(i)`);
    await lake.startSidecar({ pollSeconds: 1 });
    const creator = await database.createRole('creator', 'databricks_superuser');
    const theirs = await database.connectAs(creator);
    await theirs.query('create schema app; create table app.events (id int, seq int)');
    const update = await lake.create('app.x', {}, theirs);
    const refused = lake.wait(update, theirs);
    await expect(refused).rejects.toThrow(
      /Tables in schema app cannot be synced yet: it belongs to .*, and role databricks_installer may not grant rights on it/,
    );
    const hint = await lake.wait(update, theirs).catch((error: { hint?: string }) => error.hint ?? '');
    expect(hint).toMatch(
      /^Have its owner run: GRANT USAGE, CREATE ON SCHEMA app TO databricks_installer WITH GRANT OPTION;$/,
    );
    await theirs.query(hint?.replace('Have its owner run: ', '') ?? '');
    await lake.wait(await lake.requestSync('app.x', false, theirs), theirs);
    await theirs.query(`select synced_tables.create_streaming_table('app.target')`);
    const flow = `select synced_tables.apply_changes('app.target', 'app.events', array['id'], 'seq')`;
    const error = await theirs.query(flow).catch((caught: { message: string; hint?: string }) => caught);
    expect(error).toMatchObject({ message: expect.stringMatching(/^Table app.events cannot be read by flows yet/) });
    await theirs.query((error as { hint?: string }).hint?.replace('Have its owner run: ', '') ?? '');
    await theirs.query(flow);
  });

  it('names what a role lacks that may not install, and changes nothing', async () => {
    const database = await server.createDatabase('poor');
    const before = await database.superuser.query('select count(*) from pg_class');
    const poor = await database.connectAs(await database.createRole('poor'));
    await expect(migrateDatabase(poor)).rejects.toMatchObject({
      code: 'MIGRATION_NOT_ALLOWED',
      message: expect.stringMatching(
        /^Role poor_\w+ may not install synced tables in database poor: it may not create roles \(ALTER ROLE poor_\w+ CREATEROLE\), and it may not grant rights on database poor \(GRANT ALL ON DATABASE poor TO poor_\w+ WITH GRANT OPTION\), and it may not grant rights on schema public/,
      ),
    });
    expect((await database.superuser.query('select count(*) from pg_class')).rows).toEqual(before.rows);
  });

  it('is upgraded by its administrator and by a superuser, and by no other administrator without being let', async () => {
    const database = await server.createDatabase('upgraded');
    const { admin, superuser } = database;
    await migrateDatabase(admin);
    const owners = `select distinct p.proowner::regrole::text as owner from pg_proc p
       where p.pronamespace in ('synced_tables'::regnamespace, 'synced_tables_internal'::regnamespace, 'databricks_auth'::regnamespace)`;
    const makeOutdated = () =>
      superuser.query(`update synced_tables._schema set layer_hash = 'older'; drop function synced_tables.drop_index(text);
        drop view synced_tables.definitions`);
    for (const client of [admin, superuser]) {
      await makeOutdated();
      expect(await migrateDatabase(client)).toEqual({ applied: [], hasReplacedRoutines: true });
      expect((await superuser.query(owners)).rows).toEqual([{ owner: 'databricks_installer' }]);
      expect((await client.query('select current_user = session_user as is_back')).rows).toEqual([{ is_back: true }]);
    }
    await makeOutdated();
    const other = await database.createRole('other_admin');
    await superuser.query(`alter role ${other} createrole; grant all on database upgraded to ${other} with grant option;
      grant all on schema public to ${other} with grant option`);
    const client = await database.connectAs(other);
    // Until version 15 whoever may create roles may grant himself any.
    if (major >= 16) {
      await expect(migrateDatabase(client)).rejects.toThrow(
        /somebody else made role databricks_installer \(.*\) \(GRANT databricks_installer, databricks_admin TO other_admin_\w+ WITH ADMIN OPTION\)/,
      );
      await superuser.query(`grant databricks_installer, databricks_admin to ${other} with admin option`);
    }
    expect(await migrateDatabase(client)).toEqual({ applied: [], hasReplacedRoutines: true });
  });

  it('is examined by doctor without false alarms', async () => {
    const database = await server.createDatabase('examined');
    await migrateDatabase(database.admin);
    await using lake = await SyncedLake.on(database);
    await lake.lake.createTable('gold.x', { id: 'long' }, 'select i as id from range(9) t(i)');
    await lake.startSidecar({ pollSeconds: 1 });
    await lake.load('gold.x');
    for (const url of [database.url, lake.sidecarUrl]) {
      const findings = await examine(
        checkSettings({
          instances: { local: { url } },
          catalogs: { lake: { kind: 'path', root: lake.lake.root } },
        }),
      );
      const found = findings.filter(({ subject }) => subject?.includes('examined'));
      expect(found.filter(({ severity }) => severity === 'error' || severity === 'warning')).toEqual([]);
      const codes = found.map(({ code }) => code);
      expect(codes).toContain('GUARD_BY_OWNERSHIP');
      expect(codes.filter((code) => code === 'MEMBERSHIP_MISSING')).toHaveLength(major >= 16 ? 3 : 0);
    }
  });

  it('is uninstalled by its administrator from the command line', async () => {
    const database = await server.createDatabase('leaving_by_command');
    await migrateDatabase(database.admin);
    await using lake = await SyncedLake.on(database);
    const source = await lake.lake.createTable('gold.x', { id: 'long' }, 'select i as id from range(9) t(i)');
    const sidecar = await lake.startSidecar({ leaseSeconds: 2 });
    await lake.load('gold.x');
    await sidecar[Symbol.asyncDispose]();
    const environment = { DATABASE_URL: database.url };
    const asked = await runCli(['uninstall'], environment);
    expect(asked).toMatchObject({
      end: 1,
      stderr: expect.stringMatching(/gold\.x .*stays as a table of .*UNINSTALL_NOT_CONFIRMED/s),
    });
    const outcome = await runCli(['uninstall', '--yes', '--json'], environment);
    expect(outcome, outcome.stderr).toMatchObject({ end: 0 });
    expect(JSON.parse(outcome.stdout)).toContainEqual({
      object: 'gold.x',
      outcome: `plain table of ${server.administrator}`,
    });
    await lake.expectEqual('gold.x', source, ['id']);
    await database.admin.query('insert into gold.x values (100)');
    expect((await database.admin.query(`select to_regnamespace('synced_tables') as there`)).rows).toEqual([
      { there: null },
    ]);
  });

  it.each(major === 15 && !isLong ? (['by ownership'] as const) : (['whole', 'by ownership'] as const))(
    'is uninstalled by its administrator, guarded %s',
    {
      timeout: 120_000,
    },
    async (mode) => {
      const database = await server.createDatabase(`leaving_${mode.replace(' ', '_')}`);
      const { admin, superuser } = database;
      await migrateDatabase(admin);
      if (mode === 'whole') {
        await letMakeEventTriggers(database);
        await migrateDatabase(admin);
      }
      await using lake = await SyncedLake.on(database);
      await lake.lake.createTable(
        'd.t',
        { id: 'long', v: 'string' },
        `select i as id, 'v' || i as v from range(9) t(i)`,
      );
      await lake.lake.createTable(
        'd.events',
        { id: 'long', v: 'string', seq: 'long' },
        `select i as id, 'v' || i as v, 1::bigint as seq from range(3) t(i)`,
      );
      const sidecar = await lake.startSidecar({ leaseSeconds: 2 });
      const alice = await database.createRole('alice', 'databricks_superuser');
      const reader = await database.createRole('reader');
      // Whom the administrator does not administer: from version 16 on he can give him nothing.
      const far = `far_${major}_${mode === 'whole'}`;
      await superuser.query(`create role ${far} login; grant databricks_superuser to ${far}`);
      const asAlice = await database.connectAs(alice);
      const asFar = await database.connect();
      await superuser.query(`grant ${far} to ${server.administrator}`);
      await asFar.query(`set role ${far}`);
      await lake.wait(await lake.create('gold.hers', { source: 'd.t', policy: 'TRIGGERED' }, asAlice), asAlice);
      await lake.wait(await lake.create('gold.former', { source: 'd.t' }, asAlice), asAlice);
      await lake.wait(await lake.create('mine.mine', { source: 'd.t' }));
      await lake.wait(await lake.create('far.his', { source: 'd.t' }, asFar), asFar);
      await superuser.query(`revoke ${far} from ${server.administrator}`);
      await asAlice.query(`select synced_tables.create_streaming_table('silver.one')`);
      await asAlice.query(
        `select synced_tables.apply_changes('silver.one', 'lake.d.events', array['id'], 'seq', except_column_list => array['seq'])`,
      );
      await lake.wait(await lake.requestSync('silver.one', false, asAlice), asAlice);
      await asAlice.query(`select synced_tables.delete_synced_table('gold.former')`);
      await admin.query(`select databricks_synced_table_add_manager('gold.hers', '${reader}')`);
      await admin.query(`select synced_tables.create_index('gold.hers', '(v)', 'hers_by_v')`);
      const attached = (session: pg.Client) =>
        session.query(
          `create view gold.v as select id from gold.hers; grant select on gold.v, gold.hers to ${reader}; grant usage on schema gold to ${reader}`,
        );
      await attached(asAlice);
      await admin.query(
        `create table public.refers (id bigint primary key references gold.hers); insert into public.refers values (3)`,
      );
      const shown = async () => [
        await lake.rows('gold.hers', ['id', 'v'], superuser),
        await lake.rows('mine.mine', ['id', 'v'], superuser),
        await lake.rows('far.his', ['id', 'v'], superuser),
        await lake.rows('silver.one', ['id', 'v'], superuser),
      ];
      const before = await shown();
      const memberships = `select r.rolname, m.rolname as member, g.rolname as grantor, a.* from pg_auth_members a join pg_roles r on r.oid = a.roleid
       join pg_roles m on m.oid = a.member join pg_roles g on g.oid = a.grantor where r.rolname !~ '^databricks_' and m.rolname !~ '^databricks_' order by 1, 2, 3`;
      const membersBefore = (await superuser.query(memberships)).rows.map(({ oid, ...row }) => row);

      await expect(admin.query('select * from synced_tables.uninstall()')).rejects.toThrow(/sidecars work in it/);
      await sidecar[Symbol.asyncDispose]();
      await expect(asAlice.query('select * from synced_tables.uninstall()')).rejects.toMatchObject({
        message: expect.stringMatching(/^Role alice_\w+ may not uninstall synced tables from database/),
        hint: expect.stringMatching(
          /^Run it as the administrator who installed them, or have him run: GRANT databricks_installer, databricks_admin TO alice_\w+ WITH ADMIN OPTION; ALTER ROLE alice_\w+ CREATEROLE;\.$/,
        ),
      });
      const planSql = 'select * from synced_tables.uninstall_plan()';
      await eventually(
        () =>
          admin.query(planSql).then(
            () => true,
            (error) => !error.message.includes('sidecars work in it') && Promise.reject(error),
          ),
        'the sidecar is forgotten',
      );
      await admin.query('begin');
      const { rows: plan } = await admin.query<{ object: string; plan: string }>(planSql);
      const planned = Object.fromEntries(plan.map(({ object, plan }) => [object, plan]));
      const toFar = `only a superuser can give it to ${far}: ALTER TABLE far.his OWNER TO ${far};`;
      expect(planned).toMatchObject({
        'gold.hers': `stays as a table of ${alice} (9 rows)`,
        'mine.mine': `stays as a table of ${server.administrator} (9 rows)`,
        'far.his':
          major >= 16
            ? `stays as a table of ${server.administrator}, because ${server.administrator} may not give it to ${far} (a superuser may: ALTER TABLE far.his OWNER TO ${far};) (9 rows)`
            : `stays as a table of ${far} (9 rows)`,
      });
      expect((await admin.query('select current_user = session_user as is_back')).rows).toEqual([{ is_back: true }]);
      await admin.query('commit');
      const { rows: done } = await admin.query<{ object: string; outcome: string }>(
        'select * from synced_tables.uninstall()',
      );
      const outcomes = Object.fromEntries(done.map(({ object, outcome }) => [object, outcome]));
      expect(outcomes).toMatchObject({
        'gold.hers': `plain table of ${alice}`,
        'gold.former': `plain table of ${alice}`,
        'mine.mine': `plain table of ${server.administrator}`,
        'far.his': major >= 16 ? `plain table of ${server.administrator}; ${toFar}` : `plain table of ${far}`,
        'silver.one': `plain table of ${alice}`,
      });
      expect(await shown()).toEqual(before);
      expect((await superuser.query(memberships)).rows.map(({ oid, ...row }) => row)).toEqual(membersBefore);
      await asAlice.query(
        `insert into gold.hers values (100, 'mine'); alter table gold.hers add column more int; alter table gold.hers drop column more; delete from gold.hers where id = 100`,
      );

      const never = await server.createDatabase(`never_${mode.replace(' ', '_')}`);
      const owner = major >= 16 ? server.administrator : far;
      const columns = 'id bigint primary key, v text';
      await never.superuser.query(`create schema gold authorization ${alice}; create schema silver authorization ${alice};
      create schema mine authorization ${server.administrator}; create schema far authorization ${owner};
      create table gold.hers (${columns}); create table gold.former (${columns}); create table mine.mine (${columns}); create table far.his (${columns}); create table silver.one (${columns});
      create index hers_by_v on gold.hers (v);
      alter table gold.hers owner to ${alice}; alter table gold.former owner to ${alice}; alter table silver.one owner to ${alice};
      alter table mine.mine owner to ${server.administrator}; alter table far.his owner to ${owner};
      ${major >= 16 ? `grant usage, create on schema far to ${far} with grant option; grant select on far.his to ${far} with grant option` : ''}`);
      const aliceThere = await never.connectAs(alice);
      await attached(aliceThere);
      await never.admin.query('create table public.refers (id bigint primary key)');
      await never.superuser.query(
        'alter table public.refers add foreign key (id) references gold.hers; drop schema if exists service',
      );
      if (mode === 'whole') await superuser.query('drop schema service cascade');
      expect(await catalogSignature(superuser)).toEqual(await catalogSignature(never.superuser));

      // The last database takes the roles along.
      const { rows: databases } = await superuser.query<{ name: string }>(
        `select datname as name from pg_database where datname ~ '^(by_ownership|whole|ownership|of_others|upgraded|examined)$'`,
      );
      if (mode === 'whole') return;
      let lastOutcomes: Record<string, string> = {};
      for (const { name } of databases) {
        const client = await server.connect(name);
        await client.query('set role databricks_installer');
        const { rows } = await client.query<{ object: string; outcome: string }>(
          'select * from synced_tables.uninstall(drop_tables => true)',
        );
        lastOutcomes = Object.fromEntries(rows.map(({ object, outcome }) => [object, outcome]));
        expect((await client.query('select current_user as role')).rows).toEqual([{ role: server.administrator }]);
        await client.end();
      }
      // A superuser has upgraded one database: what he granted there he alone can take back, and the outcome says so.
      const { rows: left } = await superuser.query<{ rolname: string }>(
        `select rolname from pg_roles where rolname ~ '^databricks_'`,
      );
      for (const { rolname } of left) {
        expect(['databricks_installer', 'databricks_superuser', 'databricks_sync']).toContain(rolname);
        expect(lastOutcomes[`role ${rolname}`]).toMatch(/^stays: .* (for|in) database upgraded$/);
      }
    },
  );

  it('takes every command of the guide as it is written', async () => {
    await ensureBuilt();
    const database = await server.createDatabase('guide');
    await migrateDatabase(database.admin);
    await using lake = await SyncedLake.on(database);
    const orders = `select i as id, i % 5 as customer_id, now() as created_at, 'done' as status from range(9) t(i)`;
    const columns = { id: 'long', customer_id: 'long', created_at: 'timestamp', status: 'string' };
    await lake.lake.createTable('gold.orders', columns, orders);
    await lake.startSidecar({ pollSeconds: 1 });
    await lake.load('gold.orders');
    await using walk = new DocumentWalk(database.url, await findFreePort());
    await walk.follow('docs/guides/managed-postgres.md', database.admin, {
      instead: { 'postgres://administrator:…@host/app?sslmode=require': database.url },
    });
    expect(walk.output).toContain('up to date');
    expect(await lake.value(`select count(*) from pg_indexes where tablename = 'orders'`)).toBe('2');
  });
});
