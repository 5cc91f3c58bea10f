import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { startSidecar } from '../../src/index.js';
import { TestLake } from '../support/delta-writer.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';

// Goal: a program starts a sidecar with settings of its own or with a file, and is told what is wrong with them.

const server = postgresServers().at(-1);
if (!server) throw new Error('no server');

it('syncs tables until it is stopped, with settings as an object or from a file', async () => {
  await using database = await createMigratedDatabase(server);
  await using lake = await TestLake.create();
  await lake.createTable('gold.t', { id: 'long' }, 'select i as id from range(7) t(i)');
  const settings = {
    instances: { local: { url: database.url } },
    catalogs: { lake: { kind: 'path', root: lake.root } },
    api: { port: 0 },
    log: { level: 'silent' },
  };
  const folder = mkdtempSync(path.join(tmpdir(), 'test-program-'));
  const config = path.join(folder, 'settings.yaml');
  writeFileSync(config, JSON.stringify(settings), { mode: 0o600 });
  try {
    for (const [name, options] of Object.entries({ object: { settings }, file: { config } })) {
      const sidecar = await startSidecar(options);
      try {
        const isReady = async () => (await fetch(`${sidecar.url}/readyz`)).ok;
        await expect.poll(isReady, { timeout: 60_000 }).toBe(true);
        const create = `synced_tables.create_synced_table('gold.by_${name}', 'lake.gold.t', array['id'])`;
        await database.admin.query(`call synced_tables.wait_for_update(${create}, interval '150 s')`);
        expect((await database.admin.query(`select from gold.by_${name}`)).rowCount).toBe(7);
      } finally {
        await sidecar.stop();
      }
      await expect(fetch(`${sidecar.url}/readyz`)).rejects.toThrow();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('names the setting that is wrong, and shows no password', async () => {
  const settings = { instances: { local: { url: 'postgres://u:s3cret@host/db', port: 1 } }, catalogues: {} };
  const error = await startSidecar({ settings }).catch((thrown: unknown) => thrown);
  const messages = (error as AggregateError).errors.map(({ code, message }) => `${code}: ${message}`);
  expect(messages.join('\n')).toMatch(/SETTINGS_INVALID: .*instances\.local\.port/);
  expect(messages.join('\n')).toMatch(/SETTINGS_INVALID: .*catalogues/);
  expect(messages.join('\n')).not.toContain('s3cret');
});
