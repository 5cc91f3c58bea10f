import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startSidecar } from '../../src/index.js';
import { TestLake } from '../support/delta-writer.js';
import { ensureBuilt } from '../support/ensure-built.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { runnableBlocks } from '../support/runnable-document.js';

// Goal: a program starts a sidecar with settings of its own or with a file, and is told what is wrong with them; and the
// program of the guide runs as it is.

const root = path.resolve(import.meta.dirname, '../..');
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

it('runs the program of the guide', async () => {
  await ensureBuilt();
  const [program, ...others] = runnableBlocks('docs/guides/programs.md');
  expect(others).toEqual([]);
  const folder = mkdtempSync(path.join(tmpdir(), 'test-program-'));
  try {
    chmodSync(folder, 0o755); // the server may run as another user
    mkdirSync(path.join(folder, 'node_modules'));
    symlinkSync(root, path.join(folder, 'node_modules', 'synced-tables'));
    symlinkSync(path.join(root, 'node_modules', 'pg'), path.join(folder, 'node_modules', 'pg'));
    symlinkSync(path.join(root, 'examples', 'lake'), path.join(folder, 'lake'));
    writeFileSync(path.join(folder, 'program.mjs'), program?.text ?? '');
    const run = promisify(execFile)(process.execPath, ['program.mjs'], { cwd: folder });
    const { stdout, stderr } = await run;
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^\[ \{ count: '\d+' \} \]\n$/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
