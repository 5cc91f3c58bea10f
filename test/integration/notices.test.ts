import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { runnableBlocks } from '../support/runnable-document.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: operators are told of failures, recoveries, lag and writes by hand, once each, by NOTIFY, the view and a webhook; the
// webhook may fail, hang and come back, and nothing waits for it; and who did what is on record, without secrets.

const SECRET = 'a secret of the webhook';

interface Told {
  readonly kind: string;
  readonly table: string;
  readonly notice: number;
  readonly text: string;
  readonly message: string;
  readonly database: string;
}

/** What docs/guides/observability.md shows to whoever writes a receiver. */
async function receiverOfTheGuide(): Promise<{ isOurs(secret: string, header: string, body: string): boolean }> {
  const [program] = runnableBlocks('docs/guides/observability.md').filter(({ language }) => language === 'js');
  return import(`data:text/javascript,${encodeURIComponent(program?.text ?? '')}`);
}

/** A receiver that answers as it is told to. */
class Receiver implements AsyncDisposable {
  readonly told: Told[] = [];
  readonly tries: string[] = [];
  answer: 'takes' | 'fails' | 'hangs' | 'redirects' = 'takes';
  url = '';
  readonly #server = createServer((request, response) => void this.#receive(request, response));

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    this.url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/hidden-path`;
    return this;
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const [, time = '', signature = ''] =
      /^t=(\d+),v1=(\w+)$/.exec(String(request.headers['synced-tables-signature'])) ?? [];
    expect(signature).toBe(createHmac('sha256', SECRET).update(`${time}.${body}`).digest('hex'));
    const { isOurs } = await receiverOfTheGuide();
    const header = `t=${time},v1=${signature}`;
    expect([isOurs(SECRET, header, body), isOurs(SECRET, header, `${body} `)]).toEqual([true, false]);
    expect(Math.abs(Date.now() / 1000 - Number(time))).toBeLessThan(60);
    this.tries.push(this.answer);
    if (this.answer === 'hangs') return;
    if (this.answer === 'redirects') response.writeHead(302, { location: this.url });
    else response.statusCode = this.answer === 'fails' ? 500 : 204;
    response.end();
    if (this.answer === 'takes') this.told.push(JSON.parse(body) as Told);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

const columns = { id: 'long', v: 'long' } as const;
const rows = 'select i as id, i as v from range(10) t(i)';

describe.each(eitherPostgresServer(import.meta.url))('notices on $name', (server) => {
  let lake: SyncedLake;
  let receiver: Receiver;
  let listener: pg.Client;
  let url: string;
  const log: string[] = [];
  const heard: { kind: string; table: string; notice: number; error_code: string | null }[] = [];
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    receiver = await new Receiver().start();
    listener = await lake.database.connect();
    listener.on('notification', ({ payload = '' }) => heard.push(JSON.parse(payload)));
    await listener.query('listen synced_table_notices');
    const webhook = { url: receiver.url, secret: SECRET, timeout_seconds: 0.5 };
    ({ url } = await lake.startSidecar({
      pollSeconds: 1,
      notices: { webhook, lag_seconds: 10 },
      onLog: (line) => log.push(line),
    }));
  });
  afterAll(async () => {
    await lake?.[Symbol.asyncDispose]();
    await receiver?.[Symbol.asyncDispose]();
  });

  const kindsOf = (table: string) => receiver.told.filter((told) => told.table === table).map(({ kind }) => kind);
  const kept = async (table: string) =>
    (
      await lake.admin.query(`select kind from synced_tables.notices where synced_table = $1 order by notice_id`, [
        table,
      ])
    ).rows.map(({ kind }) => kind);

  it('tell of a failure once, however often it comes again, and of the recovery', async () => {
    const source = await lake.lake.createTable('n.fails', columns, rows);
    await lake.load('n.fails');
    await source.append('select 1 as id, 0 as v');
    for (const _ of [1, 2]) await expect(lake.sync('n.fails')).rejects.toThrow(/primary key/i);
    await source.deleteWhere('id = 1');
    await lake.sync('n.fails');
    await eventually(async () => kindsOf('n.fails').length >= 2, 'the webhook is told');
    expect(kindsOf('n.fails')).toEqual(['failed', 'recovered']);
    expect(await kept('n.fails')).toEqual(['failed', 'recovered']);
    expect(heard.filter(({ table }) => table === 'n.fails')).toEqual([
      { kind: 'failed', table: 'n.fails', notice: expect.any(Number), error_code: 'PRIMARY_KEY_CONSTRAINT_VIOLATION' },
      { kind: 'recovered', table: 'n.fails', notice: expect.any(Number), error_code: null },
    ]);
    const [failed] = receiver.told;
    expect(failed).toMatchObject({
      database: new URL(lake.database.url).pathname.slice(1),
      error_code: 'PRIMARY_KEY_CONSTRAINT_VIOLATION',
    });
    expect(failed?.text).toMatch(/^n\.fails \(local\/\w+\) failed: /);
    // A table that its first load refuses goes away again; who is told of that learns why.
    await lake.lake.createTable('n.refused', columns, 'select null::bigint as id, 1 as v');
    await expect(lake.load('n.refused', { source: 'n.missing' })).rejects.toThrow();
    await eventually(async () => kindsOf('n.refused').length > 0, 'the refusal is told');
    expect(kindsOf('n.refused')).toEqual(['failed']);
  });

  it('arrive in their order from a webhook that fails, hangs, redirects and comes back, while tables go on', async () => {
    await lake.lake.createTable('n.hand', columns, rows);
    await lake.load('n.hand');
    const triesBefore = receiver.tries.length;
    receiver.answer = 'fails';
    await lake.admin.query('delete from n.hand where id = 1');
    await eventually(async () => receiver.tries.includes('fails'), 'it was tried');
    receiver.answer = 'hangs';
    await eventually(async () => receiver.tries.includes('hangs'), 'it was tried again');
    // Nothing waits for it.
    expect(await lake.sync('n.hand')).toMatchObject({ state: 'COMPLETED', message: 'it was changed by hand' });
    receiver.answer = 'redirects';
    await eventually(async () => receiver.tries.includes('redirects'), 'and again');
    await lake.admin.query('delete from n.hand where id = 2');
    receiver.answer = 'takes';
    await eventually(async () => kindsOf('n.hand').length === 2, 'both arrive', 90_000);
    expect(receiver.tries.slice(triesBefore).at(-1)).toBe('takes');
    expect(kindsOf('n.hand')).toEqual(['changed_by_hand', 'changed_by_hand']);
    const numbers = receiver.told.map(({ notice }) => notice);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(new Set(numbers).size).toBe(numbers.length);
    const told = log.filter((line) => line.includes('WEBHOOK_FAILED'));
    expect(told[0]).toMatch(
      /The webhook at 127\.0\.0\.1:\d+ did not take notice \d+, changed_by_hand of synced table n\.hand: /,
    );
    expect(log.join()).not.toContain('hidden-path');
    expect(log.join()).not.toContain(SECRET);
    const waiting = () => lake.value('select count(*) from synced_tables.notices where delivered_at is null');
    await eventually(async () => (await waiting()) === '0', 'all are noted as delivered');
  });

  it('tell of lag, and of catching up, once, and not of paused pipelines', async () => {
    const source = await lake.lake.createTable('n.late', columns, rows);
    await lake.load('n.late', { policy: 'TRIGGERED' });
    const lags = `update synced_tables._tables set source_version = $1, behind_since = clock_timestamp() - make_interval(secs => $2) where synced_table = 'n.late'`;
    const look = () => lake.admin.query('select synced_tables_internal._tell_lag(10)');
    await lake.admin.query(`select synced_tables.pause_pipeline('n.late')`);
    await lake.admin.query(lags, [5, 100]);
    await look();
    expect(await kept('n.late')).toEqual([]);
    await lake.admin.query(`select synced_tables.resume_pipeline('n.late')`);
    for (const _ of [1, 2]) await look();
    await lake.admin.query(lags, [5, 7]);
    await look(); // less, but more than half
    expect(await kept('n.late')).toEqual(['lagging']);
    await source.append('select 11 as id, 0 as v');
    await lake.sync('n.late');
    await lake.admin.query(lags, [1, 0]);
    await look();
    expect(await kept('n.late')).toEqual(['lagging', 'caught_up']);
    const message = await lake.value(`select message from synced_tables.notices where kind = 'lagging'`);
    expect(message).toMatch(/^n\.late is \d+ s, 5 versions, behind its source\.$/);
  });

  it('and the audit say who did what through which door, in the log too', async () => {
    await lake.lake.createTable('n.done', columns, rows);
    await lake.load('n.done');
    await lake.sync('n.done');
    const role = await lake.database.createRole('auditor', 'databricks_superuser');
    const reader = await lake.database.createRole('reader');
    const api = new ApiClient(url, await createToken(lake, role));
    const { rows: found } = await lake.admin.query<{ id: string }>(
      `select pipeline_id as id from synced_tables.status where synced_table = 'n.done'`,
    );
    const id = found[0]?.id ?? '';
    expect((await api.post(`/api/2.0/synced-tables/pipelines/${id}/pause`)).status).toBe(200);
    await lake.admin.query(
      `select databricks_synced_table_add_manager('n.done', '${reader}'), databricks_synced_table_remove_manager('n.done', '${reader}')`,
    );
    await lake.admin.query(`begin; select synced_tables.set_schedule('n.done', '0 3 * * *'); rollback`);
    await lake.admin.query('delete from n.done where id = 1');
    await lake.admin.query(`select databricks_synced_table_add_manager('n.done', '${reader}')`);
    await lake.admin.query('drop table n.done');
    const { rows: acts } = await lake.admin.query(
      `select role_name, action, object, door, details from synced_tables.audit where object in ('n.done', $1) order by audit_id`,
      [role],
    );
    const me = await lake.value('select current_user');
    const act = (action: string, details: object = {}, who = me, door = 'SQL', object = 'n.done') => ({
      role_name: who,
      action,
      object,
      door,
      details,
    });
    expect(acts).toEqual([
      act(
        'create_synced_table',
        expect.objectContaining({ source_table_full_name: 'lake.n.done', primary_key_columns: '{id}' }),
      ),
      act('sync_now', { synced_table: 'n.done', full_refresh: 'false', scope: 'pipeline' }),
      act('create_token', expect.objectContaining({ token_hash: '…', role_name: role }), me, 'SQL', role),
      act('pause_pipeline', { synced_table_or_pipeline: id }, role, 'HTTP'),
      act('add_manager', { manager: reader }),
      act('remove_manager', { manager: reader }),
      act('write_by_hand', { command: 'DELETE' }),
      act('add_manager', { manager: reader }),
      act('drop_table'),
    ]);
    await lake.admin.query(`set role ${reader}`);
    await expect(lake.admin.query('select from synced_tables.audit')).rejects.toThrow(/permission denied/);
    await lake.admin.query('reset role');
    const lines = log.map((line) => JSON.parse(line)).filter(({ tables }) => tables?.includes('n.done'));
    expect(lines.map(({ msg, catalogs, database }) => ({ msg, catalogs, database }))).toEqual(
      ['update started', 'update ended', 'update started', 'update ended'].map((msg) => ({
        msg,
        catalogs: ['lake'],
        database: `local/${new URL(lake.database.url).pathname.slice(1)}`,
      })),
    );
  });
});
