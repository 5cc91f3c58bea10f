import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a synced table that was deleted without its data can be created again under its name. It keeps what people
// attached to it, is readable all the time, and nobody takes over what is not theirs.

const columns = { id: 'long', name: 'string' };
const rows = (first: number, last: number) => `select i as id, 'n' || i as name from range(${first}, ${last}) t(i)`;

describe.each(eitherPostgresServer(import.meta.url))('a synced table that is created again on $name', (server) => {
  let synced: SyncedLake;
  let _source: DeltaWriter;
  let reader: string;
  let asReader: pg.Client;
  let number = 0;
  let target: string;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    _source = await synced.lake.createTable('d.source', columns, rows(0, 100));
    await synced.startSidecar({ leaseSeconds: 1.5 });
    reader = await synced.database.createRole('reader');
    await synced.admin.query(`create schema d; grant usage on schema d to ${reader}`);
    asReader = await synced.database.connect();
    await asReader.query(`set role ${reader}`);
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    number += 1;
    target = `d.t${number}`;
    await synced.load(target, { source: 'd.source' });
    await synced.admin.query(`grant select on ${target} to ${reader}`);
  });

  const oid = () => synced.value('select to_regclass($1)::oid', [target]);
  const remove = (purge = false) =>
    synced.admin.query('select synced_tables.delete_synced_table($1, $2)', [target, purge]);
  const counted = async () => (await asReader.query<{ n: string }>(`select count(*) as n from ${target}`)).rows[0]?.n;

  it('keeps OID, grants, views, indexes, managers and comments, and has the rows of its new source', async () => {
    const manager = await synced.database.createRole('manager');
    await synced.admin.query(`select databricks_synced_table_add_manager('${target}', '${manager}');
      create index t${number}_name on ${target} (name); create view d.v${number} as select name from ${target};
      grant select on d.v${number} to ${reader}`);
    const before = await oid();
    await remove();
    expect(await counted()).toBe('100');
    await synced.lake.createTable(
      `d.other${number}`,
      { ...columns, more: 'long' },
      `select *, 7::bigint as more from (${rows(5, 8)})`,
    );
    await synced.load(target, { source: `d.other${number}`, policy: 'TRIGGERED' });
    expect(await oid()).toBe(before);
    expect(await synced.rows(target, ['id', 'name', 'more'])).toEqual([5, 6, 7].map((id) => [`${id}`, `n${id}`, '7']));
    expect((await asReader.query(`select name from d.v${number}`)).rowCount).toBe(3);
    expect(
      await synced.value(`select count(*) from pg_index i join pg_inherits h on h.inhparent = i.indexrelid
                           where i.indexrelid = 'd.t${number}_name'::regclass and i.indisvalid`),
    ).toBe('1');
    expect(await synced.value(`select databricks_auth.can_manage($1::regclass, $2)`, [target, manager])).toBe('true');
    expect(await synced.value(`select obj_description($1::regclass, 'pg_class')`, [target])).toContain(
      `lake.d.other${number}`,
    );
    expect(await synced.status(target)).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
      row_count: '3',
    });
    expect(await synced.shadowTables()).toEqual([]);
    await synced.admin.query(`drop view d.v${number}`);
    await remove(true);
    expect(await oid()).toBeNull();
  });

  it('changes its key, columns of its own and indexes in place where Postgres can', async () => {
    const before = await oid();
    await remove();
    const create = (extra: string) =>
      synced.value(
        `select synced_tables.create_synced_table($1, 'lake.d.source', array['name', 'id'], extra_columns => $2::jsonb,
           extra_index_definitions => $3::jsonb)`,
        [
          target,
          `[{"column_name": "upper", "column_type": "text", "compute": "${extra}", "maintenance": "STORED_GENERATED"}]`,
          `[{"name": "t${number}_upper", "definition": "(upper)"}]`,
        ],
      );
    await synced.wait((await create('upper(name)')) ?? '');
    expect(await oid()).toBe(before);
    expect(await synced.value(`select upper from ${target} where id = 3`)).toBe('N3');
    expect(
      await synced.value(
        `select pg_get_constraintdef(oid) from pg_constraint where conrelid = $1::regclass and contype = 'p'`,
        [target],
      ),
    ).toBe('PRIMARY KEY (name, id)');
    await remove();
    await synced.wait((await create('lower(name)')) ?? '');
    expect(await synced.value(`select upper from ${target} where id = 3`)).toBe('n3');
    await remove();
    await synced.load(target, { source: 'd.source' });
    expect(await oid()).toBe(before);
    expect(
      await synced.value(
        `select string_agg(attname, ',' order by attnum) from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped`,
        [target],
      ),
    ).toBe('id,name');
    expect(
      await synced.value(`select attnotnull from pg_attribute where attrelid = $1::regclass and attname = 'name'`, [
        target,
      ]),
    ).toBe('false');
    expect(await counted()).toBe('100');
    expect(await synced.value(`select outcome from synced_tables.repair() where object = $1`, [target])).toBe('ok');
  });

  it('is replaced where its key lacks the column that it is partitioned by, with rights and indexes', async () => {
    const manager = await synced.database.createRole('manager');
    await synced.admin.query(`select databricks_synced_table_add_manager('${target}', '${manager}');
      create index t${number}_again on ${target} (name); grant select (name) on ${target} to public`);
    const before = await oid();
    await remove();
    await synced.load(target, { source: 'd.source', key: ['name'] });
    expect(await oid()).not.toBe(before);
    expect(await counted()).toBe('100');
    expect(await synced.value(`select databricks_auth.can_manage($1::regclass, $2)`, [target, manager])).toBe('true');
    expect(await synced.value(`select to_regclass('d.t${number}_again') is not null`)).toBe('true');
    expect(
      await synced.value(`select attacl from pg_attribute where attrelid = $1::regclass and attname = 'name'`, [
        target,
      ]),
    ).toContain('=r/');
    expect(
      await synced.value(`select count(*) from databricks_auth.synced_tables where synced_table::oid = $1`, [before]),
    ).toBe('0');
    expect(await synced.shadowTables()).toEqual([]);
  });

  it('says which view forbids what has to change, and goes on once that is gone', async () => {
    await synced.admin.query(`create view d.forbids${number} as select id, name from ${target}`);
    await remove();
    await synced.lake.createTable(`d.less${number}`, { id: 'long' }, 'select i as id from range(3) t(i)');
    const update = await synced.create(target, { source: `d.less${number}` });
    expect(await refusalOf(synced.wait(update))).toMatchObject({
      code: 'DEPENDENT_OBJECTS_EXIST',
      message: expect.stringContaining(`view d.forbids${number}`),
    });
    expect(await counted()).toBe('100');
    await remove();
    const other = await synced.create(target, { source: 'd.source', key: ['name'] });
    expect(await refusalOf(synced.wait(other))).toMatchObject({
      code: 'FORMER_TABLE_HAS_DEPENDENTS',
      message: expect.stringContaining(`view d.forbids${number}`),
    });
    expect(await counted()).toBe('100');
    await synced.admin.query(`drop view d.forbids${number}`);
    await synced.sync(target);
    expect(await counted()).toBe('100');
  });

  it('keeps foreign keys that refer to it, merges its rows, and follows its source from there', async () => {
    await synced.admin.query(`create table d.refers${number} (id bigint references ${target});
      insert into d.refers${number} values (7), (30)`);
    const before = await oid();
    await remove();
    const grown = await synced.lake.createTable(`d.grown${number}`, columns, rows(5, 50));
    expect(await synced.load(target, { source: `d.grown${number}`, policy: 'TRIGGERED' })).toMatchObject({
      method: 'MERGE',
    });
    expect(await oid()).toBe(before);
    expect(await counted()).toBe('45');
    await grown.append(rows(50, 60));
    expect(await synced.sync(target)).toMatchObject({ method: 'CHANGES', rows_written: '10' });
    expect(await counted()).toBe('55');
    await remove();
    // Another key in the same table, and another table: neither while a foreign key refers to this one.
    for (const [key, code] of [
      [['id', 'name'], 'DEPENDENT_OBJECTS_EXIST'],
      [['name'], 'FORMER_TABLE_HAS_DEPENDENTS'],
    ] as const) {
      const refusal = await refusalOf(synced.wait(await synced.create(target, { source: 'd.source', key })));
      expect(refusal).toMatchObject({ code, message: expect.stringContaining(`d.refers${number}`) });
      expect(await counted()).toBe('55');
      await remove();
    }
    await synced.admin.query(`drop table d.refers${number}`);
    await synced.load(target, { source: 'd.source', policy: 'CONTINUOUS' });
    expect(await oid()).toBe(before);
    const state = async () => (await synced.status(target)).state === 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE';
    await eventually(state, 'it is followed');
    expect(await counted()).toBe('100');
  });

  it('leaves the former table as it was when the request is rejected, and when it is deleted before its load', async () => {
    await remove();
    expect(await refusalOf(synced.wait(await synced.create(target, { source: 'd.nothing' })))).toMatchObject({
      code: 'SOURCE_TABLE_NOT_FOUND',
    });
    expect(await counted()).toBe('100');
    await synced.load(target, { source: 'd.source' });
    await remove();
    await synced.admin.query('begin');
    await synced.create(target, { source: 'd.source' });
    await remove();
    await synced.admin.query('commit');
    expect(await counted()).toBe('100');
    await synced.admin.query('begin');
    await synced.create(target, { source: 'd.source' });
    await remove(true);
    await synced.admin.query('commit');
    expect(await oid()).toBeNull();
  });

  it('is readable at every moment of ten lives, with another key in each, and leaves nothing behind', {
    timeout: 180_000,
  }, async () => {
    let isOver = false;
    let reads = 0;
    const reading = (async () => {
      while (!isOver) {
        const n = Number(await counted());
        if (n < 100) throw new Error(`a reader saw ${n} rows`);
        reads += 1;
      }
    })();
    const keys = [['name'], ['id'], ['id', 'name'], ['name', 'id'], ['name']];
    for (const key of [...keys, ...keys]) {
      await remove();
      await synced.load(target, { source: 'd.source', key });
    }
    isOver = true;
    await reading;
    expect(reads).toBeGreaterThan(20);
    expect(await synced.shadowTables()).toEqual([]);
    expect(
      await synced.value(`select count(*) from pg_roles r, pg_database d where d.datname = current_database()
                            and r.rolname like format('databricks\\_st\\_%s\\_%%', d.oid)
                            and not exists (select from databricks_auth.synced_tables s where s.owner_role = r.rolname)`),
    ).toBe('0');
    await remove(true);
  });

  it('is not taken over by a role that may not manage it, nor is what was never synced', async () => {
    await remove();
    const other = await synced.database.createRole('other');
    await synced.admin.query(`grant usage, create on schema d to ${other};
      grant usage on schema synced_tables, synced_tables_internal to ${other};
      grant execute on all functions in schema synced_tables to ${other};
      grant insert (routine, arguments), select (answer) on synced_tables._calls to ${other};
      grant select on synced_tables.status to ${other}`);
    const session = await synced.database.connect();
    await session.query(`set role ${other}`);
    const refusal = await refusalOf(synced.create(target, { source: 'd.source' }, session));
    expect(refusal).toMatchObject({
      code: 'TARGET_TABLE_EXISTS',
      hint: expect.stringContaining('It was a synced table before'),
    });
    await synced.admin.query(`create table d.mine${number} (x int); insert into d.mine${number} values (1)`);
    expect(await refusalOf(synced.create(`d.mine${number}`, { source: 'd.source' }))).toMatchObject({
      code: 'TARGET_TABLE_EXISTS',
      hint: 'Drop or rename it, or choose another name.',
    });
    expect(await synced.value(`select x from d.mine${number}`)).toBe('1');
    // It is a table of people now: whoever owns it may have it synced again.
    await synced.admin.query(`alter table ${target} owner to ${other}`);
    await synced.wait(await synced.create(target, { source: 'd.source' }, session));
    expect(
      await synced.value(`select created_by from databricks_auth.synced_tables where synced_table = $1::regclass`, [
        target,
      ]),
    ).toBe(other);
  });

  it('survives kills of the sidecar between deletion and load: readable throughout, whole in the end', {
    timeout: 180_000,
  }, async () => {
    await synced.stopSidecars();
    await synced.lake.createTable(`d.large${number}`, columns, rows(0, 40_000));
    for (const [delayMs, key] of [
      [150, ['name']],
      [600, ['id']],
    ] as const) {
      await remove();
      const killed = await synced.spawnSidecar({ leaseSeconds: 1.5 });
      const update = await synced.create(target, { source: `d.large${number}`, key });
      await sleep(delayMs);
      await killed.kill();
      // The former rows, or all of the new ones if the load was quicker.
      expect(['100', '40000']).toContain(await counted());
      const next = await synced.spawnSidecar({ leaseSeconds: 1.5 });
      await synced.wait(update);
      expect(await counted()).toBe('40000');
      await next.stop();
    }
    expect(await synced.shadowTables()).toEqual([]);
    expect(
      await synced.value(`select count(*) from pg_class where relnamespace = '__db_system'::regnamespace and relkind = 'r'
      and oid not in (select inhrelid from pg_inherits)`),
    ).toBe('0');
    await remove(true);
  });
});
