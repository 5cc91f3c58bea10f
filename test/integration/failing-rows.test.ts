import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { runCli } from '../support/run-cli.js';
import { SyncedLake } from '../support/synced-lake.js';
import { type Refusal, refusalOf } from '../support/synced-table-fixture.js';

// Goal: keys of failing rows are shown to who may read the table, wherever they ask: in SQL, with the CLI and over HTTP.
// Who may sync it but not read it, such as a manager, is told everything else.

const COLUMNS = { id: 'string', v: 'long' } as const;
const KEY = `secret-${randomBytes(4).toString('hex')}`;

describe.each(eitherPostgresServer(import.meta.url))('$name', (server) => {
  let lake: SyncedLake;
  let apiUrl: string;
  let manager: string;
  let reader: string;
  let update: string;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    apiUrl = (await lake.startSidecar()).url;
    const source = await lake.lake.createTable('r.t', COLUMNS, `select 'k' || i as id, i as v from range(9) t(i)`);
    await lake.load('r.t');
    manager = await lake.database.createRole('manager');
    reader = await lake.database.createRole('reader');
    await lake.admin.query(`select public.databricks_synced_table_add_manager('r.t'::regclass, '${manager}');
      grant usage on schema r to ${reader}; grant select on r.t to ${reader};
      grant usage on schema synced_tables to ${reader};
      grant select on synced_tables.status, synced_tables.updates, synced_tables.events to ${reader}`);
    await source.append(`select '${KEY}' as id, i as v from range(2) t(i)`);
    const asManager = await lake.database.connectAs(manager);
    update = await lake.requestSync('r.t', false, asManager);
    await refusalOf(lake.wait(update, asManager));
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  const ofView = async (view: string, client: pg.Client) => {
    const { rows } = await client.query(`select * from synced_tables.${view} v where v.synced_table = 'r.t'`);
    return rows[0];
  };

  it('are shown in status and updates to a reader, not to a manager', async () => {
    const asManager = await lake.database.connectAs(manager);
    const asReader = await lake.database.connectAs(reader);
    const told = { failing_column: 'id', failing_keys: [KEY] };
    const untold = { failing_column: null, failing_keys: null };
    for (const view of ['status', 'updates']) {
      expect(await ofView(view, asReader)).toMatchObject(told);
      expect(await ofView(view, asManager)).toMatchObject(untold);
      expect((await ofView(view, asManager)).message).toContain('; see failing_keys (1 key).');
    }
    for (const view of ['status', 'updates', 'events']) {
      const { rows } = await asManager.query(`select v::text as row from synced_tables.${view} v`);
      expect(JSON.stringify(rows)).not.toContain(KEY);
    }
    await lake.admin.query(`grant select on r.t to ${manager}`);
    expect(await ofView('status', asManager)).toMatchObject(told);
    await lake.admin.query(`revoke select on r.t from ${manager}`);
  });

  it('are pointed to by what waiting raises, for those who are shown them', async () => {
    const refusal = (client: pg.Client): Promise<Refusal> => refusalOf(lake.wait(update, client));
    const asManager = await refusal(await lake.database.connectAs(manager));
    expect(JSON.stringify(asManager)).not.toContain(KEY);
    expect(asManager.hint).not.toContain('failing_keys FROM');
    const { hint = '', message } = await refusal(lake.admin);
    expect(message).not.toContain(KEY);
    const [, statement = ''] = /The keys: (select .*;)$/i.exec(hint) ?? [];
    expect((await lake.admin.query(statement)).rows).toEqual([{ failing_column: 'id', failing_keys: [KEY] }]);
  });

  it('are printed by the CLI to who may read the table', async () => {
    const urlOf = async (role: string) => {
      const password = randomBytes(8).toString('hex');
      await lake.admin.query(`alter role ${role} login password '${password}'`);
      const url = new URL(lake.database.url);
      url.username = role;
      url.password = password;
      return { DATABASE_URL: url.href };
    };
    const asManager = await urlOf(manager);
    const syncs = await runCli(['sync', 'r.t'], asManager);
    expect(syncs).toMatchObject({ end: 1, stderr: expect.stringContaining('see failing_keys (1 key)') });
    const shows = await runCli(['get', 'r.t', '--output', 'json'], asManager);
    expect(JSON.parse(shows.stdout)).toMatchObject({ failing_keys: null });
    const lists = await runCli(['events', 'r.t'], asManager);
    expect(JSON.stringify([syncs, shows, lists])).not.toContain(KEY);

    const asReader = await urlOf(reader);
    const read = await runCli(['get', 'r.t', '--output', 'json'], asReader);
    expect(JSON.parse(read.stdout)).toMatchObject({ failing_column: 'id', failing_keys: [KEY] });
    const asAdmin = { DATABASE_URL: lake.database.url };
    const told = await runCli(['sync', 'r.t'], asAdmin);
    expect(told.stderr.trimEnd().split('\n').at(-1)).toBe(`failing_keys: ${KEY}`);
    const json = await runCli(['sync', 'r.t', '--output', 'json'], asAdmin);
    expect(JSON.parse(json.stderr)).toMatchObject({ failing_column: 'id', failing_keys: [KEY] });
  });

  it('are not in what HTTP tells a manager', async () => {
    const api = new ApiClient(apiUrl, await createToken(lake, manager));
    const pipeline = await lake.value(`select pipeline_id from synced_tables.status where synced_table = 'r.t'`);
    const replies = await Promise.all([
      api.get('/api/2.0/database/instances/local/synced_tables'),
      api.get('/api/2.0/pipelines'),
      api.get(`/api/2.0/pipelines/${pipeline}`),
      api.get(`/api/2.0/pipelines/${pipeline}/events`),
      api.get(`/api/2.0/pipelines/${pipeline}/updates`),
    ]);
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(JSON.stringify(replies)).toContain('see failing_keys (1 key)');
    expect(JSON.stringify(replies)).not.toContain(KEY);
  });

  it('are shown before there is a table to who creates it', async () => {
    await lake.lake.createTable('r.never', COLUMNS, `select '${KEY}' as id, i as v from range(2) t(i)`);
    await refusalOf(lake.load('r.never'));
    expect(await lake.status('r.never')).toMatchObject({ table_name: null, failing_keys: [KEY] });
  });

  it('are forgotten with the next success, and with the table', async () => {
    const source = await lake.lake.createTable('r.mended', COLUMNS, `select '${KEY}' as id, i as v from range(2) t(i)`);
    const failed = await lake.create('r.mended');
    await refusalOf(lake.wait(failed));
    await source.deleteWhere('v = 1');
    await lake.sync('r.mended');
    expect(await lake.status('r.mended')).toMatchObject({ failing_column: null, failing_keys: null });
    expect(await lake.update(failed)).toMatchObject({ failing_keys: [KEY] });
    await lake.admin.query(`select synced_tables.delete_synced_table('r.mended')`);
    const kept = 'select failing_keys from synced_tables._table_updates where update_id = $1';
    expect(await lake.value(kept, [failed])).toBeNull();
  });

  it('are taken out of what was said before they were kept apart', async () => {
    const file = readFileSync(path.resolve(import.meta.dirname, '../../sql/0011_failing_rows.sql'), 'utf8');
    const before = [
      [`it has several rows with one key; for example ${KEY}, 2. Correct it.`, 'it has several rows with one key.'],
      [`Attempt 1: a value does not fit text; rows with key (${KEY}, 1).`, 'Attempt 1: a value does not fit text.'],
      [`a key still refers to them, for example to key ${KEY}.`, 'a key still refers to them.'],
      [
        `2 events have no sequence value, for example those with key (${KEY}); all of it.`,
        '2 events have no sequence value.',
      ],
      [`Rows have a null in a key column, for example (${KEY}, null); all of it.`, 'Rows have a null in a key column.'],
      ['This is well, for example 7.', 'This is well, for example 7.'],
    ];
    for (const [message] of before) {
      await lake.admin.query(`select synced_tables_internal._record_event('ERROR', 'old', null, null, null, $1)`, [
        message,
      ]);
    }
    await lake.admin.query(file.slice(file.indexOf('do $$')));
    const { rows } = await lake.admin.query(
      `select message from synced_tables._events where event_type = 'old' order by event_id`,
    );
    expect(rows.map(({ message }) => message)).toEqual(before.map(([, message]) => message));
  });
});
