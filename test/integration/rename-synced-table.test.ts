import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a synced table can be renamed and moved, by function and by plain SQL, at any time; its sync, its history and
// whatever refers to it go on, and nothing but a rename gets through with it.

const columns = { id: 'long', name: 'string' };
const rows = (first: number, last: number) => `select i as id, 'n' || i as name from range(${first}, ${last}) t(i)`;

describe.each(eitherPostgresServer(import.meta.url))('a synced table that is renamed on $name', (server) => {
  let synced: SyncedLake;
  let source: DeltaWriter;
  let number = 0;
  let old: string;
  let manager: string;

  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    manager = await synced.database.createRole('manager');
    await synced.admin.query(`create schema a; create schema b; grant usage on schema a, b to ${manager}`);
    await synced.startSidecar({ leaseSeconds: 1.5, pollSeconds: 1 });
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    number += 1;
    old = `a.t${number}`;
    source = await synced.lake.createTable(`d.s${number}`, columns, rows(0, 10));
  });

  const load = async (policy: 'SNAPSHOT' | 'TRIGGERED' | 'CONTINUOUS') => {
    await synced.load(old, { source: `d.s${number}`, policy });
    await synced.admin.query(`select databricks_synced_table_add_manager('${old}', '${manager}');
      create index t${number}_name on ${old} (name); create view a.v${number} as select * from ${old}`);
  };
  const rename = (to: string, client = synced.admin) =>
    client.query('select synced_tables.rename_synced_table($1, $2)', [old, to]);
  const count = (of: string) => synced.value(`select count(*) from ${of}`);
  const oid = (of: string) => synced.value('select to_regclass($1)::oid', [of]);

  it('goes on under its new name, with its schedule, history, managers, views and indexes', async () => {
    await load('TRIGGERED');
    await synced.admin.query(`select synced_tables.set_schedule('${old}', '0 4 * * *')`);
    const before = await oid(old);
    const pipeline = await synced.value('select pipeline_id from synced_tables.status where synced_table = $1', [old]);
    await rename(`b.moved${number}`);
    const now = `b.moved${number}`;
    expect(await oid(now)).toBe(before);
    expect(await oid(old)).toBeNull();
    expect(await synced.status(now)).toMatchObject({ table_name: now, row_count: '10' });
    expect(
      await synced.value(
        'select array[pipeline_id::text, synced_tables[1]]::text from synced_tables.schedules where pipeline_id = $1',
        [pipeline],
      ),
    ).toBe(`{${pipeline},${now}}`);
    expect(await synced.value('select count(*) from synced_tables.updates where synced_table = $1', [now])).toBe('1');
    expect(
      await synced.value(
        `select string_agg(event_type, ',' order by event_id) from synced_tables.events where synced_table = $1`,
        [now],
      ),
    ).toMatch(/^synced_table_created,table_synced,.*synced_table_renamed/);
    expect(await synced.value(`select databricks_auth.can_manage($1::regclass, $2)`, [now, manager])).toBe('true');
    expect(await count(`a.v${number}`)).toBe('10');
    expect(await synced.value(`select name from synced_tables._pipelines where pipeline_id = $1`, [pipeline])).toBe(
      `Synced table: ${now}`,
    );

    await source.append(rows(10, 12));
    expect(await synced.sync(now)).toMatchObject({ state: 'COMPLETED', rows_written: '2' });
    expect(await synced.sync(now, true)).toMatchObject({ method: 'SNAPSHOT', rows_written: '12' });
    expect(await oid(now)).toBe(before);
    // Managers index it where it is now, and the rights where it was are gone.
    const asManager = await synced.database.connectAs(manager);
    await asManager.query(`create index t${number}_again on ${now} (name, id)`);
    expect(
      await synced.value(
        `select count(*) from pg_namespace n, aclexplode(n.nspacl) x join pg_roles r on r.oid = x.grantee
      join databricks_auth.synced_tables s on s.owner_role = r.rolname where n.nspname = 'a' and s.synced_table = $1::regclass`,
        [now],
      ),
    ).toBe('0');
    expect(await synced.value(`select outcome from synced_tables.repair() where object = $1`, [now])).toBe('ok');
  });

  it('is renamed by plain SQL of its managers, of superusers and of who owns the schema, and by nothing else', async () => {
    await load('SNAPSHOT');
    const asManager = await synced.database.connectAs(manager);
    const before = await oid(old);
    for (const [statement, now] of [
      [`alter table ${old} rename to "Other${number}"`, `a."Other${number}"`],
      [`  -- back again\n ALTER TABLE IF EXISTS a."Other${number}" RENAME TO u${number} ;`, `a.u${number}`],
    ] as const) {
      await asManager.query(statement);
      expect(await oid(now)).toBe(before);
      expect(await synced.status(now)).toMatchObject({ table_name: now });
    }
    const refused = async (statement: string, client = asManager) =>
      (await refusalOf(client.query(statement))).sqlState;
    const now = `a.u${number}`;
    expect(await refused(`alter table ${now} set schema b`)).toBe('42501');
    for (const statement of [
      `alter table ${now} add column more text`,
      `alter table ${now} rename column name to other`,
      `alter table ${now} rename to x; alter table a.x add column more text`,
      `alter table ${now} rename to x; select 1`,
      `do $$ begin alter table ${now} rename to x; end $$`,
      `alter table ${now} owner to ${manager}`,
      `alter table ${now} rename to "with space"`,
      `alter table ${now} rename to v${number}`,
    ])
      expect([statement, await refused(statement)]).toEqual([
        statement,
        expect.stringMatching(/^(42501|42602|42P07)$/),
      ]);
    expect((await refusalOf(asManager.query(`do $$ begin alter table ${now} rename to x; end $$`))).hint).toContain(
      'synced_tables.rename_synced_table',
    );
    await synced.admin.query(`grant create on schema b to ${manager}`);
    await asManager.query(`alter table ${now} set schema b`);
    expect(await synced.status(`b.u${number}`)).toMatchObject({ table_name: `b.u${number}` });
    expect((await refusalOf(synced.admin.query(`alter table b.u${number} add column more text`))).sqlState).toBe(
      '0A000',
    );
    await synced.admin.query(`alter table b.u${number} rename to w${number}`);
    expect(await synced.status(`b.w${number}`)).toMatchObject({ row_count: '10' });
    expect(await synced.value(`select outcome from synced_tables.repair() where object = $1`, [`b.w${number}`])).toBe(
      'ok',
    );

    // A schema with everything in it.
    const owner = await synced.database.createRole('owner');
    await synced.admin.query(`create schema c${number} authorization ${owner}; alter table b.w${number} set schema c${number};
      grant create on database ${await synced.value('select quote_ident(current_database())')} to ${owner}`);
    const asOwner = await synced.database.connectAs(owner);
    await asOwner.query(`alter schema c${number} rename to e${number}`);
    expect(await oid(`e${number}.w${number}`)).toBe(before);
    await source.append(rows(10, 11));
    expect(await synced.sync(`e${number}.w${number}`)).toMatchObject({ rows_written: '11' });
    expect(await refused(`alter schema e${number} rename to synced_tables_2`, asManager)).toBe('42501');
  });

  it('is refused a name that it cannot have', async () => {
    await load('SNAPSHOT');
    await synced.admin.query(`create table a.taken${number} (id int); create table b.t${number}_name (id int)`);
    for (const [to, code] of [
      [`a.taken${number}`, 'TARGET_TABLE_EXISTS'],
      [`b.x${number}`, 'TARGET_TABLE_EXISTS'], // its index would not fit
      [`taken${number}`, 'TARGET_TABLE_EXISTS'],
      [`nowhere.t`, 'SCHEMA_MISSING'],
      [`pg_catalog.t`, 'SCHEMA_RESERVED'],
      [`a."with space"`, 'SYNCED_TABLE_NAME_INVALID'],
      [`a.b.c`, 'SYNCED_TABLE_NAME_INVALID'],
    ] as const)
      expect([to, (await refusalOf(rename(to))).code]).toEqual([to, code]);
    const stranger = await synced.database.connectAs(await synced.database.createRole('stranger'));
    expect((await refusalOf(rename(`a.z${number}`, stranger))).sqlState).toBe('42501');
    expect(await synced.status(old)).toMatchObject({ table_name: old });
  });

  it('is renamed while it is followed, loaded and switched, and before its first load', async () => {
    await load('CONTINUOUS');
    for (let round = 0; round < 5; round++) {
      const next = round % 2 === 0 ? `b.r${number}_${round}` : `a.r${number}_${round}`;
      await source.append(rows(10 + round, 11 + round));
      await rename(next);
      old = next;
      await eventually(async () => (await count(old)) === `${11 + round}`, `it is followed as ${old}`);
    }
    const blocker = await synced.database.connect();
    await blocker.query(`begin; lock table ${old} in access share mode`);
    const refresh = await synced.requestSync(old, true);
    await eventually(async () => (await synced.status(old)).rows_done !== null, 'it loads');
    const renaming = rename(`a.late${number}`);
    await blocker.query('commit');
    await renaming;
    old = `a.late${number}`;
    await synced.wait(refresh);
    expect(await synced.update(refresh)).toMatchObject({ synced_table: old, state: 'COMPLETED' });
    expect(await count(old)).toBe('15');

    await synced.stopSidecars();
    const first = await synced.create(`a.first${number}`, { source: `d.s${number}` });
    await synced.admin.query('select synced_tables.rename_synced_table($1, $2)', [
      `a.first${number}`,
      `second${number}`,
    ]);
    await synced.startSidecar({ leaseSeconds: 1.5 });
    await synced.wait(first);
    expect(await count(`a.second${number}`)).toBe('15');
    expect(await oid(`a.first${number}`)).toBeNull();
  });

  it('is read on by flows, and found again where no event trigger told of its name', async () => {
    await load('TRIGGERED');
    await synced.admin.query(`select synced_tables.create_streaming_table('a.stream${number}');
      select synced_tables.apply_changes('a.stream${number}', source => '${old}', keys => array['id'], sequence_by => 'id')`);
    const pipeline = await synced.value('select pipeline_id from synced_tables.status where synced_table = $1', [
      `a.stream${number}`,
    ]);
    const start = async () =>
      synced.wait((await synced.value('select synced_tables.start_update($1)', [pipeline])) ?? '');
    await start();
    expect(await count(`a.stream${number}`)).toBe('10');
    await rename(`b.read${number}`);
    await source.append(rows(10, 12));
    await synced.sync(`b.read${number}`);
    await start();
    expect(await count(`a.stream${number}`)).toBe('12');

    await synced.admin.query(`alter event trigger databricks_auth_careful disable; alter event trigger databricks_auth_3_kind disable;
      alter table b.read${number} rename to silent${number};
      alter event trigger databricks_auth_careful enable always; alter event trigger databricks_auth_3_kind enable always`);
    await source.append(rows(12, 13));
    await synced.sync(`b.read${number}`);
    expect(await count(`b.silent${number}`)).toBe('13');
    expect(await synced.value('select synced_tables_internal._adopt_names()')).toMatch(/^[01]$/);
    expect(await synced.status(`b.silent${number}`)).toMatchObject({ row_count: '13' });
  });
});
