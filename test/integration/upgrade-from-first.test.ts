import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { migrateDatabase } from '../../src/postgres/migrate.js';
import { outcomeOf } from '../support/guarded-database.js';
import { migrationsBefore } from '../support/older-migrations.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';
import { publishByHand } from '../support/synced-table-fixture.js';

// Goal: a database that was made when the extension was at 1.0.0, with a synced table, a manager and rows, works after
// each way to bring it to this version.

/** What databricks_auth 1.0.0 came with. */
const AFTER_FIRST = 'rights_by_register';

const upgrades: Readonly<Record<string, (admin: pg.Client) => Promise<unknown>>> = {
  'the migrations': (admin) => migrateDatabase(admin),
  'ALTER EXTENSION, then the migrations': async (admin) => {
    await admin.query('alter extension databricks_auth update');
    const { rows } = await admin.query(
      `select installed_version = default_version as newest from pg_available_extensions where name = 'databricks_auth'`,
    );
    expect(rows).toEqual([{ newest: true }]);
    // The guard works on the new version before the rest of the schema follows.
    await expect(admin.query('truncate gold.t')).rejects.toMatchObject({ code: '25006' });
    await migrateDatabase(admin);
  },
  'the migrations, which bring the extension along': async (admin) => {
    await migrateDatabase(admin);
    const { rows } = await admin.query(
      `select installed_version = default_version as newest from pg_available_extensions where name = 'databricks_auth'`,
    );
    expect(rows).toEqual([{ newest: true }]);
  },
};

describe.each(postgresServers())('a database of the first version on $name', (server) => {
  it.each(Object.keys(upgrades))('works after %s', { timeout: 120_000 }, async (way) => {
    await using lake = await SyncedLake.create(server, { isMigrated: false });
    const { admin, database } = lake;
    await using first = await migrationsBefore(AFTER_FIRST);
    await migrateDatabase(admin, { dir: first.dir });
    if (way !== 'the migrations') await admin.query(`create extension databricks_auth version '1.0.0'`);
    const keeper = await database.createRole('keeper', 'databricks_superuser');
    const managerRole = await database.createRole('manager');
    await admin.query(
      `create schema gold; grant create on schema gold to ${keeper}; grant usage on schema gold to ${managerRole}`,
    );
    const creator = await database.connectAs(keeper);
    await creator.query(`select synced_tables.create_synced_table('gold.t', 'lake.gold.t', array['id'])`);
    await publishByHand(await database.connectAsSidecar(), 'gold.t');
    await admin.query(`update synced_tables._updates set state = 'COMPLETED', finished_at = now();
      select databricks_synced_table_add_manager('gold.t', '${managerRole}'); create view gold.v as select * from gold.t`);
    const manager = await database.connectAs(managerRole);
    await manager.query('create index before on gold.t (note)');

    await upgrades[way]?.(admin);
    expect(await migrateDatabase(admin)).toEqual({ applied: [] });
    expect((await admin.query('select * from synced_tables.repair()')).rows).toEqual([
      { object: 'gold.t', outcome: 'ok' },
    ]);
    expect(await lake.rows('gold.v', ['count(*)'])).toEqual([['3']]);
    await manager.query('drop index gold.before; create index after on gold.t (note)');
    expect((await outcomeOf(manager, 'alter table gold.t add column more int')).code).toBe('42501');
    for (const sql of ['truncate gold.t', 'alter table gold.t add column more int', 'drop schema gold cascade']) {
      expect([sql, (await outcomeOf(creator, sql)).code]).toEqual([sql, expect.stringMatching(/^(42501|25006)$/)]);
    }
    const { rows: triggers } = await admin.query(
      `select tgname, tgenabled from pg_trigger where not tgisinternal and tgrelid in ('gold.t'::regclass, databricks_auth.sole_partition('gold.t')) order by 1, 2`,
    );
    expect(triggers).toEqual([
      { tgname: 'databricks_apply_guard', tgenabled: 'R' },
      { tgname: 'databricks_write_guard', tgenabled: 'A' },
      { tgname: 'databricks_write_guard', tgenabled: 'A' },
    ]);

    await lake.startSidecar();
    await lake.lake.createTable(
      'gold.t',
      { id: 'long', note: 'string' },
      `select i as id, 'n' || i as note from range(5) t(i)`,
    );
    await lake.wait(await lake.requestSync('gold.t', true, manager));
    expect(await lake.rows('gold.v', ['count(*)', 'max(note)'])).toEqual([['5', 'n4']]);
    await lake.wait(await lake.create('gold.new', { source: 'gold.t' }, creator));
    await admin.query(`select synced_tables.set_schedule('gold.new', '0 9 * * *')`);
    await admin.query(`call synced_tables.wait_for_verification(synced_tables.verify('gold.new'))`);
    await creator.query(`select synced_tables.create_streaming_table('gold.current')`);
    await creator.query(`select synced_tables.apply_changes_from_snapshot('gold.current', 'lake.gold.t', array['id'])`);
    await lake.wait(await lake.requestSync('gold.current', false, creator));
    expect(await lake.rows('gold.current', ['count(*)'])).toEqual([['5']]);
    await manager.query('drop table gold.t cascade');
    expect(await lake.rows(`synced_tables._tables where synced_table = 'gold.t'`, ['state'])).toEqual([]);
  });
});
