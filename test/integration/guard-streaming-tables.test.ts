import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: rows of a streaming table may be changed by whom its creator lets; its objects by nobody but the sidecar. Nobody
// reads the state behind it. A superuser who insists ends the whole, and nothing makes it again.

describe.each(postgresServers())('streaming tables under guard on $name', (server) => {
  let lake: SyncedLake;
  let schemaOwner: pg.Client;
  let reader: pg.Client;
  let everything: pg.Client;
  const STORAGE = 'own.__apply_changes_storage_t';
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
    const owner = await lake.database.createRole('schema_owner');
    const readers = await lake.database.createRole('reader');
    const all = await lake.database.createRole('everything');
    await lake.admin.query(`create schema own authorization ${owner}; grant usage on schema own to ${readers};
      grant pg_read_all_data, pg_write_all_data to ${all}; create table own.events (id int, v text, seq bigint)`);
    schemaOwner = await lake.database.connectAs(owner);
    reader = await lake.database.connectAs(readers);
    everything = await lake.database.connectAs(all);
    await make();
    await lake.admin.query(`grant select on own.t to ${readers}`);
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  async function make(): Promise<void> {
    await lake.admin.query(`select synced_tables.create_streaming_table('own.t')`);
    await lake.admin.query(
      `select synced_tables.apply_changes('own.t', 'own.events', array['id'], 'seq', except_column_list => array['seq'], apply_as_deletes => 'v = "gone"')`,
    );
    await lake.admin.query(`truncate own.events; insert into own.events values (1, 'a', 1), (2, 'gone', 1)`);
    await lake.sync('own.t');
  }

  const PARTS = [STORAGE, 'own.__apply_changes_feed_t'];

  it.each(PARTS)('nobody reads or writes %s', async (part) => {
    const readAll = await everything.query(`select count(*)::int as n from ${part}`);
    expect(readAll.rows).toEqual([{ n: 0 }]);
    expect((await everything.query(`update ${part} set v = 'x'`)).rowCount).toBe(0);
    expect((await everything.query(`delete from ${part}`)).rowCount).toBe(0);
    await expect(everything.query(`insert into ${part} (id) values (9)`)).rejects.toMatchObject({
      code: /42501|23502/,
    });
    await expect(everything.query(`truncate ${part}`)).rejects.toMatchObject({ code: '42501' });
    for (const client of [reader, schemaOwner]) {
      await expect(client.query(`table ${part}`)).rejects.toMatchObject({ code: '42501' });
      await expect(client.query(`delete from ${part}`)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('readers see the rows and not the tombstones, and may not change them', async () => {
    expect((await reader.query('table own.t')).rows).toEqual([{ id: 1, v: 'a' }]);
    await expect(reader.query(`update own.t set v = 'b'`)).rejects.toMatchObject({ code: '42501' });
    // A function of the reader's is not shown hidden rows.
    await reader.query(`create function pg_temp.peek(id int) returns boolean language plpgsql cost 0.0001 as
      $$ begin raise notice 'peek %', id; return true; end $$`);
    const seen: string[] = [];
    reader.on('notice', (notice) => seen.push(notice.message ?? ''));
    await reader.query('select * from own.t where pg_temp.peek(id)');
    expect(seen).toEqual(['peek 1']);
  });

  it('changes by hand go through the table', async () => {
    const { rows } = await everything.query(`insert into own.t (id, v) values (7, 'hand') returning id`);
    expect(rows).toEqual([{ id: 7 }]);
    await everything.query(`update own.t set v = 'changed' where id = 7`);
    expect(await lake.rows('own.t', ['id', 'v'])).toEqual([
      ['1', 'a'],
      ['7', 'changed'],
    ]);
    await everything.query('delete from own.t where id = 7');
  });

  const COMMANDS = [
    'drop view own.t',
    `drop table ${STORAGE} cascade`,
    'drop table own.__apply_changes_feed_t',
    'drop schema own cascade',
    'alter view own.t rename to other',
    'alter view own.t set schema public',
    `alter table ${STORAGE} add column x int`,
    `alter table ${STORAGE} disable row level security`,
    `alter table ${STORAGE} rename to other`,
    `create index on ${STORAGE} (v)`,
    `create policy p on ${STORAGE} using (true)`,
    'create or replace view own.t as select id, v from own.events',
    'create rule r as on insert to own.t do instead nothing',
    'drop trigger autocdc_changes_by_hand on own.t',
    'alter schema own rename to other',
  ];

  it.each(COMMANDS)('%s is refused to the owner of the schema and to superusers', async (command) => {
    await expect(schemaOwner.query(command)).rejects.toMatchObject({ code: /42501|0A000/ });
    await expect(lake.admin.query(command)).rejects.toMatchObject({
      code: '0A000',
      detail: 'error code: STREAMING_TABLE_PROTECTED',
      hint: expect.stringContaining('delete_streaming_table'),
    });
    expect(await lake.rows('own.t', ['id', 'v'])).toEqual([['1', 'a']]);
  });

  it('repair() makes the guard again where it was taken away', async () => {
    await lake.admin.query(
      'drop event trigger synced_tables_streaming_drop; alter event trigger synced_tables_streaming_ddl disable',
    );
    const repair = async () => (await lake.admin.query('select object, outcome from synced_tables.repair()')).rows;
    expect(await repair()).toEqual([
      { object: 'event trigger synced_tables_streaming_drop', outcome: 'made' },
      { object: 'event trigger synced_tables_streaming_ddl', outcome: 'enabled' },
    ]);
    expect(await repair()).toEqual([]);
    for (const command of ['drop view own.t', 'alter view own.t rename to other']) {
      await expect(lake.admin.query(command)).rejects.toMatchObject({ code: '0A000' });
    }
  });

  it('what has nothing to do with it goes on, also for roles without any rights here', async () => {
    await schemaOwner.query(`create table own.mine (id int); alter table own.mine add column v text; create index on own.mine (v);
      create view own.my_view as table own.mine; drop view own.my_view; drop table own.mine`);
    await lake.admin.query(
      `comment on view own.t is 'ours'; grant select on own.t to ${(await schemaOwner.query('select current_user as me')).rows[0].me}`,
    );
    expect((await schemaOwner.query('table own.t')).rowCount).toBe(1);
  });

  it('delete_synced_table deletes a streaming table too, with its rows if asked to', async () => {
    await expect(reader.query(`select synced_tables.delete_synced_table('own.t')`)).rejects.toMatchObject({
      code: '42501',
    });
    await lake.admin.query(`select synced_tables.delete_synced_table('own.t')`);
    await expect(lake.status('own.t')).rejects.toThrow('does not show');
    expect(await lake.rows('own.t', ['id'])).toEqual([['1']]);
    await expect(lake.admin.query('drop view own.t')).rejects.toMatchObject({ code: '0A000' });
    await lake.admin.query(`select synced_tables.delete_synced_table('own.t', purge => true)`);
    const left = `select count(*) from pg_class where relnamespace = 'own'::regnamespace and relname like '\\_\\_apply%'`;
    expect(await lake.value(left)).toBe('0');
    await expect(
      lake.admin.query(`select synced_tables.delete_synced_table('own.t', purge => true)`),
    ).rejects.toMatchObject({
      detail: 'error code: SYNCED_TABLE_NOT_FOUND',
    });
    await make();
  }, 60_000);

  it.each(['drop view own.t', `drop table ${STORAGE} cascade`, 'drop schema own cascade'])(
    'a superuser who insists on %s ends all of it',
    async (command) => {
      const pipeline = await lake.value(`select pipeline_id from synced_tables.status where synced_table = 'own.t'`);
      await lake.admin.query(`begin; set local databricks_auth.allow_ddl = on; ${command}; commit`);
      await expect(lake.status('own.t')).rejects.toThrow('does not show');
      expect(await lake.value(`select count(*) from synced_tables._cdc_targets where schema_name = 'own'`)).toBe('0');
      expect(await lake.value(`select count(*) from pg_class where relname like '\\_\\_apply%\\_t'`)).toBe('0');
      await expect(lake.admin.query(`select synced_tables.start_update('${pipeline}')`)).rejects.toMatchObject({
        detail: 'error code: PIPELINE_NOT_FOUND',
      });
      expect(
        await lake.value(`select count(*) from synced_tables.events where event_type = 'streaming_table_dropped'`),
      ).not.toBe('0');
      if (!command.includes('schema')) await make();
    },
    60_000,
  );
});
