import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { examine } from '../../src/doctor/examine.js';
import { keepsSession, leadToSameDatabase } from '../../src/postgres/session/session-trial.js';
import { openShortSession } from '../../src/postgres/session/short-session.js';
import { checkSettings } from '../../src/settings/load-settings.js';
import { ApiClient, createToken } from '../support/api-client.js';
import { createTestDatabase, eitherPostgresServer } from '../support/postgres.js';
import { runCli } from '../support/run-cli.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { startTransactionPooler } from '../support/transaction-pooler.js';

// Goal: a pooler that gives each transaction another session is noticed before anything relies on sessions, nothing of ours stays
// in those that others use, and with a direct address beside it everything works.

const applicationName = 'test';

describe.each(eitherPostgresServer(import.meta.url))('a pooler in transaction mode before $name', (server) => {
  it('is noticed by trying, whichever session it gives', async () => {
    await using database = await createTestDatabase(server);
    await using other = await createTestDatabase(server);
    await using last = await startTransactionPooler(database.url);
    await using longest = await startTransactionPooler(database.url, 'longest');
    expect(await keepsSession({ url: database.url, applicationName })).toBe(true);
    expect(await keepsSession({ url: last.url, applicationName })).toBe(false);
    expect(await keepsSession({ url: longest.url, applicationName })).toBe(false);
    const same = (url: string) => leadToSameDatabase({ url: database.url, applicationName }, { url, applicationName });
    expect([await same(database.url), await same(last.url), await same(other.url)]).toEqual([true, true, false]);
  });

  it('gets no settings of short commands into the sessions of others', async () => {
    await using database = await createTestDatabase(server);
    await using pooler = await startTransactionPooler(database.url, 'longest');
    const place = { url: pooler.url, applicationName, role: null };
    const [command, others] = [await openShortSession(place), new pg.Client({ connectionString: pooler.url })];
    await others.connect();
    const states = async (client: pg.Client) => {
      const read = `select current_setting('search_path') as path, current_setting('lock_timeout') as lock`;
      const seen = [];
      for (let time = 0; time < 4; time++) seen.push((await client.query(read)).rows[0]);
      return seen;
    };
    const theirs = { path: '"$user", public', lock: '0' };
    const ours = { path: 'pg_catalog, pg_temp', lock: '30s' };
    expect(await states(others)).toEqual([theirs, theirs, theirs, theirs]);
    expect(await states(command)).toEqual([ours, ours, ours, ours]);
    const named = { name: 'a_name', text: 'select 1 as one' };
    for (let time = 0; time < 3; time++) expect((await command.query(named)).rows).toEqual([{ one: 1 }]);
    await expect(command.query('select 1 / 0')).rejects.toThrow('division by zero');
    expect(await states(command)).toEqual([ours, ours, ours, ours]);
    expect(await states(others)).toEqual([theirs, theirs, theirs, theirs]);
    expect(pooler.exchanged).toBeGreaterThan(4);
    await Promise.all([command.end(), others.end()]);
  });

  it('keeps what needs a session from starting, says what to set, and lets short commands pass', async () => {
    await using synced = await SyncedLake.create(server);
    await synced.lake.createTable('gold.t', { id: 'long' }, 'select 1 as id');
    await synced.create('gold.t');
    await using pooler = await startTransactionPooler(synced.database.url);
    await expect(synced.startSidecar({ url: pooler.url })).rejects.toMatchObject({ code: 'POSTGRES_SESSION_NOT_KEPT' });
    const findings = await examine(checkSettings({ instances: { local: { url: pooler.url } } }));
    const found = findings.filter(({ subject }) => subject.startsWith('local'));
    expect(found).toMatchObject([{ severity: 'error', subject: 'local', code: 'POSTGRES_SESSION_NOT_KEPT' }]);
    const run = async (...args: string[]) => {
      const { end, stdout, stderr } = await runCli(args, { DATABASE_URL: pooler.url });
      return { end, said: stdout + stderr };
    };
    const { end, said } = await run('migrate');
    expect({ end, said }).toEqual({
      end: 1,
      said: expect.stringMatching(/^POSTGRES_SESSION_NOT_KEPT: [^\n]* direct_url [^\n]*\n$/),
    });
    expect(await run('list')).toEqual({ end: 0, said: expect.stringContaining('gold.t') });
    const asked = await run('sync', 'gold.t', '--no-wait');
    expect(asked).toEqual({ end: 0, said: expect.stringContaining('update_id') });
    // It waits while the update is not there to be seen from within one transaction.
    expect((await run('sync', 'gold.t', '--timeout', '1')).said).toContain('UPDATE_WAIT_TIMEOUT');
  });

  it('serves requests beside a direct address, over which a followed table is kept up to date', async () => {
    await using synced = await SyncedLake.create(server);
    const source = await synced.lake.createTable('gold.t', { id: 'long' }, 'select i as id from range(50) t(i)');
    await using pooler = await startTransactionPooler(synced.sidecarUrl, 'longest');
    const local = { url: pooler.url, direct_url: synced.sidecarUrl };
    // A source that is read through the pooler, too, over several sessions that see one state.
    const catalogs = { lake: { kind: 'path', root: synced.lake.root }, erp: { kind: 'postgres', url: pooler.url } };
    await synced.admin.query(`create schema erp; grant usage on schema erp to public;
      create table erp.orders (id int primary key, at timestamptz); grant select on erp.orders to public;
      insert into erp.orders select i, timestamptz '2026-01-01 00:00:00+00' from generate_series(1, 30) i`);
    const { url } = await synced.startSidecar({ instances: { local }, catalogs });
    const keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    const api = new ApiClient(url, await createToken(synced, keeper));
    const name = `${await synced.value('select current_database()')}.gold.t`;
    const made = await api.post('/api/2.0/synced-tables/tables', {
      name,
      source_table_full_name: 'lake.gold.t',
      primary_key_columns: ['id'],
      scheduling_policy: 'CONTINUOUS',
      allow_file_diff: true,
      create_database_objects_if_missing: true,
    });
    expect(made).toMatchObject({ status: 200 });
    await synced.wait(made.body.update_id);
    for (const step of [1, 2, 3]) {
      await source.append(`select ${1000 + step} as id`);
      await synced.admin.query(`call synced_tables.wait_for_version('gold.t', ${source.version}, interval '60 s')`);
      const replies = await Promise.all(
        Array.from({ length: 12 }, () => api.get(`/api/2.0/synced-tables/tables/${name}`)),
      );
      expect(replies.map(({ status, body }) => [status, body.row_count])).toEqual(replies.map(() => [200, 50 + step]));
    }
    await synced.expectEqual('gold.t', source, ['id']);
    const copied = await synced.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('gold.orders', 'erp.erp.orders', array['id']) as id`,
    );
    await synced.wait(copied.rows[0]?.id ?? '');
    expect(
      await synced.value('select count(*) from (select * from gold.orders intersect select * from erp.orders) t'),
    ).toBe('30');
    await eventually(async () => pooler.exchanged > 10, 'transactions ran in different sessions');
    const client = new pg.Client({ connectionString: pooler.url });
    await client.connect();
    for (let time = 0; time < 10; time++) {
      const { rows } = await client.query(
        `select current_user = session_user as own, current_setting('search_path') as path`,
      );
      expect(rows).toEqual([{ own: true, path: '"$user", public' }]);
    }
    await client.end();
    const findings = await examine(checkSettings({ instances: { local } }));
    expect(findings.filter(({ code }) => code.startsWith('POOLER') || code.startsWith('POSTGRES'))).toMatchObject([
      { severity: 'ok', code: 'POOLER_READY', subject: 'local' },
    ]);
  });
});
