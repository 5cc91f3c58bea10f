import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examine } from '../../src/doctor/examine.js';
import { migrateDatabase } from '../../src/postgres/install/migrate.js';
import { checkSettings } from '../../src/settings/load-settings.js';
import { goEveryWay, invitePeople } from '../support/every-way.js';
import { type ManagedDatabase, type ManagedServer, startManagedServer } from '../support/managed-server.js';
import { SyncedLake } from '../support/synced-lake.js';

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
});
