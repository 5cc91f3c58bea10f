import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { examine } from '../../src/doctor/examine.js';
import { migrateDatabase } from '../../src/postgres/install/migrate.js';
import { checkSettings } from '../../src/settings/load-settings.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { createTestDatabase, postgresServers, type TestDatabase } from '../support/postgres.js';
import { runCli } from '../support/run-cli.js';
import { startTestSidecar } from '../support/sidecar.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: a database whose encoding lacks characters of UTF-8 is refused before anything is in it, and the other databases of
// its sidecar and of a migration do not suffer from that.

const [server] = postgresServers().slice(-1);
if (!server) throw new Error('there is no server');

const nameOf = ({ url }: Pick<TestDatabase, 'url'>) => new URL(url).pathname.slice(1);
const schemasOf = async (database: TestDatabase) => {
  const client = await database.connect();
  const { rows } = await client.query<{ name: string }>(
    `select nspname as name from pg_namespace where nspname ~ '^(synced_tables|databricks|__db)' order by 1`,
  );
  return rows.map(({ name }) => name);
};

it.each(['LATIN1', 'WIN1252', 'EUC_JP'])('refuses a database in %s and leaves nothing in it', async (encoding) => {
  await using database = await createTestDatabase(server, { encoding });
  const client = await database.connect();
  await expect(migrateDatabase(client)).rejects.toMatchObject({
    code: 'DATABASE_ENCODING_UNSUPPORTED',
    message: expect.stringContaining(`${nameOf(database)} is encoded in ${encoding}`),
    remedy: expect.stringContaining('ENCODING'),
  });
  expect(await schemasOf(database)).toEqual([]);
  const findings = await examine(checkSettings({ instances: { local: { url: database.url } } }));
  expect(findings.filter(({ severity }) => severity === 'error')).toMatchObject([
    { code: 'DATABASE_ENCODING_UNSUPPORTED' },
  ]);
});

it('syncs into a database in SQL_ASCII', async () => {
  await using database = await createTestDatabase(server, { encoding: 'SQL_ASCII' });
  await migrateDatabase(await database.connect());
  await using lake = await SyncedLake.create(server);
  await lake.lake.createTable('e.t', { id: 'long', v: 'string' }, `select 1 as id, 'Grüße 日本' as v`);
  await using _ = await startTestSidecar({ url: database.url, lakeRoot: lake.lake.root, folder: lake.folder });
  const client = await database.connect();
  await client.query(`select synced_tables.create_synced_table('e.t', 'lake.e.t', array['id'])`);
  await eventually(
    async () => (await client.query(`select from synced_tables.status where row_count = 1`)).rowCount === 1,
    'it is loaded',
  );
  expect((await client.query('select v from e.t')).rows).toEqual([{ v: 'Grüße 日本' }]);
  const findings = await examine(checkSettings({ instances: { local: { url: database.url } } }));
  expect(findings.map(({ code }) => code)).toContain('ENCODING_UNCHECKED');
});

it('is no hindrance to the other databases of a sidecar, of which it is told', async () => {
  await using latin = await createTestDatabase(server, { encoding: 'LATIN1' });
  await using lake = await SyncedLake.create(server);
  const databases = [nameOf(latin), nameOf(lake.database)];
  const log: string[] = [];
  const instances = { local: { url: lake.database.url, databases } };
  const { url } = await lake.startSidecar({ instances, pollSeconds: 1, onLog: (line) => log.push(line) });
  await lake.lake.createTable('e.t', { id: 'long' }, 'select 1 as id');
  await lake.load('e.t');
  expect(log.find((line) => line.includes('DATABASE_ENCODING_UNSUPPORTED'))).toContain(nameOf(latin));
  expect(await schemasOf(latin)).toEqual([]);
  const ready = await fetch(`${url}/readyz`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toMatchObject({
    degraded: [{ database: `local/${nameOf(latin)}`, error_code: 'DATABASE_ENCODING_UNSUPPORTED' }],
  });
});

it('ends a sidecar that has no other database', async () => {
  await using latin = await createTestDatabase(server, { encoding: 'LATIN1' });
  await using lake = await SyncedLake.create(server);
  await expect(
    startTestSidecar({ url: latin.url, lakeRoot: lake.lake.root, folder: lake.folder }),
  ).rejects.toMatchObject({ code: 'DATABASE_ENCODING_UNSUPPORTED' });
});

it('does not keep migrate from the other databases', async () => {
  await using latin = await createTestDatabase(server, { encoding: 'LATIN1' });
  await using other = await createMigratedDatabase(server);
  await other.admin.query(`update synced_tables._schema set layer_hash = 'another', release = '0.0.1'`);
  const folder = mkdtempSync(path.join(tmpdir(), 'encodings-'));
  const file = path.join(folder, 'settings.json');
  const databases = [nameOf(latin), nameOf(other)];
  writeFileSync(file, JSON.stringify({ instances: { prod: { url: server.url, databases } } }));
  const { end, stdout, stderr } = await runCli(['migrate', '--config', file]);
  expect(end).toBe(1);
  expect(stderr).toContain(`DATABASE_ENCODING_UNSUPPORTED: Database ${nameOf(latin)}`);
  expect(stdout).toContain(`prod/${nameOf(other)}: brought functions and views up to date`);
  rmSync(folder, { recursive: true });
});
