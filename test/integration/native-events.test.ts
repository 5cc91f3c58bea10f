import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { createSharedToken } from '../support/shared-token.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: one list of what happened everywhere, of which everybody sees what they may see, whichever way it is paged.

const EVENTS = '/api/2.0/synced-tables/events';

interface Event {
  readonly id: string;
  readonly occurred_at: string;
  readonly event_type: string;
  readonly table: string | null;
  readonly message: string;
}

describe.each(eitherPostgresServer(import.meta.url))('events of all databases on $name', (server) => {
  let first: SyncedLake;
  let second: SyncedLake;
  /** A second database of the instance `other`. */
  let third: SyncedLake;
  let keeper: ApiClient;
  let reader: ApiClient;
  let stranger: ApiClient;
  let names: { first: string; second: string };
  const update: string[] = [];
  beforeAll(async () => {
    first = await SyncedLake.create(server);
    second = await SyncedLake.create(server);
    third = await SyncedLake.create(server);
    const databases = await Promise.all(
      [second, third].map(async (synced) => (await synced.value('select current_database()')) ?? ''),
    );
    await first.lake.createTable('e.orders', { id: 'long' }, 'select i as id from range(3) t(i)');
    await first.lake.createTable('e.Users', { id: 'long' }, 'select 1 as id from range(2)');
    const { url } = await first.startSidecar({ instances: { other: { url: second.sidecarUrl, databases } } });
    update.push(await first.create('e.orders'));
    await first.wait(update[0] ?? '');
    update.push(await first.create('e."Users"', { source: 'e.Users' }));
    await first.wait(update[1] ?? '').catch(() => {});
    update.push(await second.create('e.elsewhere', { source: 'e.orders' }));
    await second.wait(update[2] ?? '');
    await second.admin.query(`select synced_tables.delete_synced_table('e.elsewhere')`);
    names = {
      first: (await first.value('select current_database()')) ?? '',
      second: (await second.value('select current_database()')) ?? '',
    };
    const instances = [first, second];
    const clientOf = async (role: string) => new ApiClient(url, await createSharedToken(instances, role));
    keeper = await clientOf(await first.database.createRole('keeper', 'databricks_superuser'));
    const readerRole = await first.database.createRole('reader');
    reader = await clientOf(readerRole);
    stranger = await clientOf(await first.database.createRole('stranger'));
    await first.admin.query(`grant usage on schema e to ${readerRole}; grant select on e.orders to ${readerRole}`);
  });
  afterAll(async () => {
    await first?.[Symbol.asyncDispose]();
    await second?.[Symbol.asyncDispose]();
    await third?.[Symbol.asyncDispose]();
  });

  const ask = async (query: Record<string, string> = {}, client = keeper) => {
    const { status, body } = await client.get(`${EVENTS}?${new URLSearchParams(query)}`);
    expect({ status, reason: body.details?.[0]?.reason }).toEqual({ status: 200, reason: undefined });
    return body as { events: Event[]; next_page_token?: string; prev_page_token?: string; unreachable: object[] };
  };
  const idsOf = (events: readonly Event[]) => events.map(({ id }) => id);
  const tablesOf = (events: readonly Event[]) => new Set(events.map(({ table }) => table));

  it('come newest first, from every database, with all that the view tells of them', async () => {
    const { events, unreachable, ...tokens } = await ask();
    expect(unreachable).toEqual([]);
    expect(tokens).toEqual({ prev_page_token: expect.any(String) });
    const times = events.map(({ occurred_at }) => occurred_at);
    expect(times).toEqual([...times].sort().reverse());
    expect(tablesOf(events)).toEqual(
      new Set([`${names.first}.e.orders`, `${names.first}.e.Users`, `${names.second}.e.elsewhere`]),
    );
    const failed = events.find(({ event_type }) => event_type === 'table_sync_failed');
    const { rows } = await first.admin.query(
      `select event_id::text, level, pipeline_id, update_id, message, details from synced_tables.events
        where event_type = 'table_sync_failed'`,
    );
    const { event_id, ...row } = rows[0];
    expect(failed).toEqual({
      ...row,
      id: `local/${names.first}/${event_id}`,
      instance: 'local',
      database: names.first,
      occurred_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      event_type: 'table_sync_failed',
      table: `${names.first}.e.Users`,
      synced_table: 'e."Users"',
      pipeline_name: 'Synced table: e."Users"',
    });
  });

  it('are paged in both directions without losing or repeating one', async () => {
    const all = idsOf((await ask()).events);
    expect(all.length).toBeGreaterThan(5);
    const down: string[][] = [];
    let page = await ask({ page_size: '2' });
    for (;;) {
      down.push(idsOf(page.events));
      if (page.next_page_token === undefined) break;
      page = await ask({ page_size: '2', page_token: page.next_page_token });
    }
    expect(down.flat()).toEqual(all);
    const up: string[][] = [];
    for (;;) {
      page = await ask({ page_size: '2', page_token: page.prev_page_token ?? '' });
      if (page.events.length === 0) break;
      up.unshift(idsOf(page.events));
    }
    expect(up.flat()).toEqual(all.slice(0, all.length - (down.at(-1)?.length ?? 0)));
  });

  it('are followed by going back from the newest', async () => {
    const { prev_page_token: before = '' } = await ask({ page_size: '1' });
    const nothing = await ask({ page_token: before });
    expect(nothing).toMatchObject({ events: [], prev_page_token: before });
    await first.sync('e.orders');
    const news = await ask({ page_token: before });
    expect(tablesOf(news.events)).toEqual(new Set([`${names.first}.e.orders`]));
    expect(idsOf(news.events)).toEqual(idsOf((await ask()).events).slice(0, news.events.length));
  });

  it('are paged by number and database where times are equal', async () => {
    const at = '2001-01-01T00:00:00Z';
    for (const { admin } of [first, second]) {
      await admin.query(
        `insert into synced_tables._events (occurred_at, event_type, message) select $1, 'equal', 'n ' || n from generate_series(1, 3) n`,
        [at],
      );
    }
    const equal = { type: 'equal', from: at, to: '2001-01-01T00:00:01Z' };
    const all = idsOf((await ask(equal)).events);
    expect(all).toHaveLength(6);
    const seen: string[] = [];
    let page = await ask({ ...equal, page_size: '1' });
    for (;;) {
      seen.push(...idsOf(page.events));
      if (page.next_page_token === undefined) break;
      page = await ask({ ...equal, page_size: '1', page_token: page.next_page_token });
    }
    expect(seen).toEqual(all);
    const around = await ask({ ...equal, page_size: '3', around: all[3] ?? '' });
    expect(idsOf(around.events)).toEqual(all.slice(2, 5));
  });

  it('are filtered by level, type, table, pipeline, update, time and place', async () => {
    const errors = (await ask({ level: 'ERROR' })).events;
    expect(new Set(errors.map(({ event_type }) => event_type))).toEqual(new Set(['table_sync_failed']));
    const two = (await ask({ type: 'synced_table_created,synced_table_deleted' })).events;
    expect(new Set(two.map(({ event_type }) => event_type))).toEqual(
      new Set(['synced_table_created', 'synced_table_deleted']),
    );
    const repeated = await keeper.get(`${EVENTS}?type=synced_table_created&type=synced_table_deleted`);
    expect(idsOf(repeated.body.events)).toEqual(idsOf(two));
    expect(tablesOf((await ask({ table: `${names.first}.e.orders` })).events)).toEqual(
      new Set([`${names.first}.e.orders`]),
    );
    // One that is gone, and under a name that no database has.
    expect(tablesOf((await ask({ table: `${names.second}.e.elsewhere` })).events)).toEqual(
      new Set([`${names.second}.e.elsewhere`]),
    );
    expect(tablesOf((await ask({ table: 'main.e.Users' })).events)).toEqual(new Set([`${names.first}.e.Users`]));
    const pipeline =
      (await first.value(`select pipeline_id from synced_tables.status where synced_table = 'e.orders'`)) ?? '';
    expect(tablesOf((await ask({ pipeline })).events)).toEqual(new Set([`${names.first}.e.orders`]));
    expect(tablesOf((await ask({ update: update[2] ?? '' })).events)).toEqual(new Set([`${names.second}.e.elsewhere`]));
    const all = (await ask()).events;
    const [from = '', to = ''] = [all.at(3)?.occurred_at, all.at(0)?.occurred_at];
    expect(idsOf((await ask({ from, to })).events)).toEqual(idsOf(all.slice(1, 4)));
    expect(tablesOf((await ask({ instance: 'other' })).events)).toContain(`${names.second}.e.elsewhere`);
    expect(tablesOf((await ask({ database: names.first })).events)).not.toContain(`${names.second}.e.elsewhere`);
  });

  it('are searched for words, all of them, in any case and wherever they stand', async () => {
    const [failed] = (await ask({ type: 'table_sync_failed' })).events;
    expect(idsOf((await ask({ q: 'E."users" CONSTRAINT_violation' })).events)).toContain(failed?.id);
    expect(idsOf((await ask({ q: 'e."users" nowhere' })).events)).toEqual([]);
    // No pattern: its characters stand for themselves.
    expect(idsOf((await ask({ q: '%' })).events)).toEqual([]);
  });

  it('are shown around one of them', async () => {
    const all = idsOf((await ask()).events);
    const middle = all[4] ?? '';
    const around = await ask({ around: middle, page_size: '4' });
    expect(idsOf(around.events)).toEqual(all.slice(2, 6));
    const newer = await ask({ page_size: '2', page_token: around.prev_page_token ?? '' });
    expect(idsOf(newer.events)).toEqual(all.slice(0, 2));
    const older = await ask({ page_size: '2', page_token: around.next_page_token ?? '' });
    expect(idsOf(older.events)).toEqual(all.slice(6, 8));
    for (const [client, id] of [
      [keeper, `local/${names.first}/999999999`],
      [keeper, 'local/nowhere/1'],
      [stranger, middle],
    ] as const) {
      expect(await client.get(`${EVENTS}?around=${encodeURIComponent(id)}`)).toMatchObject({
        status: 404,
        body: { details: [{ reason: 'EVENT_NOT_FOUND' }, {}] },
      });
    }
  });

  it('are those of tables that the caller may see', async () => {
    expect(tablesOf((await ask({}, reader)).events)).toEqual(new Set([`${names.first}.e.orders`]));
    expect((await ask({}, stranger)).events).toEqual([]);
    const { rows } = await first.admin.query<{ count: number }>(
      "select count(*)::int from synced_tables.events where occurred_at > now() - interval '1 day'",
    );
    expect(
      (await ask({ instance: 'local', from: new Date(Date.now() - 86_400_000).toISOString() })).events,
    ).toHaveLength(rows[0]?.count ?? -1);
  });

  it('of a whole pipeline are seen by whoever sees one of its tables', async () => {
    await first.admin.query(
      `select synced_tables_internal._record_event('INFO', 'pipeline_stopped', null, pipeline_id, null, 'It was stopped.')
         from synced_tables.status where synced_table = 'e.orders'`,
    );
    const stopped = (await ask({ type: 'pipeline_stopped' })).events;
    expect(stopped).toMatchObject([{ table: null, pipeline_name: 'Synced table: e.orders' }]);
    expect((await ask({ type: 'pipeline_stopped' }, reader)).events).toEqual(stopped);
    expect((await ask({ type: 'pipeline_stopped' }, stranger)).events).toEqual([]);
  });

  it.each([
    'level=LOUD',
    'from=yesterday',
    'pipeline=x',
    'update=x',
    'page_token=x',
    'around=x',
    'table=orders',
    `q=${'a+'.repeat(21)}`,
    'page_size=-1',
  ])('refuse %s', async (query) => {
    expect(await keeper.get(`${EVENTS}?${query}`)).toMatchObject({ status: 400 });
  });

  it('of one database are there while another is down, which is named', async () => {
    const down = (await third.value('select current_database()')) ?? '';
    expect((await ask({ instance: 'other' })).unreachable).toEqual([]);
    await second.admin.query(`alter database ${down} connection limit 0`);
    await second.admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name ^@ 'synced-tables'`,
      [down],
    );
    // The first to ask may find the session that was just ended.
    await ask();
    const { events, unreachable } = await ask();
    expect(tablesOf(events)).toContain(`${names.second}.e.elsewhere`);
    expect(unreachable).toEqual([
      { instance: 'other', database: down, error_code: 'POSTGRES_CONNECTIONS_TAKEN', message: expect.any(String) },
    ]);
    expect(await keeper.get(`${EVENTS}?database=${down}`)).toMatchObject({
      status: 503,
      body: { details: [{ reason: 'POSTGRES_CONNECTIONS_TAKEN' }, {}] },
    });
    await second.admin.query(`alter database ${down} connection limit -1`);
    await expect.poll(async () => (await ask()).unreachable, { timeout: 30_000 }).toEqual([]);
  });

  it('of an instance that the caller does not have are not found', async () => {
    expect(await keeper.get(`${EVENTS}?instance=nowhere`)).toMatchObject({ status: 404 });
  });

  it('are searched for words in bounded steps, which say how far they came', async () => {
    const old = 120_000;
    await first.admin.query(
      `insert into synced_tables._events (occurred_at, level, event_type, message)
       select timestamptz '2026-01-01' + i * interval '1 second', 'INFO', 'noise',
              case when i in (1, ${old - 10}) then 'a needle in the hay' else 'hay ' || i end from generate_series(1, ${old}) i`,
    );
    const found: Event[] = [];
    const steps: (string | undefined)[] = [];
    let token: string | undefined;
    do {
      const page = (await ask({ q: 'NEEDLE hay', ...(token === undefined ? {} : { page_token: token }) })) as Awaited<
        ReturnType<typeof ask>
      > & { searched_to?: string };
      found.push(...page.events);
      steps.push(page.searched_to);
      token = page.next_page_token;
    } while (token !== undefined);
    expect(found.map(({ message }) => message)).toEqual(['a needle in the hay', 'a needle in the hay']);
    expect(found.map(({ occurred_at: at }) => at)).toEqual([
      '2026-01-02T09:19:50.000000Z',
      '2026-01-01T00:00:01.000000Z',
    ]);
    // 50,000 events a step; the last one reaches the end.
    expect(steps).toEqual([
      expect.stringMatching(/^2026-01-01T19/),
      expect.stringMatching(/^2026-01-01T05/),
      undefined,
    ]);
    const whole = await ask({ type: 'noise', page_size: '1' });
    expect(whole.events[0]?.message).toBe(`hay ${old}`);
    expect(Object.keys(whole)).not.toContain('searched_to');
    await first.admin.query(`delete from synced_tables._events where event_type = 'noise'`);
  });
});
