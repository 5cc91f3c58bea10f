import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: pipelines over HTTP, as the clients of Databricks call them.

const PIPELINES = '/api/2.0/pipelines';

describe.each(eitherPostgresServer(import.meta.url))('pipelines over HTTP on $name', (server) => {
  let synced: SyncedLake;
  let api: ApiClient;
  let stranger: ApiClient;
  let pipeline: string;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    await synced.lake.createTable('p.first', { id: 'long' }, 'select i as id from range(10) t(i)');
    await synced.lake.createTable('p.second', { id: 'long' }, 'select i as id from range(20) t(i)');
    const { url } = await synced.startSidecar();
    api = new ApiClient(
      url,
      await createToken(synced, await synced.database.createRole('keeper', 'databricks_superuser')),
    );
    stranger = new ApiClient(url, await createToken(synced, await synced.database.createRole('stranger')));
    await synced.load('p.first');
    pipeline =
      (await synced.value(`select pipeline_id from synced_tables.status where synced_table = 'p.first'`)) ?? '';
    await synced.wait(
      (await synced.value(
        `select synced_tables.create_synced_table('p.second', 'lake.p.second', array['id'], existing_pipeline_id => '${pipeline}')`,
      )) ?? '',
    );
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  const updateOf = async (id: string) => (await api.get(`${PIPELINES}/${pipeline}/updates/${id}`)).body.update;
  const ended = async (id: string) => {
    await expect.poll(async () => (await updateOf(id)).state, { timeout: 60_000 }).toBe('COMPLETED');
    return updateOf(id);
  };
  const methodsOf = (id: string) =>
    synced.rows(`synced_tables.updates where update_id = '${id}'`, ['synced_table', 'method']);

  it('shows a pipeline with its latest updates', async () => {
    const { status, body } = await api.get(`${PIPELINES}/${pipeline}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      pipeline_id: pipeline,
      name: 'Synced table: p.first',
      state: 'IDLE',
      health: 'HEALTHY',
      spec: { continuous: false, id: pipeline },
    });
    expect(body.latest_updates.map(({ state }: { state: string }) => state)).toEqual(['COMPLETED', 'COMPLETED']);
    expect(Number.isInteger(body.last_modified)).toBe(true);
  });

  it('lists pipelines by name, and pages', async () => {
    await synced.load('p.third', { source: 'p.first' });
    const names = async (query: string) =>
      (await api.get(`${PIPELINES}?${query}`)).body.statuses.map(({ name }: { name: string }) => name);
    expect(await names('')).toEqual(['Synced table: p.first', 'Synced table: p.third']);
    expect(await names(`filter=${encodeURIComponent(`name LIKE '%third%'`)}`)).toEqual(['Synced table: p.third']);
    expect(await names(`filter=${encodeURIComponent(`name LIKE 'third'`)}`)).toEqual([]);
    const first = await api.get(`${PIPELINES}?max_results=1`);
    expect(first.body.statuses).toHaveLength(1);
    const second = await api.get(`${PIPELINES}?max_results=1&page_token=${first.body.next_page_token}`);
    expect(second.body.statuses.map(({ name }: { name: string }) => name)).toEqual(['Synced table: p.third']);
    expect(second.body).not.toHaveProperty('next_page_token');
    expect(await api.get(`${PIPELINES}?filter=owner`)).toMatchObject({ status: 400 });
  });

  it('starts an update of all tables, wholly when asked to', async () => {
    const { status, body } = await api.post(`${PIPELINES}/${pipeline}/updates`, { full_refresh: true });
    expect(status).toBe(200);
    expect(await ended(body.update_id)).toMatchObject({
      full_refresh: true,
      cause: 'API_CALL',
      mode: 'DEFAULT',
      pipeline_id: pipeline,
    });
    expect(await methodsOf(body.update_id)).toEqual([
      ['p.first', 'SNAPSHOT'],
      ['p.second', 'SNAPSHOT'],
    ]);
    const empty = await api.post(`${PIPELINES}/${pipeline}/updates`);
    expect(empty.status).toBe(200);
    await ended(empty.body.update_id);
    expect(await methodsOf(empty.body.update_id)).toEqual([
      ['p.first', 'UNCHANGED'],
      ['p.second', 'UNCHANGED'],
    ]);
  });

  it('updates only the tables of a selection', async () => {
    const database = await synced.value('select current_database()');
    const { body } = await api.post(`${PIPELINES}/${pipeline}/updates`, {
      full_refresh_selection: ['second'],
      refresh_selection: [`${database}.p.first`],
      cause: 'JOB_TASK',
    });
    expect(await ended(body.update_id)).toMatchObject({
      full_refresh_selection: [`${database}.p.second`],
      refresh_selection: [`${database}.p.first`],
      cause: 'JOB_TASK',
    });
    expect(await methodsOf(body.update_id)).toEqual([
      ['p.first', 'UNCHANGED'],
      ['p.second', 'SNAPSHOT'],
    ]);
    const one = await api.post(`${PIPELINES}/${pipeline}/updates`, { full_refresh_selection: ['p.second'] });
    await ended(one.body.update_id);
    expect(await methodsOf(one.body.update_id)).toEqual([['p.second', 'SNAPSHOT']]);
    expect(await api.post(`${PIPELINES}/${pipeline}/updates`, { refresh_selection: ['elsewhere'] })).toMatchObject({
      status: 404,
    });
  });

  it('refuses to start while an update is under way, and leaves that running', async () => {
    await synced.admin.query(
      `insert into synced_tables._updates (pipeline_id, next_attempt_at) values ('${pipeline}', now() + interval '1 hour')`,
    );
    const refused = await api.post(`${PIPELINES}/${pipeline}/updates`, {});
    expect(refused).toMatchObject({ status: 409, body: { details: [{ reason: 'UPDATE_IN_PROGRESS' }, {}] } });
    expect((await api.get(`${PIPELINES}/${pipeline}`)).body.state).toBe('STARTING');
    expect(await api.post(`${PIPELINES}/${pipeline}/stop`)).toMatchObject({ status: 200, body: {} });
    expect((await api.get(`${PIPELINES}/${pipeline}`)).body.state).toBe('IDLE');
    expect((await api.get(`${PIPELINES}/${pipeline}/updates?max_results=1`)).body.updates).toMatchObject([
      { state: 'CANCELED' },
    ]);
  });

  it('refuses to start while a pipeline follows its sources, and starts it after a stop', async () => {
    const source = await synced.lake.createTable('p.followed', { id: 'long' }, 'select i as id from range(5) t(i)');
    const { rows } = await synced.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('p.followed', 'lake.p.followed', array['id'], 'CONTINUOUS',
                                                allow_file_diff => true) as id`,
    );
    await synced.wait(rows[0]?.id ?? '');
    const id = await synced.value(`select pipeline_id from synced_tables.status where synced_table = 'p.followed'`);
    const isFollowed = async () =>
      (await synced.status('p.followed')).state === 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE';
    await eventually(isFollowed, 'it is followed');
    const [follower] = (await api.get(`${PIPELINES}/${id}/updates`)).body.updates;
    expect(follower).toMatchObject({ state: 'RUNNING', mode: 'CONTINUOUS' });
    for (const body of [undefined, {}, { full_refresh: true }, { full_refresh_selection: ['p.followed'] }]) {
      expect(await api.post(`${PIPELINES}/${id}/updates`, body)).toMatchObject({
        status: 409,
        body: {
          error_code: 'RESOURCE_CONFLICT',
          message: expect.stringContaining(`${follower.update_id}. It follows its sources continuously: stop`),
        },
      });
    }
    // It has not even noticed.
    expect((await api.get(`${PIPELINES}/${id}/updates`)).body.updates[0]).toEqual(follower);
    await source.append('select 5 as id');
    await synced.admin.query(`call synced_tables.wait_for_version('p.followed', ${source.version}, interval '20 s')`);

    expect(await api.post(`${PIPELINES}/${id}/stop`)).toMatchObject({ status: 200 });
    expect((await api.get(`${PIPELINES}/${id}`)).body.state).toBe('IDLE');
    await source.append('select 6 as id');
    const started = await api.post(`${PIPELINES}/${id}/updates`, { full_refresh: true });
    expect(started.status).toBe(200);
    await synced.wait(started.body.update_id);
    await synced.expectEqual('p.followed', source, ['id']);
    await eventually(isFollowed, 'it is followed again');
    // In psql it is interrupted, and followed on afterwards.
    expect(await synced.sync('p.followed')).toMatchObject({ state: 'COMPLETED' });
    expect(await api.delete(`${PIPELINES}/${id}`)).toMatchObject({ status: 200 });
  });

  it('lists updates newest first, page by page, and back from one', async () => {
    const all = (await api.get(`${PIPELINES}/${pipeline}/updates`)).body.updates.map(
      (u: { update_id: string }) => u.update_id,
    );
    expect(all.length).toBeGreaterThan(4);
    const paged: string[] = [];
    for (let token: string | undefined = ''; token !== undefined; ) {
      const { body } = await api.get(
        `${PIPELINES}/${pipeline}/updates?max_results=2${token && `&page_token=${token}`}`,
      );
      paged.push(...body.updates.map((u: { update_id: string }) => u.update_id));
      token = body.next_page_token;
    }
    expect(paged).toEqual(all);
    const back = await api.get(`${PIPELINES}/${pipeline}/updates?until_update_id=${all[2]}`);
    expect(back.body.updates[0].update_id).toBe(all[2]);
    expect(await api.get(`${PIPELINES}/${pipeline}/updates/${pipeline}`)).toMatchObject({ status: 404 });
    expect(await api.get(`${PIPELINES}/${pipeline}/updates?page_token=x`)).toMatchObject({ status: 400 });
  });

  it('tells events, filtered and in pages', async () => {
    const events = async (query: Record<string, string>) => {
      const reply = await api.get(`${PIPELINES}/${pipeline}/events?${new URLSearchParams(query)}`);
      expect(reply.status).toBe(200);
      return reply.body;
    };
    const all = (await events({ max_results: '250' })).events;
    expect(all[0].timestamp >= all.at(-1).timestamp).toBe(true);
    expect(all.at(-1)).toMatchObject({
      level: 'INFO',
      event_type: 'synced_table_created',
      origin: { pipeline_id: pipeline },
    });
    const ids = all.map(({ id }: { id: string }) => id);
    const paged: string[] = [];
    for (let query: Record<string, string> | null = { max_results: '3', order_by: 'timestamp asc' }; query; ) {
      const body = await events(query);
      paged.push(...body.events.map(({ id }: { id: string }) => id));
      query = body.next_page_token ? { max_results: '3', page_token: body.next_page_token } : null;
    }
    expect(paged).toEqual(ids.toReversed());
    expect((await events({ filter: `id='${ids[1]}'` })).events).toHaveLength(1);
    expect((await events({ filter: `level='ERROR'` })).events).toEqual([]);
    // As the CLI asks while it watches a run.
    const { rows } = await synced.admin.query<{ id: string; events: string }>(
      `select update_id::text as id, count(*)::text as events from synced_tables.events
        where pipeline_id = $1 and update_id is not null group by 1 order by 1 limit 1`,
      [pipeline],
    );
    expect((await events({ filter: `update_id = '${rows[0]?.id}'`, order_by: 'timestamp desc' })).events).toHaveLength(
      Number(rows[0]?.events),
    );
    expect((await events({ filter: `update_id = 'none'` })).events).toEqual([]);
    expect(
      (await events({ filter: `level in ('INFO', 'WARN') AND timestamp > '2000-01-01T00:00:00Z'`, max_results: '250' }))
        .events,
    ).toHaveLength(all.length);
    expect((await events({ filter: `timestamp < '2000-01-01'` })).events).toEqual([]);
    for (const filter of [
      `level='DEBUG'`,
      `message='x'`,
      `level='INFO' or id='1'`,
      `level='INFO' and`,
      `timestamp > 'soon'`,
      `'; drop table x`,
    ]) {
      const refused = await api.get(`${PIPELINES}/${pipeline}/events?${new URLSearchParams({ filter })}`);
      expect([filter, refused.status]).toEqual([filter, 400]);
    }
  });

  it('tells errors with their code, and calls the pipeline unhealthy', async () => {
    const source = await synced.lake.createTable('p.bad', { id: 'long' }, 'select 1::bigint as id');
    await synced.load('p.bad');
    const id = await synced.value(`select pipeline_id from synced_tables.status where synced_table = 'p.bad'`);
    await source.append('select 1::bigint as id');
    await expect(synced.sync('p.bad')).rejects.toThrow();
    expect((await api.get(`${PIPELINES}/${id}`)).body).toMatchObject({ state: 'IDLE', health: 'UNHEALTHY' });
    const { body } = await api.get(`${PIPELINES}/${id}/events?${new URLSearchParams({ filter: `level='ERROR'` })}`);
    expect(body.events).toMatchObject([
      { level: 'ERROR', error: { fatal: true, exceptions: [{ class_name: 'PRIMARY_KEY_CONSTRAINT_VIOLATION' }] } },
    ]);
  });

  it('does not exist for who may see none of its tables, and obeys only who may control it', async () => {
    for (const path of ['', '/updates', '/events']) {
      expect(await stranger.get(`${PIPELINES}/${pipeline}${path}`)).toMatchObject({ status: 404 });
    }
    expect(await stranger.get(PIPELINES)).toMatchObject({ status: 200, body: { statuses: [] } });
    const reader = await synced.database.createRole('reader');
    await synced.admin.query(`grant usage on schema p to ${reader}; grant select on p.first to ${reader}`);
    const reading = new ApiClient(api.url, await createToken(synced, reader));
    expect(await reading.get(`${PIPELINES}/${pipeline}`)).toMatchObject({ status: 200 });
    expect(await reading.post(`${PIPELINES}/${pipeline}/updates`, {})).toMatchObject({ status: 403 });
    expect(await reading.post(`${PIPELINES}/${pipeline}/stop`)).toMatchObject({ status: 403 });
    expect(await reading.delete(`${PIPELINES}/${pipeline}`)).toMatchObject({ status: 403 });
    for (const id of ['nonsense', '00000000-0000-0000-0000-000000000000', `${pipeline}x`]) {
      expect(await api.get(`${PIPELINES}/${id}`)).toMatchObject({ status: 404 });
    }
  });

  it('refuses in plain words what pipelines of synced tables cannot do', async () => {
    expect(await api.send('PUT', `${PIPELINES}/${pipeline}`, { name: 'x' })).toMatchObject({ status: 400 });
    expect(await api.post(`${PIPELINES}/${pipeline}/updates`, { validate_only: true })).toMatchObject({ status: 501 });
  });

  it('ends the syncing of its tables when it is deleted, and leaves the tables', async () => {
    expect(await api.delete(`${PIPELINES}/${pipeline}`)).toMatchObject({ status: 200, body: {} });
    expect(await api.get(`${PIPELINES}/${pipeline}`)).toMatchObject({ status: 404 });
    expect(await synced.rows('p.second', ['count(*)'])).toEqual([['20']]);
  });
});
