import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, type ApiReply, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: pipelines of flows are made, read, changed, run and deleted over HTTP, with the rights of the caller and
// nothing of the machine told to anybody.

const PIPELINES = '/api/2.0/pipelines';
const reasonOf = ({ body }: ApiReply) => body.details?.[0]?.reason;

/** A streaming table that is filled from an append-only table of the lakehouse. */
function flow(table: string, condition = `op = "D"`): string {
  return `CREATE OR REFRESH STREAMING TABLE ${table};
CREATE FLOW fill_${table} AS AUTO CDC INTO ${table} FROM stream(lake.bronze.events)
  KEYS (id) APPLY AS DELETE WHEN ${condition} SEQUENCE BY seq COLUMNS * EXCEPT (op, seq);`;
}

describe.each(eitherPostgresServer(import.meta.url))('pipelines of flows over HTTP on $name', (server) => {
  let synced: SyncedLake;
  let folder: string;
  let api: ApiClient;
  let keeper: string;
  let database: string;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    folder = path.join(synced.folder, 'pipelines');
    mkdirSync(path.join(folder, 'Users/ada'), { recursive: true });
    await synced.lake.createTable(
      'bronze.events',
      { id: 'long', v: 'string', op: 'string', seq: 'long' },
      `select i as id, 'v' || i as v, 'U' as op, i as seq from range(5) t(i) union all select 1, null, 'D', 9`,
    );
    const { url } = await synced.startSidecar({ pipelineFolder: folder });
    keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    api = new ApiClient(url, await createToken(synced, keeper));
    database = (await synced.value('select current_database()')) ?? '';
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  const run = async (id: string, body: object = {}) => {
    const started = await api.post(`${PIPELINES}/${id}/updates`, body);
    expect(started).toMatchObject({ status: 200 });
    const update = async () =>
      (await api.get(`${PIPELINES}/${id}/updates/${started.body.update_id}`)).body.update.state;
    await expect.poll(update, { timeout: 60_000 }).toBe('COMPLETED');
  };
  const create = async (name: string, more: object = {}) => {
    const reply = await api.post(PIPELINES, { name, catalog: database, schema: 'silver', sql: flow(name), ...more });
    expect(reply).toMatchObject({ status: 200, body: { pipeline_id: expect.stringMatching(/^[0-9a-f-]{36}$/) } });
    return reply.body.pipeline_id as string;
  };

  it('creates one from statements, runs it, and tells what it was made from', { timeout: 120_000 }, async () => {
    const id = await create('orders', { configuration: { a: 'b' }, libraries: [] });
    const read = await api.get(`${PIPELINES}/${id}`);
    expect(read).toMatchObject({ status: 200, body: { name: 'orders', state: 'IDLE', creator_user_name: keeper } });
    expect(read.body.spec).toEqual({
      id,
      name: 'orders',
      catalog: database,
      schema: 'silver',
      sql: flow('orders'),
      libraries: [],
      configuration: { a: 'b' },
      continuous: false,
      development: false,
      serverless: false,
      channel: 'CURRENT',
    });
    await run(id);
    expect(await synced.rows('silver.orders', ['id', 'v'])).toEqual([
      ['0', 'v0'],
      ['2', 'v2'],
      ['3', 'v3'],
      ['4', 'v4'],
    ]);
    await run(id, { full_refresh: true });
    const { events } = (await api.get(`${PIPELINES}/${id}/events?max_results=250`)).body;
    expect(events.map((event: { event_type: string }) => event.event_type)).toEqual(
      expect.arrayContaining(['pipeline_declared', 'flows_applied']),
    );
    const { statuses } = (await api.get(PIPELINES)).body;
    expect(statuses.map((status: { pipeline_id: string }) => status.pipeline_id)).toContain(id);
    const selected = await api.post(`${PIPELINES}/${id}/updates`, { refresh_selection: ['silver.orders'] });
    expect(selected).toMatchObject({ status: 501 });
  });

  it('gives back whatever a spec holds, as tools compare it with what they sent', async () => {
    const more = {
      deployment: { kind: 'BUNDLE', metadata_file_path: '/Users/ada/.bundle/metadata.json' },
      clusters: [{ label: 'default', num_workers: 1, custom_tags: { team: 'ü' } }],
      notifications: [{ alerts: ['on-update-failure'], email_recipients: ['ada@example.com'] }],
      environment: { dependencies: ['x'] },
      event_log: { catalog: 'c', schema: 's', name: 'n' },
    };
    const id = await create('with_more', more);
    expect((await api.get(`${PIPELINES}/${id}`)).body.spec).toMatchObject(more);
    const edited = {
      name: 'with_more',
      schema: 'silver',
      sql: flow('with_more'),
      deployment: more.deployment,
      run_as: null,
    };
    expect(await api.send('PUT', `${PIPELINES}/${id}`, edited)).toMatchObject({ status: 200 });
    const { spec } = (await api.get(`${PIPELINES}/${id}`)).body;
    expect(spec).toMatchObject({ deployment: more.deployment });
    expect(spec).not.toHaveProperty('clusters');
    expect(spec).not.toHaveProperty('run_as');
  });

  it('reads files below the configured folder, one by one and by folder', { timeout: 120_000 }, async () => {
    writeFileSync(path.join(folder, 'Users/ada/first.sql'), flow('of_files'));
    writeFileSync(path.join(folder, 'Users/ada/second.sql'), flow('of_more_files'));
    writeFileSync(path.join(folder, 'Users/ada/notes.txt'), 'no SQL');
    const one = await create('one_file', { sql: undefined, libraries: [{ file: { path: '/Users/ada/first.sql' } }] });
    expect(await api.delete(`${PIPELINES}/${one}`)).toMatchObject({ status: 200 });
    const libraries = [{ glob: { include: '/Users/**' } }];
    const id = await create('files', { sql: undefined, libraries });
    expect((await api.get(`${PIPELINES}/${id}`)).body.spec).toMatchObject({ libraries });
    await run(id);
    expect(await synced.rows('silver.of_more_files', ['count(*)'])).toEqual([['4']]);
  });

  it('reads no other file, and tells nothing of the machine', async () => {
    const outside = path.join(synced.folder, 'outside.sql');
    writeFileSync(outside, 'secret;');
    symlinkSync(outside, path.join(folder, 'link.sql'));
    mkdirSync(path.join(folder, 'empty'));
    const wanted = [
      '../outside.sql',
      '/../outside.sql',
      outside,
      '/link.sql',
      '/nothing.sql',
      '/Users/ada',
      '/a\0.sql',
    ];
    for (const file of [...wanted, '/Users/ada/notes.txt']) {
      const reply = await api.post(PIPELINES, { name: 'x', libraries: [{ file: { path: file } }] });
      expect([file, reply.status, reasonOf(reply)]).toEqual([file, 400, 'PIPELINE_FILE_UNREADABLE']);
      expect(reply.body.message).not.toContain('secret');
      if (file !== outside) expect(reply.body.message).not.toContain(synced.folder);
    }
    for (const include of ['/empty/**', '/nowhere/**', '/Users/*.sql']) {
      const reply = await api.post(PIPELINES, { name: 'x', libraries: [{ glob: { include } }] });
      expect([include, reasonOf(reply)]).toEqual([include, 'PIPELINE_FILE_UNREADABLE']);
    }
    const notebook = await api.post(PIPELINES, { name: 'x', libraries: [{ notebook: { path: '/a' } }] });
    expect([notebook.status, reasonOf(notebook)]).toEqual([400, 'PIPELINE_LIBRARY_UNSUPPORTED']);
  });

  it('shows line, column and place of a mistake', async () => {
    const sql = `${flow('wrong')}\nCREATE FLOW f AS AUTO CDC INTO wrong FROM stream(a.b.c)\n  KEYS (id) SEQUENCED BY seq;`;
    const reply = await api.post(PIPELINES, { name: 'wrong', sql });
    expect(reply).toMatchObject({ status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE' } });
    expect(reasonOf(reply)).toBe('PIPELINE_SQL_SYNTAX');
    expect(reply.body.message).toMatch(/^sql, line 5, column 13: .* found.\n/);
    expect(reply.body.message).toContain('\n  KEYS (id) SEQUENCED BY seq;\n            ^');
    writeFileSync(path.join(folder, 'wrong.sql'), 'CREATE STREAMING TABL x;');
    const inFile = await api.post(PIPELINES, { name: 'wrong', libraries: [{ file: { path: '/wrong.sql' } }] });
    expect(inFile.body.message).toMatch(/^\/wrong.sql, line 1, column /);
    const empty = await api.post(PIPELINES, { name: 'empty' });
    expect([empty.status, reasonOf(empty)]).toEqual([400, 'PIPELINE_WITHOUT_STATEMENTS']);
    const keyless = flow('wrong').replace('SEQUENCE BY seq', '');
    expect(reasonOf(await api.post(PIPELINES, { name: 'x', sql: keyless }))).toBe('AUTOCDC_MISSING_SEQUENCE_BY');
    expect(
      await synced.value(`select count(*) from synced_tables._pipelines where name in ('wrong', 'empty', 'x')`),
    ).toBe('0');
  });

  it('finds the database by catalog, and says when it cannot', async () => {
    await api.post('/api/2.0/database/catalogs', {
      name: 'app',
      database_instance_name: 'local',
      database_name: database,
    });
    await create('in_app', { catalog: 'app' });
    await create('in_home', { catalog: undefined });
    const lost = await api.post(PIPELINES, { name: 'lost', catalog: 'nowhere', sql: flow('lost') });
    expect([lost.status, reasonOf(lost)]).toEqual([400, 'PIPELINE_CATALOG_UNCLEAR']);
  });

  it('leaves nothing of a dry run', async () => {
    const spec = { schema: 'dry', sql: flow('dry'), continuous: true };
    const body = { name: 'dry', ...spec, dry_run: true };
    const reply = await api.post(PIPELINES, body);
    expect(reply.body).toEqual({ effective_settings: { name: 'dry', ...spec } });
    await create('other');
    const taken = await api.post(PIPELINES, { ...body, schema: 'silver', sql: flow('other') });
    expect([taken.status, reasonOf(taken)]).toEqual([409, 'PIPELINE_TABLE_ELSEWHERE']);
    expect((await api.get(`${PIPELINES}?filter=${encodeURIComponent(`name LIKE 'dry'`)}`)).body.statuses).toEqual([]);
  });

  it('makes a name once, however many ask at once', async () => {
    const body = { name: 'race', schema: 'silver', sql: flow('race') };
    const replies = await Promise.all(Array.from({ length: 8 }, () => api.post(PIPELINES, body)));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(new Set(replies.filter(({ status }) => status !== 200).map(reasonOf))).toEqual(
      new Set(['PIPELINE_NAME_TAKEN']),
    );
  });

  it('takes another spec, and goes on where it was', { timeout: 120_000 }, async () => {
    const id = await create('changing');
    await run(id);
    const put = (body: object) => api.send('PUT', `${PIPELINES}/${id}`, body);
    const sql = flow('changing', `op = "D" or id = 3`);
    expect(await put({ name: 'changed', schema: 'silver', sql })).toMatchObject({ status: 200, body: {} });
    expect((await api.get(`${PIPELINES}/${id}`)).body).toMatchObject({
      name: 'changed',
      spec: { name: 'changed', catalog: database, schema: 'silver', sql },
    });
    await run(id);
    expect(await synced.rows('silver.changing', ['count(*)'])).toEqual([['4']]);
    await run(id, { full_refresh: true });
    expect(await synced.rows('silver.changing', ['count(*)'])).toEqual([['3']]);
    const taken = await put({ name: 'orders', schema: 'silver', sql });
    expect([taken.status, reasonOf(taken)]).toEqual([409, 'PIPELINE_NAME_TAKEN']);
    expect(reasonOf(await put({ catalog: 'nowhere', sql }))).toBe('PIPELINE_CATALOG_UNCLEAR');
    expect(reasonOf(await put({ schema: 'silver', sql: 'CREATE' }))).toBe('PIPELINE_SQL_SYNTAX');
    expect((await api.get(`${PIPELINES}/${id}`)).body.spec.sql).toBe(sql);
  });

  it('runs a continuous one at once', { timeout: 120_000 }, async () => {
    const id = await create('flowing', { continuous: true });
    expect((await api.get(`${PIPELINES}/${id}`)).body.spec.continuous).toBe(true);
    const count = () => synced.value(`select coalesce(to_regclass('silver.flowing')::text, '')`);
    await expect.poll(count, { timeout: 60_000 }).toBe('silver.flowing');
    // What follows the sources is an update that has not ended, as the pipelines API has it.
    const following = `select count(*) from synced_tables._updates where pipeline_id = '${id}' and mode = 'CONTINUOUS' and state = 'RUNNING'`;
    await expect.poll(() => synced.value(following), { timeout: 30_000 }).toBe('1');
    const active = await api.post(`${PIPELINES}/${id}/updates`, {});
    expect([active.status, reasonOf(active)]).toEqual([409, 'UPDATE_IN_PROGRESS']);
    expect(active.body.message).toContain('stop the pipeline');
    expect(await api.post(`${PIPELINES}/${id}/stop`)).toMatchObject({ status: 200 });
    await expect.poll(async () => (await api.get(`${PIPELINES}/${id}`)).body.state, { timeout: 30_000 }).toBe('IDLE');
    expect(await api.post(`${PIPELINES}/${id}/updates`, {})).toMatchObject({ status: 200 });
    await expect.poll(() => synced.value(following), { timeout: 30_000 }).toBe('1');
    expect(await api.post(`${PIPELINES}/${id}/stop`)).toMatchObject({ status: 200 });
  });

  it('obeys who may control it, shows itself to readers without its statements, and hides from others', {
    timeout: 120_000,
  }, async () => {
    const id = await create('guarded');
    await run(id);
    const as = async (name: string, grants = '') => {
      const role = await synced.database.createRole(name);
      if (grants !== '') await synced.admin.query(grants.replaceAll('%', role));
      return new ApiClient(api.url, await createToken(synced, role));
    };
    const stranger = await as('stranger');
    expect(await stranger.get(`${PIPELINES}/${id}`)).toMatchObject({ status: 404 });
    expect(await stranger.send('PUT', `${PIPELINES}/${id}`, { sql: flow('guarded') })).toMatchObject({ status: 404 });
    // Not even whether a file is there.
    const probe = await stranger.post(PIPELINES, { name: 'x', libraries: [{ file: { path: '/wrong.sql' } }] });
    expect(probe).toMatchObject({ status: 403, body: { error_code: 'PERMISSION_DENIED' } });
    const reader = await as('reader', 'grant usage on schema silver to %; grant select on silver.guarded to %');
    const read = await reader.get(`${PIPELINES}/${id}`);
    expect(read).toMatchObject({ status: 200, body: { name: 'guarded' } });
    expect(read.body.spec).not.toHaveProperty('sql');
    expect(await reader.post(`${PIPELINES}/${id}/updates`, {})).toMatchObject({ status: 403 });
    expect(await reader.send('PUT', `${PIPELINES}/${id}`, { sql: flow('guarded') })).toMatchObject({ status: 403 });
    expect(await reader.delete(`${PIPELINES}/${id}`)).toMatchObject({ status: 403 });
    const owner = await api.post(PIPELINES, { name: 'x', run_as: { user_name: 'ada' }, sql: flow('x') });
    expect(owner).toMatchObject({ status: 501 });
  });

  it('takes its tables along when it is deleted, unless they are to stay', { timeout: 120_000 }, async () => {
    const kept = await create('kept');
    const dropped = await create('dropped');
    await run(kept);
    await run(dropped);
    expect(await api.delete(`${PIPELINES}/${kept}?cascade=false`)).toMatchObject({ status: 200 });
    expect(await api.delete(`${PIPELINES}/${dropped}`)).toMatchObject({ status: 200 });
    expect(await api.get(`${PIPELINES}/${kept}`)).toMatchObject({ status: 404 });
    expect(await synced.rows('silver.kept', ['count(*)'])).toEqual([['4']]);
    expect(await synced.value(`select to_regclass('silver.dropped')`)).toBeNull();
  });

  it('validates flows against their sources, and writes nothing', { timeout: 120_000 }, async () => {
    const validate = async (id: string) => {
      const started = await api.post(`${PIPELINES}/${id}/updates`, { validate_only: true });
      expect(started).toMatchObject({ status: 200 });
      const read = async () => (await api.get(`${PIPELINES}/${id}/updates/${started.body.update_id}`)).body.update;
      await expect.poll(async () => (await read()).state, { timeout: 60_000 }).toMatch(/COMPLETED|FAILED/);
      const filter = encodeURIComponent(`update_id = '${started.body.update_id}'`);
      const { events } = (await api.get(`${PIPELINES}/${id}/events?filter=${filter}`)).body;
      return { update: await read(), events };
    };
    const id = await create('checked');
    expect(await validate(id)).toMatchObject({
      update: { state: 'COMPLETED', validate_only: true, mode: 'DEFAULT' },
      events: expect.arrayContaining([expect.objectContaining({ event_type: 'flow_validated', level: 'INFO' })]),
    });
    expect(await synced.value(`select to_regclass('silver.checked')`)).toBeNull();
    expect(await synced.value(`select count(*) from synced_tables._cdc_targets where table_name = 'checked'`)).toBe(
      '0',
    );
    await run(id);
    const before = await synced.rows('silver.checked', ['id', 'v']);
    // Statements that fit each other, and no source: only looking at that tells.
    const wrong = flow('checked').replace('seq COLUMNS', 'sqe COLUMNS');
    expect(await api.send('PUT', `${PIPELINES}/${id}`, { schema: 'silver', sql: wrong })).toMatchObject({
      status: 200,
    });
    const failed = await validate(id);
    expect(failed.update).toMatchObject({ state: 'FAILED', validate_only: true });
    expect(failed.events).toContainEqual(
      expect.objectContaining({ level: 'ERROR', message: expect.stringContaining('sqe') }),
    );
    // What was only checked is not said to have failed.
    expect(await synced.status('silver.checked')).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
      last_error_code: null,
    });
    expect(await synced.rows('silver.checked', ['id', 'v'])).toEqual(before);
  });

  it('refuses to change what is no pipeline of flows', async () => {
    await synced.load('public.events', { source: 'bronze.events', key: ['seq'] });
    const id = await synced.value(`select pipeline_id from synced_tables.status where synced_table = 'public.events'`);
    const reply = await api.send('PUT', `${PIPELINES}/${id}`, { sql: flow('x') });
    expect([reply.status, reasonOf(reply)]).toEqual([400, 'PIPELINE_OF_SYNCED_TABLES']);
    const checked = await api.post(`${PIPELINES}/${id}/updates`, { validate_only: true });
    expect([checked.status, reasonOf(checked)]).toEqual([501, 'NOT_IMPLEMENTED']);
    expect(checked.body.message).toContain('dry_run');
  });
});
