import { describe, expect, it } from 'vitest';
import { keepsSession } from '../../src/postgres/session/session-trial.js';
import { ApiClient, createToken } from '../support/api-client.js';
import type { DeltaWriter } from '../support/delta-writer.js';
import { hasPgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { runCli } from '../support/run-cli.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: behind PgBouncer, a sidecar works where sessions stay, notices where they do not, and works there with a direct address.

const isInstalled = await hasPgBouncer('pgbouncer.test.ts');
const applicationName = 'test';

describe.skipIf(!isInstalled).each(eitherPostgresServer(import.meta.url))('PgBouncer before $name', (server) => {
  it('in session mode lets a CONTINUOUS table follow its source, also after the pooler was restarted', async () => {
    await using synced = await SyncedLake.create(server);
    await using pooler = await startPgBouncer({ url: synced.sidecarUrl, mode: 'session', poolSize: 30 });
    expect(await keepsSession({ url: pooler.url, applicationName })).toBe(true);
    const { url } = await synced.startSidecar({ url: pooler.url, pollSeconds: 1 });
    const source = await follows(synced);
    await pooler.restart();
    await stillFollows(synced, source);
    await expect.poll(async () => (await fetch(`${url}/readyz`)).ok, { timeout: 30_000 }).toBe(true);
  });

  it.each(['transaction', 'statement'] as const)(
    'in %s mode is noticed before anything is set',
    async (mode) => {
      await using synced = await SyncedLake.create(server);
      for (const poolSize of [1, 2, 20]) {
        await using pooler = await startPgBouncer({ url: synced.sidecarUrl, mode, poolSize });
        expect(await keepsSession({ url: pooler.url, applicationName })).toBe(false);
        await expect(synced.startSidecar({ url: pooler.url })).rejects.toMatchObject({
          code: 'POSTGRES_SESSION_NOT_KEPT',
        });
      }
    },
    120_000,
  );

  it('in transaction mode serves requests and short commands, while a CONTINUOUS table follows beside it', async () => {
    await using synced = await SyncedLake.create(server);
    await using pooler = await startPgBouncer({ url: synced.sidecarUrl, mode: 'transaction', poolSize: 3 });
    const local = { url: pooler.url, direct_url: synced.sidecarUrl };
    const { url } = await synced.startSidecar({ instances: { local }, pollSeconds: 1 });
    const source = await follows(synced);
    const keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    const api = new ApiClient(url, await createToken(synced, keeper));
    const table = `/api/2.0/synced-tables/tables/${await synced.value('select current_database()')}.gold.t`;
    const replies = await Promise.all(Array.from({ length: 40 }, () => api.get(table)));
    expect([...new Set(replies.map(({ status }) => status))]).toEqual([200]);
    await pooler.restart();
    await expect.poll(async () => (await api.get(table)).status, { timeout: 30_000 }).toBe(200);
    await stillFollows(synced, source);
    await synced.admin.query(`grant databricks_superuser to ${new URL(synced.sidecarUrl).username}`);
    for (const command of [
      ['list'],
      ['get', 'gold.t'],
      ['sync', 'gold.t'],
      ['events', 'gold.t'],
      ['verify', 'gold.t'],
    ]) {
      const { end, stderr } = await runCli(command, { DATABASE_URL: pooler.url });
      expect({ command, end, stderr }).toEqual({
        command,
        end: 0,
        stderr: expect.not.stringMatching(/[A-Z]+_[A-Z]+:/),
      });
    }
  }, 120_000);
});

async function follows(synced: SyncedLake): Promise<DeltaWriter> {
  const source = await synced.lake.createTable('gold.t', { id: 'long' }, 'select i as id from range(50) t(i)');
  await synced.load('gold.t', { policy: 'CONTINUOUS' });
  await stillFollows(synced, source);
  return source;
}

async function stillFollows(synced: SyncedLake, source: DeltaWriter): Promise<void> {
  for (let step = 0; step < 3; step++) {
    await source.append(`select ${source.version} + 1000 as id`);
    await synced.admin.query(`call synced_tables.wait_for_version('gold.t', ${source.version}, interval '60 s')`);
  }
  await synced.expectEqual('gold.t', source, ['id']);
  await eventually(
    async () => (await synced.status('gold.t')).state === 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
    'it is followed',
  );
}
