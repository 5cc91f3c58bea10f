import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, type ApiReply, createToken } from '../support/api-client.js';
import type { DeltaWriter } from '../support/delta-writer.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { runCli } from '../support/run-cli.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: a synced table is changed, renamed and freed of its updates over HTTP as in SQL: as the caller, in place, with
// everything people attached to it, and a refusal names its code and the field.

const run = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).status === 0;
const TABLES = '/api/2.0/synced-tables/tables';
const columns = { id: 'long', name: 'string', region: 'string' };
const rows = (first: number, last: number) =>
  `select i as id, 'n' || i as name, case when i < 4 then 'EU' else 'US' end as region from range(${first}, ${last}) t(i)`;

describe.each(eitherPostgresServer(import.meta.url))('changing tables over HTTP on $name', (server) => {
  let synced: SyncedLake;
  let source: DeltaWriter;
  let database: string;
  let owner: ApiClient;
  let keeper: ApiClient;
  let manager: ApiClient;
  let reader: ApiClient;
  let stranger: ApiClient;
  let nobody: ApiClient;
  const roles = { owner: '', manager: '', reader: '', keeper: '' };
  let keeperToken: string;
  const path = (rest = '', table = 'o.orders') => `${TABLES}/${database}.${table}${rest}`;
  const patch = (client: ApiClient, body: unknown, table?: string) => client.send('PATCH', path('', table), body);
  const reasonOf = ({ status, body }: ApiReply) => [status, body.details?.[0].reason];
  const fieldOf = ({ body }: ApiReply) =>
    body.details.find((detail: object) => 'field_violations' in detail)?.field_violations[0].field;
  const oid = (table = 'o.orders') => synced.value('select to_regclass($1)::oid', [table]);
  /** What people attached to the table. */
  const attached = (table: string) =>
    synced.value(
      `select jsonb_build_object('oid', c.oid, 'rights', c.relacl, 'indexes',
                (select jsonb_agg(pg_get_indexdef(i.indexrelid) order by i.indexrelid) from pg_index i where i.indrelid = c.oid and not i.indisprimary),
                'view', pg_get_viewdef('o.few'::regclass), 'managers',
                (select jsonb_agg(m.manager) from databricks_auth.managers m where m.synced_table = c.oid))::text
         from pg_class c where c.oid = $1::regclass`,
      [table],
    );

  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    const { admin } = synced;
    database = (await synced.value('select current_database()')) ?? '';
    source = await synced.lake.createTable('o.orders', columns, rows(0, 10));
    const { url } = await synced.startSidecar({ pollSeconds: 1 });
    for (const name of ['owner', 'manager', 'reader'] as const) roles[name] = await synced.database.createRole(name);
    roles.keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    keeperToken = await createToken(synced, roles.keeper);
    keeper = new ApiClient(url, keeperToken);
    const clientOf = async (role: string) => new ApiClient(url, await createToken(synced, role));
    owner = await clientOf(roles.owner);
    manager = await clientOf(roles.manager);
    reader = await clientOf(roles.reader);
    stranger = await clientOf(await synced.database.createRole('stranger'));
    nobody = new ApiClient(url);
    await admin.query(`grant databricks_superuser to ${roles.owner}; create schema o;
      grant create, usage on schema o to ${roles.owner}, ${roles.keeper}`);
    const made = await owner.post(TABLES, {
      name: `${database}.o.orders`,
      source_table_full_name: 'lake.o.orders',
      primary_key_columns: ['id'],
      scheduling_policy: 'SNAPSHOT',
    });
    await synced.wait(made.body.update_id);
    await admin.query(`select databricks_synced_table_add_manager('o.orders', '${roles.manager}');
      grant usage on schema o to ${roles.reader}; grant select on o.orders to ${roles.reader};
      create index orders_by_name on o.orders (name);
      create view o.few as select id, name from o.orders where id < 3`);
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  /** Waits for the change that a reply tells of. */
  const made = async (reply: ApiReply) => {
    expect(reply).toMatchObject({ status: 200, body: { update_id: expect.any(String) } });
    await synced.wait(reply.body.update_id);
    return synced.update(reply.body.update_id);
  };

  describe('PATCH', () => {
    it('changes settings and rows in place, and keeps what people attached to the table', async () => {
      const before = await attached('o.orders');
      const { pipeline } = (await keeper.get(path())).body;
      const settings = await patch(owner, { scheduling_policy: 'TRIGGERED', allow_file_diff: true });
      expect(settings.body.pipeline_id).toBe(pipeline.pipeline_id);
      expect(await made(settings)).toMatchObject({ state: 'COMPLETED' });
      await source.append(rows(10, 12));
      expect(await synced.sync('o.orders')).toMatchObject({ method: 'CHANGES', rows_written: '2' });

      expect(await made(await patch(owner, { row_filter: `region = 'EU'`, columns: ['id', 'name'] }))).toMatchObject({
        method: 'SNAPSHOT',
        rows_written: '4',
      });
      expect((await keeper.get(path())).body).toMatchObject({
        row_filter: `region = 'EU'`,
        columns: ['id', 'name'],
        row_count: 4,
        policy: 'TRIGGERED',
      });
      expect((await keeper.get(`/api/2.0/database/synced_tables/${database}.o.orders`)).body.spec).toMatchObject({
        row_filter: `region = 'EU'`,
        scheduling_policy: 'TRIGGERED',
      });
      expect(await made(await patch(keeper, { reset: ['row_filter', 'columns'] }))).toMatchObject({
        rows_written: '12',
      });
      expect((await keeper.get(path())).body).toMatchObject({ row_filter: null, columns: null, row_count: 12 });
      expect(await attached('o.orders')).toBe(before);
    });

    it('reads settings by the names under which they are changed, and checks a change together with all of them', async () => {
      const id = await synced.value(
        `select synced_tables.create_synced_table('o.by_sql', 'lake.o.orders', array['id'], 'TRIGGERED',
           allow_file_diff => true, invalid_characters => 'strip')`,
      );
      await synced.wait(id ?? '');
      const settings = (client: ApiClient) => client.get(path('/settings', 'o.by_sql'));
      expect((await settings(keeper)).body).toEqual({
        source_table_full_name: 'lake.o.orders',
        primary_key_columns: ['id'],
        scheduling_policy: 'TRIGGERED',
        timeseries_key: null,
        columns: null,
        row_filter: null,
        invalid_characters: 'strip',
        allow_file_diff: true,
        on_history_gap: 'fail',
        accelerated_sync: false,
        type_overrides: [],
        extra_columns: [],
        extra_index_definitions: [],
        trigger_interval_ms: null,
      });
      expect(await settings(stranger)).toMatchObject({ status: 404 });
      expect((await keeper.get(path('', 'o.by_sql'))).body.may).toMatchObject({ manage: true, change_rows: true });
      expect((await manager.get(path())).body.may).toMatchObject({ manage: true, change_rows: false });
      // The source records no changes; that files are compared was said when it was created.
      await made(await patch(keeper, { columns: ['id', 'name'] }, 'o.by_sql'));
      expect((await settings(keeper)).body).toMatchObject({ columns: ['id', 'name'], allow_file_diff: true });
      await synced.admin.query(`select synced_tables.delete_synced_table('o.by_sql', purge => true)`);
    });

    it('takes a table of another key in its place only while nothing depends on it', async () => {
      const former = await oid();
      const { body } = await patch(keeper, { primary_key_columns: ['name'] });
      await expect(synced.wait(body.update_id)).rejects.toThrow(/view o\.few depends/);
      expect((await keeper.get(`${path('/updates')}/${body.update_id}`)).body).toMatchObject({
        state: 'FAILED',
        error_code: 'KEY_HAS_DEPENDENTS',
      });
      expect(await oid()).toBe(former);
      // The column that it is partitioned by is in this one.
      await made(await patch(keeper, { primary_key_columns: ['name', 'id'] }));
      expect((await keeper.get(path())).body).toMatchObject({ key_columns: ['name', 'id'] });
      await made(await patch(keeper, { primary_key_columns: ['id'] }));
      expect(await oid()).toBe(former);
    });

    it('lets managers change how it is synced, and only its creator and administrators what it shows', async () => {
      expect(await made(await patch(manager, { on_history_gap: 'refresh' }))).toMatchObject({ state: 'COMPLETED' });
      expect(reasonOf(await patch(manager, { row_filter: 'id > 1' }))).toEqual([403, 'PERMISSION_DENIED']);
      expect(reasonOf(await patch(manager, { on_history_gap: 'fail', columns: ['id'] }))).toEqual([
        403,
        'PERMISSION_DENIED',
      ]);
      expect(reasonOf(await patch(reader, { on_history_gap: 'fail' }))).toEqual([403, 'ACCESS_DENIED']);
      expect(reasonOf(await patch(stranger, { on_history_gap: 'fail' }))).toEqual([404, 'SYNCED_TABLE_NOT_FOUND']);
      expect(await patch(nobody, { on_history_gap: 'fail' })).toMatchObject({ status: 401 });
      expect(await synced.value('select on_history_gap from synced_tables._tables')).toBe('refresh');
      expect(
        await synced.value(`select role_name from synced_tables.audit
          where action = 'alter_synced_table' and door = 'HTTP' order by occurred_at desc limit 1`),
      ).toBe(roles.manager);
    });

    it.each<[change: unknown, status: number, reason: string, field?: string]>([
      [{}, 400, 'CHANGE_INVALID'],
      [{ policy: 'TRIGGERED' }, 400, 'CHANGE_INVALID'],
      [{ reset: ['row_filter'], row_filter: 'id > 1' }, 400, 'CHANGE_INVALID'],
      [{ reset: ['scheduling_policy'] }, 400, 'REQUEST_INVALID', 'reset.0'],
      [{ scheduling_policy: 'SOMETIMES' }, 400, 'REQUEST_INVALID', 'scheduling_policy'],
      [{ columns: 'id' }, 400, 'REQUEST_INVALID', 'columns'],
      [{ columns: ['name'] }, 400, 'COLUMNS_WITHOUT_KEY', 'columns'],
      [{ primary_key_columns: ['id', 'id'] }, 400, 'PRIMARY_KEY_DUPLICATE', 'primary_key_columns'],
      [{ primary_key_columns: ['gone'] }, 400, 'PRIMARY_KEY_COLUMN_NOT_FOUND', 'primary_key_columns'],
      [{ row_filter: 'gone > 1' }, 400, 'ROW_FILTER_INVALID', 'row_filter'],
      [{ source_table_full_name: 'a.b' }, 400, 'SOURCE_NAME_INVALID', 'source_table_full_name'],
      [{ source_table_full_name: 'lake.o.nowhere' }, 404, 'SOURCE_TABLE_NOT_FOUND', 'source_table_full_name'],
      [{ trigger_interval_ms: 1 }, 400, 'TRIGGER_INTERVAL_INVALID', 'trigger_interval_ms'],
      [{ on_history_gap: 'shrug' }, 400, 'REQUEST_INVALID', 'on_history_gap'],
      [{ scheduling_policy: 'TRIGGERED', allow_file_diff: false }, 400, 'CHANGE_DATA_FEED_OFF', 'scheduling_policy'],
      ['{', 400, 'REQUEST_INVALID'],
    ])('refuses %j at once', async (change, status, reason, field) => {
      const updates = await synced.value('select count(*) from synced_tables.updates');
      const reply = await patch(keeper, change);
      expect([...reasonOf(reply), fieldOf(reply)]).toEqual([status, reason, field]);
      // Words for whoever sends requests, not for psql.
      expect(reply.body.message).not.toMatch(/=>|SELECT synced/);
      expect(await synced.value('select count(*) from synced_tables.updates')).toBe(updates);
    });
  });

  describe('rename', () => {
    const rename = (client: ApiClient, table: string, newName: unknown) =>
      client.post(path('/rename', table), { new_name: newName });

    it('gives another name and schema, in two parts or three, and the table goes on', async () => {
      const before = await attached('o.orders');
      await synced.admin.query(`create schema p; grant create, usage on schema p to ${roles.keeper}`);
      expect(await rename(owner, 'o.orders', 'o.purchases')).toEqual(
        expect.objectContaining({ status: 200, body: { name: `${database}.o.purchases` } }),
      );
      expect(await keeper.get(path())).toMatchObject({ status: 404 });
      expect(await rename(keeper, 'o.purchases', `${database}.p.purchases`)).toMatchObject({ status: 200 });
      expect(await keeper.get(path('', 'p.purchases'))).toMatchObject({ status: 200, body: { row_count: 12 } });
      expect(JSON.parse((await attached('p.purchases')) ?? '')).toEqual({
        ...JSON.parse(before ?? ''),
        indexes: ['CREATE INDEX orders_by_name ON ONLY p.purchases USING btree (name)'],
        view: expect.stringContaining('p.purchases'),
      });
      await source.append(rows(12, 13));
      expect(await synced.sync('p.purchases')).toMatchObject({ rows_written: '1' });
      expect((await keeper.get(path('/updates', 'p.purchases'))).body.updates.length).toBeGreaterThan(5);
    });

    it('is for the creator, managers and administrators, and another schema takes CREATE on it', async () => {
      expect(reasonOf(await rename(manager, 'p.purchases', 'o.orders'))).toEqual([403, 'PERMISSION_DENIED']);
      expect(await rename(manager, 'p.purchases', 'p.orders')).toMatchObject({ status: 200 });
      await synced.admin.query(`grant create on schema o to ${roles.manager}`);
      expect(await rename(manager, 'p.orders', 'o.orders')).toMatchObject({ status: 200 });
      expect(reasonOf(await rename(reader, 'o.orders', 'o.mine'))).toEqual([403, 'ACCESS_DENIED']);
      expect(reasonOf(await rename(stranger, 'o.orders', 'o.mine'))).toEqual([404, 'SYNCED_TABLE_NOT_FOUND']);
      expect(await rename(nobody, 'o.orders', 'o.mine')).toMatchObject({ status: 401 });
    });

    it('refuses names that it cannot have, and says so of the field', async () => {
      await synced.admin.query('create table o.taken (id int)');
      for (const [name, status, reason] of [
        ['o.taken', 409, 'TARGET_TABLE_EXISTS'],
        ['nowhere.orders', 404, 'SCHEMA_MISSING'],
        ['synced_tables.orders', 400, 'SCHEMA_RESERVED'],
        ['orders', 400, 'API_NAME_INVALID'],
        ['o.with space', 400, 'API_NAME_INVALID'],
        ['elsewhere.o.orders', 400, 'CATALOG_FIXED'],
        ['', 400, 'API_NAME_INVALID'],
        [undefined, 400, 'FIELD_MISSING'],
      ] as const) {
        const reply = await rename(keeper, 'o.orders', name);
        expect([name, reply.status, reply.body.details[0].reason, fieldOf(reply)]).toEqual([
          name,
          status,
          reason,
          'new_name',
        ]);
      }
      expect(await keeper.get(path())).toMatchObject({ status: 200 });
    });

    it('keeps the standard catalog of a table, whose names are unique', async () => {
      const spec = {
        source_table_full_name: 'lake.o.orders',
        primary_key_columns: ['id'],
        scheduling_policy: 'SNAPSHOT',
      };
      for (const name of ['main.o.first', 'main.o.second']) {
        const body = { name, database_instance_name: 'local', logical_database_name: database, spec };
        expect(await keeper.post('/api/2.0/database/synced_tables', body)).toMatchObject({ status: 200 });
      }
      const to = (name: string, from: string) => keeper.post(`${TABLES}/${from}/rename`, { new_name: name });
      expect(reasonOf(await to('o.second', 'main.o.first'))).toEqual([409, 'SYNCED_TABLE_EXISTS']);
      expect(reasonOf(await to('o.Second', `${database}.o.first`))).toEqual([409, 'SYNCED_TABLE_EXISTS']);
      expect(await to('o.third', 'main.o.first')).toMatchObject({ status: 200, body: { name: 'main.o.third' } });
      // Another spelling of its own name is free.
      expect(await to('main.o.Third', `${database}.o.third`)).toMatchObject({ status: 200 });
      expect(await keeper.get('/api/2.0/database/synced_tables/main.o.Third')).toMatchObject({
        status: 200,
        body: { name: 'main.o.Third' },
      });
    });
  });

  describe('a creator who is in databricks_superuser no longer', () => {
    const role = () => roles.owner;
    beforeAll(() => synced.admin.query(`revoke databricks_superuser from ${role()}`));
    afterAll(() => synced.admin.query(`grant databricks_superuser to ${role()}`));

    it('changes and renames what is his over HTTP, in SQL and on the command line', async () => {
      expect(
        await made(
          await patch(owner, { scheduling_policy: 'TRIGGERED', allow_file_diff: true, columns: ['id', 'name'] }),
        ),
      ).toMatchObject({ state: 'COMPLETED' });
      expect((await owner.get(path())).body).toMatchObject({ columns: ['id', 'name'], policy: 'TRIGGERED' });
      const session = await synced.database.connectAs(role());
      await synced.wait(
        (await session.query(`select synced_tables.alter_synced_table('o.orders', reset => array['columns']) as id`))
          .rows[0].id,
        session,
      );
      await session.query(`select synced_tables.rename_synced_table('o.orders', 'o.his')`);
      expect((await session.query('select synced_table from synced_tables.status')).rows).toEqual([
        { synced_table: 'o.his' },
      ]);
      expect(await owner.post(path('/rename', 'o.his'), { new_name: 'o.orders' })).toMatchObject({ status: 200 });
      const { update_id: update } = (await owner.post(path('/sync'))).body;
      await synced.wait(update);
      expect(await owner.post(path('/cancel'))).toMatchObject({ status: 200 });
      await synced.admin.query(`alter role ${role()} login password 'his'`);
      const url = new URL(synced.database.url);
      url.username = role();
      url.password = 'his';
      const cli = (...args: string[]) => runCli(args, { DATABASE_URL: url.href });
      expect(await cli('alter', 'o.orders', '--policy', 'SNAPSHOT')).toMatchObject({ end: 0 });
      expect(await cli('rename', 'o.orders', 'o.orders2')).toMatchObject({ end: 0, stderr: '' });
      expect(await cli('rename', 'o.orders2', 'o.orders')).toMatchObject({ end: 0, stderr: '' });
    });

    it('and reads no other source, and nothing that is of others', async () => {
      await synced.lake.createTable('o.secret', columns, rows(0, 3));
      for (const source of ['lake.o.secret', 'lake.o.nowhere']) {
        expect(reasonOf(await patch(owner, { source_table_full_name: source }))).toEqual([403, 'PERMISSION_DENIED']);
      }
      await synced.load('o.theirs', { source: 'o.orders' });
      const theirs = path('', 'o.theirs');
      expect(reasonOf(await patch(owner, { on_history_gap: 'fail' }, 'o.theirs'))).toEqual([
        404,
        'SYNCED_TABLE_NOT_FOUND',
      ]);
      await synced.admin.query(`grant select on o.theirs to ${role()}`);
      expect(reasonOf(await patch(owner, { on_history_gap: 'fail' }, 'o.theirs'))).toEqual([403, 'PERMISSION_DENIED']);
      expect(reasonOf(await owner.post(`${theirs}/rename`, { new_name: 'o.mine' }))).toEqual([
        403,
        'PERMISSION_DENIED',
      ]);
      expect(reasonOf(await owner.post(`${theirs}/cancel`))).toEqual([403, 'PERMISSION_DENIED']);
      expect(
        await owner.post(TABLES, {
          name: `${database}.o.more`,
          source_table_full_name: 'lake.o.orders',
          primary_key_columns: ['id'],
        }),
      ).toMatchObject({ status: 403 });
    });

    it('has no right left when his last table has gone, so that the role can be dropped', async () => {
      const leaver = await synced.database.createRole('leaver', 'databricks_superuser');
      await synced.admin.query(`grant create, usage on schema o to ${leaver}`);
      const session = await synced.database.connectAs(leaver);
      await synced.wait(await synced.create('o.first', { source: 'o.orders' }, session));
      await synced.wait(await synced.create('o.last', { source: 'o.orders' }, session));
      await synced.admin.query(`revoke databricks_superuser from ${leaver}`);
      const purge = (table: string) =>
        session.query(`select synced_tables.delete_synced_table($1, purge => true)`, [table]);
      await purge('o.first');
      await session.query(`select synced_tables.sync_now('o.last')`);
      await purge('o.last');
      await expect(session.query(`select synced_tables.sync_now('o.last')`)).rejects.toMatchObject({ code: '42501' });
      await session.end();
      await synced.admin.query(`revoke create, usage on schema o from ${leaver}; drop role ${leaver}`);
    });
  });

  describe('cancel', () => {
    it('ends what runs and waits, and the table keeps its rows', async () => {
      expect(await keeper.post(path('/cancel'))).toMatchObject({ status: 200, body: { canceled: 0 } });
      const blocker = await synced.database.connect();
      await blocker.query('begin; lock table o.orders in access share mode');
      try {
        const running = (await owner.post(path('/sync'), { full_refresh: true })).body.update_id;
        const stateOf = (id: string) =>
          synced.value('select state from synced_tables.updates where update_id = $1', [id]);
        await eventually(async () => (await stateOf(running)) === 'RUNNING', 'it runs');
        const waiting = (await patch(owner, { columns: ['id'] })).body.update_id;
        for (const [client, refused] of [
          [reader, [403, 'ACCESS_DENIED']],
          [stranger, [404, 'SYNCED_TABLE_NOT_FOUND']],
          [nobody, [401, 'UNAUTHENTICATED']],
        ] as const) {
          expect(reasonOf(await client.post(path('/cancel')))).toEqual(refused);
        }
        expect(await manager.post(path('/cancel'))).toMatchObject({ status: 200, body: { canceled: 2 } });
        expect([await stateOf(running), await stateOf(waiting)]).toEqual(['CANCELED', 'CANCELED']);
        expect((await keeper.get(`${path('/updates')}/${waiting}`)).body).toMatchObject({
          state: 'CANCELED',
          error_code: 'UPDATE_CANCELED',
          message: expect.stringContaining(roles.manager),
        });
      } finally {
        await blocker.query('rollback');
      }
      expect((await keeper.get(path())).body).toMatchObject({ row_count: 13, columns: null });
      expect(await synced.sync('o.orders', true)).toMatchObject({ rows_written: '13' });
    });
  });

  it('is described in the OpenAPI document', async () => {
    const { paths } = (await nobody.get('/openapi.json')).body;
    const body = (operation: { requestBody: { content: Record<string, { schema: { properties: object } }> } }) =>
      Object.keys(operation.requestBody.content['application/json']?.schema.properties ?? {});
    const { rows: parameters } = await synced.admin.query<{ name: string }>(
      `select unnest(proargnames) as name from pg_proc where oid = (select max(oid) from pg_proc
        where proname = 'alter_synced_table' and pronamespace = 'synced_tables'::regnamespace)`,
    );
    const names = parameters.map(({ name }) => name).filter((name) => name !== 'synced_table');
    expect(names.length).toBeGreaterThan(12);
    expect(body(paths[`${TABLES}/{name}`].patch).sort()).toEqual(names.sort());
    expect(body(paths[`${TABLES}/{name}/rename`].post)).toEqual(['new_name']);
    expect(paths[`${TABLES}/{name}/cancel`].post).toMatchObject({ summary: expect.stringContaining('Cancel') });
  });

  it.skipIf(!hasCurl)('takes what curl sends', async () => {
    const curl = async (...args: string[]) => {
      const { stdout } = await run('curl', ['-sS', '-H', `Authorization: Bearer ${keeperToken}`, ...args]);
      return JSON.parse(stdout);
    };
    const address = `${keeper.url}${path()}`;
    const { update_id: update } = await curl('-X', 'PATCH', '-d', '{"accelerated_sync": true}', address);
    await synced.wait(update);
    expect(
      await synced.value(`select accelerated_sync from synced_tables._tables where synced_table = 'o.orders'`),
    ).toBe('true');
    expect(await curl('-X', 'POST', '-d', '{"new_name": "o.curled"}', `${address}/rename`)).toEqual({
      name: `${database}.o.curled`,
    });
    expect(await curl('-X', 'POST', `${keeper.url}${path('/cancel', 'o.curled')}`)).toEqual({ canceled: 0 });
  });
});
