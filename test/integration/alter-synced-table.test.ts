import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: how a table is synced can be changed in place: it keeps OID and everything people attached to it, whoever reads it
// sees the old rows or the new ones, and a change that is refused, canceled or cut off changes nothing.

const columns = { id: 'long', name: 'string', seen: 'long' };
const rows = (first: number, last: number) =>
  `select i as id, 'n' || i as name, i % 7 as seen from range(${first}, ${last}) t(i)`;

describe.each(eitherPostgresServer(import.meta.url))('a synced table that is changed on $name', (server) => {
  let synced: SyncedLake;
  let source: DeltaWriter;
  let reader: string;
  let number = 0;
  let target: string;

  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    reader = await synced.database.createRole('reader');
    await synced.admin.query(`create schema d; grant usage on schema d to ${reader}`);
    await synced.startSidecar({ leaseSeconds: 1.5, pollSeconds: 1 });
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    number += 1;
    target = `d.t${number}`;
    source = await synced.lake.createTable(`d.s${number}`, columns, rows(0, 100));
  });

  const request = async (change: string, client = synced.admin) => {
    const { rows: answers } = await client.query<{ id: string }>(
      `select synced_tables.alter_synced_table('${target}', ${change}) as id`,
    );
    return answers[0]?.id ?? '';
  };
  const alter = async (change: string) => {
    const update = await request(change);
    await synced.wait(update);
    return synced.update(update);
  };
  const oid = () => synced.value('select to_regclass($1)::oid', [target]);
  const settings = () =>
    synced.value(
      `select jsonb_build_object('policy', p.scheduling_policy, 'interval', p.trigger_interval_ms, 'source', t.source_table_full_name,
                'key', t.primary_key_columns, 'timeseries', t.timeseries_key, 'columns', t.columns, 'filter', t.row_filter,
                'diff', t.allow_file_diff, 'gap', t.on_history_gap, 'extra', t.extra_columns, 'relation', t.relation::oid, 'version', t.synced_version,
                'state', t.state, 'error', t.last_error_code, 'failed', t.is_failed, 'rows', t.row_count, 'source_version', t.source_version)::text
         from synced_tables._tables t join synced_tables._pipelines p using (pipeline_id) where t.synced_table = $1`,
      [target],
    );
  /** What people attached to the table: none of it may change. */
  const attached = () =>
    synced.value(
      `select jsonb_build_object('oid', c.oid, 'acl', c.relacl, 'owner', c.relowner,
         'column_acl', (select jsonb_object_agg(attname, attacl) from pg_attribute where attrelid = c.oid and attacl is not null),
         'indexes', (select jsonb_agg(jsonb_build_array(i.indexrelid, i.indisvalid, pg_get_indexdef(i.indexrelid)) order by i.indexrelid)
                       from pg_index i where i.indrelid = c.oid and not i.indisprimary),
         'views', (select jsonb_agg(distinct pg_get_viewdef(r.ev_class)) from pg_depend d join pg_rewrite r on r.oid = d.objid where d.refobjid = c.oid),
         'managers', (select jsonb_agg(m.manager order by m.manager) from databricks_auth.managers m where m.synced_table = c.oid),
         'comment', (select jsonb_agg(description order by objsubid) from pg_description where objoid = c.oid and objsubid > 0))::text
         from pg_class c where c.oid = $1::regclass`,
      [target],
    );
  const attach = async () => {
    const manager = await synced.database.createRole('manager');
    await synced.admin.query(`select databricks_synced_table_add_manager('${target}', '${manager}');
      create index t${number}_name on ${target} (name); create view d.v${number} as select id, name from ${target};
      grant select on ${target}, d.v${number} to ${reader}; grant select (name) on ${target} to public;
      comment on column ${target}.name is 'what it is called'`);
    return manager;
  };
  /** Reads all the time, and fails if anything is seen but one of the states that are expected, as `count:sum(id)`. */
  const readAllTheTime = async () => {
    const client = await synced.database.connectAs(reader);
    const seen = new Set<string>();
    let isOver = false;
    const reading = (async () => {
      while (!isOver) {
        const { rows: answers } = await client.query<{ state: string }>(
          `select count(*) || ':' || sum(id) as state from ${target}`,
        );
        seen.add(answers[0]?.state ?? '');
        await sleep(2);
      }
    })();
    return {
      seen,
      end: async () => {
        isOver = true;
        await reading;
        await client.end();
      },
    };
  };

  it('changes policy, source, columns, rows and options, and keeps what people attached to it', async () => {
    await synced.load(target, { source: `d.s${number}`, policy: 'TRIGGERED' });
    await attach();
    const before = await attached();
    const reading = await readAllTheTime();

    // Settings alone: nothing is read or copied.
    expect(await alter(`scheduling_policy => 'SNAPSHOT', on_history_gap => 'refresh'`)).toMatchObject({
      state: 'COMPLETED',
      method: null,
    });
    expect(await synced.status(target)).toMatchObject({ state: 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE' });
    // A source that can be followed is followed from where the table is.
    await source.append(rows(100, 101));
    expect(await alter(`scheduling_policy => 'continuous', trigger_interval_ms => 50`)).toMatchObject({
      method: 'CHANGES',
      rows_written: '1',
    });
    await source.append(rows(101, 102));
    await eventually(async () => (await synced.value(`select count(*) from ${target}`)) === '102', 'it is followed');

    // Rows and columns of a table that is being followed.
    expect(await alter(`row_filter => 'id < 50', columns => array['id', 'name']`)).toMatchObject({
      method: 'SNAPSHOT',
      rows_written: '50',
    });
    await source.append(`select -1 as id, 'early' as name, 0 as seen union all select 200, 'late', 0`);
    await eventually(
      async () => (await synced.value(`select count(*) from ${target}`)) === '51',
      'the rows are chosen',
    );
    expect(
      await synced.value(
        `select count(*) from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped`,
        [target],
      ),
    ).toBe('2');

    // Another source, of compatible columns, and everything of it.
    const other = await synced.lake.createTable(
      `d.other${number}`,
      { ...columns, more: 'string' },
      `select *, 'm' as more from (${rows(0, 10)})`,
    );
    expect(
      await alter(`source_table_full_name => 'lake.d.other${number}', reset => array['row_filter', 'columns']`),
    ).toMatchObject({ rows_written: '10' });
    expect(await synced.rows(target, ['id', 'name', 'seen', 'more'])).toContainEqual(['3', 'n3', '3', 'm']);
    expect(await synced.status(target)).toMatchObject({ synced_version: '0', source_version: '0' });
    await other.append(`select *, 'm' as more from (${rows(10, 12)})`);
    await eventually(
      async () => (await synced.value(`select count(*) from ${target}`)) === '12',
      'the other one is followed',
    );

    // The key, while the column by which the table is partitioned is in it; and what only Postgres has.
    await alter(`primary_key_columns => array['name', 'id'], scheduling_policy => 'TRIGGERED', reset => array['trigger_interval_ms'],
      extra_columns => '[{"column_name": "loud", "column_type": "text", "compute": "upper(name)", "maintenance": "STORED_GENERATED"}]'`);
    expect(
      await synced.value(
        `select pg_get_constraintdef(oid) from pg_constraint where conrelid = $1::regclass and contype = 'p'`,
        [target],
      ),
    ).toBe('PRIMARY KEY (name, id)');
    expect(await synced.value(`select loud from ${target} where id = 3`)).toBe('N3');
    // Of rows with one key the latest is kept.
    await other.append(`select 3 as id, 'n3' as name, 99 as seen, 'newer' as more`);
    expect((await refusalOf(synced.sync(target))).code).toBe('PRIMARY_KEY_CONSTRAINT_VIOLATION');
    await alter(`timeseries_key => 'seen'`);
    expect(await synced.value(`select more from ${target} where id = 3`)).toBe('newer');
    expect(await synced.status(target)).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
      last_error_code: null,
    });
    await alter(`reset => array['timeseries_key'], row_filter => 'more = ''m'''`);

    await reading.end();
    const sum = (first: number, last: number) => ((last - first) * (first + last - 1)) / 2;
    expect([...reading.seen].sort()).toEqual(
      expect.arrayContaining([`100:${sum(0, 100)}`, `10:${sum(0, 10)}`, `12:${sum(0, 12)}`]),
    );
    const allowed = [100, 101, 102, 50, 10, 12].map((count) => `${count}:${sum(0, count)}`);
    expect([...reading.seen].filter((state) => ![...allowed, `51:${sum(0, 50) - 1}`].includes(state))).toEqual([]);
    expect(await attached()).toBe(before);
    expect(JSON.parse((await settings()) ?? '')).toMatchObject({
      policy: 'TRIGGERED',
      interval: null,
      source: `lake.d.other${number}`,
      key: ['name', 'id'],
      timeseries: null,
      columns: null,
      filter: `more = 'm'`,
      gap: 'refresh',
      failed: false,
      rows: 12,
    });
    expect(await synced.value(`select outcome from synced_tables.repair() where object = $1`, [target])).toBe('ok');
    expect(await synced.shadowTables()).toEqual([]);
    const { rows: verified } = await synced.admin.query(`select synced_tables.verify('${target}') as id`);
    expect(verified).toHaveLength(1);
  });

  it('is replaced for a key without the column that it is partitioned by, unless something depends on it', async () => {
    await synced.load(target, { source: `d.s${number}` });
    const manager = await attach();
    const before = [await settings(), await attached()];
    const refused = await refusalOf(alter(`primary_key_columns => array['name']`));
    expect(refused).toMatchObject({
      code: 'KEY_HAS_DEPENDENTS',
      message: expect.stringMatching(
        /partitioned by column "?id"?, which is not in the new primary key, .* view d\.v\d+ depends/,
      ),
    });
    expect([await settings(), await attached()]).toEqual(before);

    await synced.admin.query(`drop view d.v${number}`);
    const reading = await readAllTheTime();
    const former = await oid();
    await alter(`primary_key_columns => array['name']`);
    await reading.end();
    expect([...reading.seen]).toEqual(['100:4950']);
    expect(await oid()).not.toBe(former);
    expect(await synced.value(`select databricks_auth.can_manage($1::regclass, $2)`, [target, manager])).toBe('true');
    expect(await synced.value(`select to_regclass('d.t${number}_name') is not null`)).toBe('true');
    expect(await synced.status(target)).toMatchObject({ table_name: target, row_count: '100' });
    await source.append(rows(100, 103));
    expect(await synced.sync(target)).toMatchObject({ rows_written: '103' });
    expect(
      await synced.value('select count(*) from databricks_auth.synced_tables where synced_table::oid = $1', [former]),
    ).toBe('0');
  });

  it('refuses what a creation refuses, with the same codes, and changes nothing', async () => {
    await synced.lake.createTable(
      `d.twice${number}`,
      columns,
      `select * from (${rows(0, 5)}) union all select * from (${rows(0, 5)})`,
    );
    await synced.load(target, { source: `d.s${number}` });
    const manager = await attach();
    const before = [await settings(), await attached()];
    const refusals: [change: string, code: string][] = [
      [`scheduling_policy => 'SOMETIMES'`, 'SCHEDULING_POLICY_INVALID'],
      [`primary_key_columns => array['id', 'id']`, 'PRIMARY_KEY_DUPLICATE'],
      [`columns => array['name']`, 'COLUMNS_WITHOUT_KEY'],
      [`row_filter => ' '`, 'ROW_FILTER_INVALID'],
      [`timeseries_key => 'id'`, 'TIMESERIES_KEY_INVALID'],
      [`source_table_full_name => 'a.b'`, 'SOURCE_NAME_INVALID'],
      [`trigger_interval_ms => 1`, 'TRIGGER_INTERVAL_INVALID'],
      [`on_history_gap => 'shrug'`, 'ON_HISTORY_GAP_UNKNOWN'],
      [`extra_columns => '[{"column_name": "x"}]'`, 'TARGET_OPTION_INVALID'],
      [`reset => array['scheduling_policy']`, 'CHANGE_INVALID'],
      [`row_filter => null`, 'CHANGE_INVALID'],
      // Only the source tells.
      [`source_table_full_name => 'lake.d.nowhere'`, 'SOURCE_TABLE_NOT_FOUND'],
      [`source_table_full_name => 'nowhere.d.s'`, 'CATALOG_NOT_FOUND'],
      [`source_table_full_name => 'lake.d.twice${number}'`, 'PRIMARY_KEY_CONSTRAINT_VIOLATION'],
      [`primary_key_columns => array['id', 'gone']`, 'PRIMARY_KEY_COLUMN_NOT_FOUND'],
      [`row_filter => 'gone > 1'`, 'ROW_FILTER_INVALID'],
      [`primary_key_columns => array['id', 'seen'], row_filter => 'id / 0'`, 'ROW_FILTER_INVALID'],
      [`scheduling_policy => 'TRIGGERED'`, 'CHANGE_DATA_FEED_OFF'],
      [`extra_index_definitions => '[{"name": "i${number}", "definition": "(gone)"}]'`, 'EXTRA_DEFINITION_INVALID'],
    ];
    for (const [change, code] of refusals) {
      expect([change, (await refusalOf(alter(change))).code]).toEqual([change, code]);
      expect([change, await settings(), await attached()]).toEqual([change, ...before]);
    }
    expect(await synced.status(target)).toMatchObject({
      message: expect.stringMatching(
        /^Equal to .+ A change was refused and has changed nothing \(EXTRA_DEFINITION_INVALID\): see update [0-9a-f-]{36} in synced_tables\.updates\.$/,
      ),
    });
    expect(await synced.shadowTables()).toEqual([]);

    const asManager = await synced.database.connectAs(manager);
    const stranger = await synced.database.connectAs(await synced.database.createRole('stranger'));
    expect(await refusalOf(request(`row_filter => 'id > 1'`, asManager))).toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('may not change what synced table'),
    });
    await synced.wait(await request(`on_history_gap => 'refresh'`, asManager), asManager);
    expect((await refusalOf(request(`on_history_gap => 'fail'`, stranger))).sqlState).toBe('42501');
    expect(JSON.parse((await settings()) ?? '')).toMatchObject({ gap: 'refresh' });

    await synced.admin.query(`select synced_tables.set_schedule('${target}', '0 4 * * *')`);
    expect((await refusalOf(alter(`allow_file_diff => true, scheduling_policy => 'CONTINUOUS'`))).code).toBe(
      'SCHEDULE_ON_CONTINUOUS',
    );
  });

  it('gives a table that shares its pipeline one of its own for another policy', async () => {
    await synced.load(target, { source: `d.s${number}`, policy: 'TRIGGERED' });
    await synced.lake.createTable(`d.beside${number}`, columns, rows(0, 3));
    await synced.wait(
      await synced.create(`d.u${number}`, { source: `d.beside${number}`, policy: 'TRIGGERED', beside: target }),
    );
    const pipelines = () =>
      synced.rows(`synced_tables.status where synced_table in ('${target}', 'd.u${number}')`, [
        'synced_table',
        'pipeline_id',
        'scheduling_policy',
      ]);
    const [first, second] = await pipelines();
    await alter(`scheduling_policy => 'CONTINUOUS'`);
    const [moved, stayed] = await pipelines();
    expect(stayed).toEqual(second);
    expect([moved?.[1] === first?.[1], moved?.[2]]).toEqual([false, 'CONTINUOUS']);
    await source.append(rows(100, 105));
    await eventually(async () => (await synced.value(`select count(*) from ${target}`)) === '105', 'it is followed');
    await synced.sync(`d.u${number}`);
  });

  it('waits for the update that runs, and is canceled without a trace', async () => {
    const big = await synced.lake.createTable(`d.big${number}`, columns, rows(0, 300_000));
    await synced.load(target, { source: `d.big${number}`, policy: 'TRIGGERED' });
    await attach();
    const blocker = await synced.database.connect();

    // One that cannot switch yet, and a change behind it.
    await blocker.query(`begin; lock table ${target} in access share mode`);
    const running = await synced.requestSync(target, true);
    const waiting = await request(`row_filter => 'id < 1000'`);
    const later = await request(`columns => array['id', 'name']`);
    await eventually(async () => (await synced.status(target)).rows_done !== null, 'it loads');
    expect(
      await synced.value(
        'select count(*) from synced_tables.updates where update_id = any ($1::uuid[]) and state = $2',
        [[waiting, later], 'QUEUED'],
      ),
    ).toBe('2');
    expect((await synced.status(target)).row_count).toBe('300000');
    await blocker.query('commit');
    await synced.wait(running);
    await synced.wait(waiting);
    await synced.wait(later);
    expect(await synced.value(`select count(*) from ${target}`)).toBe('1000');
    expect(JSON.parse((await settings()) ?? '')).toMatchObject({ filter: 'id < 1000', columns: ['id', 'name'] });

    const before = [await settings(), await attached()];
    await blocker.query(`begin; lock table ${target} in access share mode`);
    const canceled = await request(`reset => array['row_filter']`);
    await eventually(async () => (await synced.status(target)).rows_done === '300000', 'it is loaded');
    expect(await synced.value(`select synced_tables.cancel_updates($1)`, [target])).toBe('1');
    expect((await refusalOf(synced.wait(canceled))).code).toBe('UPDATE_CANCELED');
    await blocker.query('commit');
    expect(await synced.value(`select synced_tables.cancel_updates($1)`, [target])).toBe('0');
    expect([await settings(), await attached()]).toEqual(before);
    await big.append(rows(300_000, 300_001));
    await synced.sync(target);
    expect(await synced.value(`select count(*) from ${target}`)).toBe('1000');
  });

  it('mends a table whose creation failed', async () => {
    await synced.lake.createTable(
      `d.pairs${number}`,
      columns,
      `select * from (${rows(0, 5)}) union all select id, name || '2' as name, seen from (${rows(0, 5)})`,
    );
    const created = await refusalOf(synced.load(target, { source: `d.pairs${number}` }));
    expect(created.code).toBe('PRIMARY_KEY_CONSTRAINT_VIOLATION');
    expect((await refusalOf(alter(`primary_key_columns => array['nope']`))).code).toBe('PRIMARY_KEY_COLUMN_NOT_FOUND');
    expect(await synced.status(target)).toMatchObject({
      state: 'SYNCED_TABLE_OFFLINE_FAILED',
      last_error_code: 'PRIMARY_KEY_CONSTRAINT_VIOLATION',
    });
    await alter(`primary_key_columns => array['id', 'name']`);
    expect(await synced.status(target)).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
      row_count: '10',
      last_error_code: null,
    });
  });

  it('survives a killed sidecar, with the old rows until another one has made the change', async () => {
    await synced.lake.createTable(`d.big${number}`, columns, rows(0, 300_001));
    await synced.load(target, { source: `d.big${number}` });
    await attach();
    await alter(`row_filter => 'id < 1000'`);
    const blocker = await synced.database.connect();
    await synced.stopSidecars();
    const killed = await synced.spawnSidecar({ leaseSeconds: 1.5 });
    const again = [await settings(), await attached()];
    await blocker.query(`begin; lock table ${target} in access share mode`);
    const update = await request(
      `reset => array['row_filter', 'columns'], scheduling_policy => 'TRIGGERED', allow_file_diff => true`,
    );
    await eventually(async () => (await synced.status(target)).rows_done !== null, 'it loads');
    await killed.kill();
    await blocker.query('commit; ');
    expect([JSON.parse((await settings()) ?? '').filter, await attached()]).toEqual(['id < 1000', again[1]]);
    expect(await synced.value(`select count(*) from ${target}`)).toBe('1000');
    await synced.startSidecar({ leaseSeconds: 1.5 });
    await synced.wait(update);
    expect(await synced.value(`select count(*) from ${target}`)).toBe('300001');
    expect(JSON.parse((await settings()) ?? '')).toMatchObject({ filter: null, columns: null, policy: 'TRIGGERED' });
    expect(await attached()).toBe(again[1]);
    await eventually(async () => (await synced.shadowTables()).length === 0, 'what the killed one left is swept');
  });
});
