import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: the unmodified Java SDK of Databricks works against a sidecar, from a table's creation to its deletion, and throws the
// exceptions that its users catch.

const run = promisify(execFile);
const INSTALL_MS_MAX = 300_000;

const classPath = await run(
  path.join(import.meta.dirname, 'install-java-sdk.sh'),
  [path.join(tmpdir(), 'synced-tables-java-sdk')],
  { timeout: INSTALL_MS_MAX },
).then(
  ({ stdout }) => stdout.trim(),
  (error: Error) => {
    process.stderr.write(`java-sdk.test.ts is skipped: the SDK cannot be had here (${error.message})\n`);
    return null;
  },
);

describe.skipIf(classPath === null).each(eitherPostgresServer(import.meta.url))('the Java SDK on $name', (server) => {
  it('creates, reads, syncs and deletes tables of both services', { timeout: 300_000 }, async () => {
    await using synced = await SyncedLake.create(server);
    await synced.lake.createTable('gold.t', { id: 'long' }, 'select i as id from range(7) t(i)');
    const { url } = await synced.startSidecar({ workspace: { folder: path.join(synced.folder, 'workspace') } });
    const role = await synced.database.createRole('keeper', 'databricks_superuser');
    await synced.admin.query(`alter role ${role} login`);
    const database = (await synced.value('select current_database()')) ?? '';
    const { stdout } = await run('java', ['-cp', classPath ?? '', 'JavaSdk', 'local', database, role], {
      env: {
        PATH: process.env.PATH,
        HOME: synced.folder,
        DATABRICKS_HOST: url,
        DATABRICKS_TOKEN: await createToken(synced, role),
      },
      timeout: 280_000,
    });
    const said = Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split('\t')),
    );
    expect(said).toEqual({
      me: role,
      instances: 'local',
      instance: 'AVAILABLE',
      catalog: 'true',
      'catalog uid': 'true',
      table: '[id]',
      tables: 'japp.gold.a',
      listed: 'japp.gold.a',
      schemas: 'japp.gold',
      catalogs: 'true',
      exists: 'true',
      pipeline: 'Synced table: gold.a',
      update: 'COMPLETED',
      events: 'true',
      run: 'SUCCESS',
      jobs: '1',
      workspace: 'DIRECTORY',
      permissions: 'true',
      credential: 'true',
      project: 'true',
      lakebase: 'catalogs/jlake',
      synced: 'synced_tables/jlake.made.b',
      state: 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
      again: 'AlreadyExists',
      missing: 'NotFound',
      invalid: 'InvalidParameterValue',
      refused: 'NotImplemented',
      unauthenticated: 'Unauthenticated',
      gone: 'NotFound',
    });
    expect(await synced.value(`select to_regclass('gold.a')`)).toBeNull();
    expect(await synced.rows('made.b', ['count(*)'])).toEqual([['7']]);
  });
});
