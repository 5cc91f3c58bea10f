import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a SNAPSHOT table can be deleted, or dropped by hand, at any moment, without leftovers and without harm to other
// tables.

const columns = { id: 'long', name: 'string' };
const few = `select i as id, 'n' || i as name from range(100) t(i)`;
/** Takes long enough to load that a test can get in between. */
const many = `select i as id, repeat('x', 300) as name from range(60000) t(i)`;

describe.each(postgresServers())('a SNAPSHOT table that goes on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar({ leaseSeconds: 1.5 });
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  const ownerRoles = () =>
    lake.value(
      `select count(*) from pg_roles join pg_database on datname = current_database() where rolname ~ ('^databricks_st_' || pg_database.oid || '_')`,
    );
  const isLoading = (update: string) => async () =>
    (await lake.value(
      `select exists (select from pg_stat_progress_copy where datname = current_database()) and (select state = 'RUNNING' from synced_tables._updates where update_id = $1)`,
      [update],
    )) === 'true';
  const loading = async (target: string): Promise<string> => {
    const update = await lake.requestSync(target, true);
    await eventually(isLoading(update), 'the load runs');
    return update;
  };

  it('stays as it is when it is deleted, and can be purged later', async () => {
    await lake.lake.createTable('d.left', columns, few);
    await lake.load('d.left');
    await lake.admin.query(`select synced_tables.delete_synced_table('d.left')`);
    expect(await lake.value('select count(*) from d.left')).toBe('100');
    expect(await refusalOf(lake.sync('d.left'))).toMatchObject({ code: 'SYNCED_TABLE_NOT_FOUND' });
    await lake.admin.query(`select synced_tables.delete_synced_table('d.left', purge => true)`);
    expect(await lake.value(`select to_regclass('d.left')`)).toBeNull();
    expect(await ownerRoles()).toBe('0');
    await lake.load('d.left');
    await lake.admin.query(`select synced_tables.delete_synced_table('d.left', purge => true)`);
    expect(await lake.value(`select count(*) from pg_class where relnamespace = '__db_system'::regnamespace`)).toBe(
      '0',
    );
  });

  it.each([false, true])('ends the load that is running when it is deleted (purge: %s)', async (purge) => {
    await lake.lake.createTable(`d.running_${purge}`, columns, many);
    const target = `d.running_${purge}`;
    await lake.load(target);
    const update = await loading(target);
    await lake.admin.query('select synced_tables.delete_synced_table($1, $2)', [target, purge]);
    expect(await refusalOf(lake.wait(update))).toMatchObject({ code: 'SYNCED_TABLE_DELETED', sqlState: '57014' });
    await eventually(async () => (await lake.shadowTables()).length === 0, 'the shadow table goes');
    await eventually(async () => !(await isLoading(update)()), 'the load ends');
    expect(await lake.update(update)).toMatchObject({ state: 'CANCELED', error_code: 'SYNCED_TABLE_DELETED' });
    expect(await lake.value('select to_regclass($1)', [target])).toBe(purge ? null : target);
    expect(
      await lake.value(`select count(*) from synced_tables.events where update_id = $1 and level <> 'INFO'`, [update]),
    ).toBe('0');
    if (!purge) await lake.admin.query('select synced_tables.delete_synced_table($1, true)', [target]);
    await lake.load(target);
    await lake.admin.query('select synced_tables.delete_synced_table($1, true)', [target]);
    expect(await ownerRoles()).toBe('0');
  });

  it('is deleted during its first load, and the same name can be created at once', async () => {
    await lake.lake.createTable('d.first', columns, many);
    const update = await lake.create('d.first');
    await eventually(isLoading(update), 'the load runs');
    await lake.admin.query(`select synced_tables.delete_synced_table('d.first')`);
    await lake.load('d.first');
    expect(await lake.value('select count(*) from d.first')).toBe('60000');
    await eventually(async () => (await lake.shadowTables()).length === 0, 'the shadow table goes');
    await lake.admin.query(`select synced_tables.delete_synced_table('d.first', true)`);
    expect(await ownerRoles()).toBe('0');
  });

  it('was dropped by hand while idle: its registration goes with it, and the name is free', async () => {
    await lake.lake.createTable('d.idle', columns, few);
    await lake.load('d.idle');
    await lake.admin.query('drop table d.idle');
    expect(await refusalOf(lake.sync('d.idle'))).toMatchObject({ code: 'SYNCED_TABLE_NOT_FOUND' });
    expect(
      await lake.value(
        `select count(*) from synced_tables.events where synced_table = 'd.idle' and event_type = 'synced_table_was_dropped'`,
      ),
    ).toBe('1');
    expect(await ownerRoles()).toBe('0');
    await lake.load('d.idle');
    await lake.admin.query(`select synced_tables.delete_synced_table('d.idle', true)`);
  });

  it('was dropped while the guard was off: is marked so, told once, and does not come back by itself', async () => {
    await lake.lake.createTable('d.unseen', columns, few);
    await lake.load('d.unseen');
    await lake.admin.query(`begin; alter event trigger databricks_auth_drop disable; drop table d.unseen;
      alter event trigger databricks_auth_drop enable always; commit`);
    expect(await lake.status('d.unseen')).toMatchObject({
      state: 'SYNCED_TABLED_OFFLINE',
      table_name: null,
      // Nothing that is gone is up to date.
      lag_seconds: null,
      lag_versions: null,
    });
    const sampled = `select synced_tables_internal._lag_seconds(t) is null from synced_tables._tables t where t.synced_table = 'd.unseen'`;
    expect(await lake.value(sampled)).toBe('true');
    expect(await refusalOf(lake.sync('d.unseen'))).toMatchObject({ code: 'SYNCED_TABLE_DROPPED', sqlState: '42P01' });
    expect(await refusalOf(lake.sync('d.unseen', true))).toMatchObject({ code: 'SYNCED_TABLE_DROPPED' });
    expect(await lake.status('d.unseen')).toMatchObject({
      state: 'SYNCED_TABLED_OFFLINE',
      last_error_code: 'SYNCED_TABLE_DROPPED',
    });
    expect(await ownerRoles()).toBe('0');
    await lake.admin.query(`select synced_tables.delete_synced_table('d.unseen')`);
    await lake.load('d.unseen');
    await lake.admin.query(`select synced_tables.delete_synced_table('d.unseen', true)`);
  });

  it('was dropped by hand during a load: the update says so at once, and nothing is left', async () => {
    await lake.lake.createTable('d.during', columns, many);
    await lake.load('d.during');
    const update = await loading('d.during');
    await lake.admin.query('drop table d.during');
    expect(await refusalOf(lake.wait(update))).toMatchObject({ code: 'SYNCED_TABLE_DROPPED' });
    await eventually(async () => (await lake.shadowTables()).length === 0, 'the shadow table goes');
    await eventually(async () => !(await isLoading(update)()), 'the load ends');
    expect(await lake.update(update)).toMatchObject({ state: 'CANCELED', error_code: 'SYNCED_TABLE_DROPPED' });
    expect(await ownerRoles()).toBe('0');
    expect(
      await lake.value(
        `select count(*) from synced_tables.events where synced_table = 'd.during' and event_type = 'synced_table_was_dropped'`,
      ),
    ).toBe('1');
  });

  it('was dropped with its whole schema, and is created again with it', async () => {
    await lake.lake.createTable('gone.t', columns, few);
    await lake.load('gone.t');
    await lake.admin.query('drop schema gone cascade');
    expect(await refusalOf(lake.sync('gone.t'))).toMatchObject({ code: 'SYNCED_TABLE_NOT_FOUND' });
    await lake.load('gone.t');
    expect(await lake.value('select count(*) from gone.t')).toBe('100');
    await lake.admin.query(`select synced_tables.delete_synced_table('gone.t', true)`);
    expect(await ownerRoles()).toBe('0');
  });

  it('finds its name taken when it is to be published: leaves the other table alone, and says so', async () => {
    await lake.lake.createTable('d.taken', columns, many);
    const update = await lake.create('d.taken');
    await eventually(isLoading(update), 'the load runs');
    await lake.admin.query('create table d.taken (mine text); insert into d.taken values (1)');
    expect(await refusalOf(lake.wait(update))).toMatchObject({ code: 'TARGET_TABLE_EXISTS', sqlState: '42P07' });
    expect(await lake.rows('d.taken', ['mine'])).toEqual([['1']]);
    expect(await lake.status('d.taken')).toMatchObject({
      state: 'SYNCED_TABLE_OFFLINE_FAILED',
      last_error_code: 'TARGET_TABLE_EXISTS',
    });
    expect(await lake.shadowTables()).toEqual([]);
    expect(await ownerRoles()).toBe('0');
    await lake.admin.query('drop table d.taken');
    await lake.sync('d.taken');
    expect(await lake.value('select count(*) from d.taken')).toBe('60000');
    await lake.admin.query(`select synced_tables.delete_synced_table('d.taken', true)`);
  });
});
