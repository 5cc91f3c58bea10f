import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { migrateDatabase } from '../../src/postgres/install/migrate.js';
import { readMigrations } from '../../src/postgres/install/migration-files.js';
import { copySql } from '../support/copy-sql.js';
import { eitherPostgresServer, postgresServers } from '../support/postgres.js';
import { runCli } from '../support/run-cli.js';
import { scratchFolders } from '../support/sidecar.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: `serve` starts with a clear word or not at all, and stops when it is asked to, leaving nothing half done.

describe.each(eitherPostgresServer(import.meta.url))('$name', (server) => {
  it('gives a running update back when it is asked to stop, and another sidecar takes it up', async () => {
    await using synced = await SyncedLake.create(server);
    await synced.lake.createTable('gold.t', { id: 'long' }, 'select i as id from range(10) t(i)');
    const sidecar = await synced.spawnSidecar();
    await synced.load('gold.t');
    // A reader who does not let go keeps the refresh waiting at the switch.
    const reader = await synced.database.connect();
    await reader.query('begin');
    await reader.query('select from gold.t');
    const update = await synced.requestSync('gold.t', true);
    await expect.poll(() => synced.update(update).then((row) => row.state), { timeout: 60_000 }).toBe('RUNNING');
    await sidecar.stop();
    expect(await sidecar.exited).toBe(0);
    const queued = await synced.admin.query('select state, attempt from synced_tables._updates where update_id = $1', [
      update,
    ]);
    expect(queued.rows).toEqual([{ state: 'QUEUED', attempt: 0 }]);
    expect(await synced.value('select count(*) from synced_tables._pipelines where lease_holder is not null')).toBe(
      '0',
    );
    expect(scratchFolders(synced.folder)).toEqual([]);
    await reader.query('commit');
    await synced.startSidecar();
    await synced.wait(update);
    expect(await synced.update(update)).toMatchObject({ state: 'COMPLETED' });
  });
});

const server = postgresServers().at(-1);
if (!server) throw new Error('no server');

it('stops at SIGINT too', async () => {
  await using synced = await SyncedLake.create(server);
  const sidecar = await synced.spawnSidecar();
  sidecar.signal('SIGINT');
  expect(await sidecar.exited).toBe(0);
  expect(sidecar.log.map((line) => JSON.parse(line).msg)).toContain('stopped');
});

it('goes on syncing while a newer version changes the schema without breaking it, and starts again on that', async () => {
  await using synced = await SyncedLake.create(server);
  await using newer = await copySql();
  await synced.lake.createTable('gold.t', { id: 'long' }, 'select i as id from range(10) t(i)');
  const running = await synced.spawnSidecar();
  await synced.load('gold.t');
  const file = `${String((await readMigrations()).length).padStart(4, '0')}_newer.sql`;
  await writeFile(
    path.join(newer.dir, file),
    'alter table synced_tables._tables add column newer int; alter table synced_tables._updates add column newer int',
  );
  const sync = path.join(newer.dir, 'routines/queue/sync_now.sql');
  await writeFile(sync, (await readFile(sync, 'utf8')).replace('language plpgsql', 'language plpgsql cost 4711'));
  const upgrade = { dir: newer.dir, release: '99.0.0' };
  expect(await migrateDatabase(synced.admin, upgrade)).toEqual({ applied: [file], hasReplacedRoutines: true });
  expect(await synced.sync('gold.t', true)).toMatchObject({ method: 'SNAPSHOT' });
  await running.stop();
  expect(await running.exited).toBe(0);
  await synced.spawnSidecar();
  expect(await synced.sync('gold.t', true)).toMatchObject({ method: 'SNAPSHOT' });
  // The functions are still those of the newer one.
  expect(await synced.value(`select release from synced_tables._schema`)).toBe('99.0.0');
  expect(await migrateDatabase(synced.admin, upgrade)).toEqual({ applied: [], hasReplacedRoutines: false });
}, 120_000);

it('ends with exit code 3 when a newer version has made the database one that it cannot work with, and does not start again', async () => {
  await using synced = await SyncedLake.create(server);
  const sidecar = await synced.spawnSidecar();
  await synced.admin.query('update synced_tables._schema set newest_breaking = 4711');
  expect(await sidecar.exited).toBe(3);
  const file = path.join(synced.folder, 'settings.json');
  writeFileSync(file, JSON.stringify({ instances: { local: { url: synced.sidecarUrl } } }));
  const { end, stderr } = await runCli(['serve', '--config', file]);
  expect(end).toBe(3);
  expect(stderr).toMatch(/^DATABASE_NEWER: .*4711/m);
}, 120_000);

it('tells in one line that its port is taken', async () => {
  await using synced = await SyncedLake.create(server);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const file = path.join(synced.folder, 'settings.json');
  writeFileSync(file, JSON.stringify({ instances: { local: { url: synced.sidecarUrl } }, api: { port } }));
  const { end, stdout, stderr } = await runCli(['serve', '--config', file]);
  taken.close();
  expect({ end, stdout }).toEqual({ end: 1, stdout: '' });
  const lines = stderr.trimEnd().split('\n');
  expect(lines.filter((line) => !line.startsWith('{'))).toEqual([
    `PORT_TAKEN: Port ${port} of 127.0.0.1 is taken by another program. Choose another port with api.port in the settings, or stop the program that uses it.`,
  ]);
});
