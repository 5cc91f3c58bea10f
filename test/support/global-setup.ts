import { chmod, mkdtemp, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/embedded/embedded-postgres.js';
import { type EmbeddedMajor, findPostgresPackage } from '../../src/embedded/postgres-package.js';
import { dropMigratedTemplates } from './migrated-template.js';
import type { TestServer } from './test-server.js';

/** A test run loses nothing when its server loses data; tests that crash a server start their own. */
const fastSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  max_prepared_transactions: '20',
  wal_level: 'logical',
  // Each of a thousand databases writes some; what is kept for reuse lies in memory.
  max_wal_size: '256MB',
  // A database lives for seconds: what is found out about it is never used.
  autovacuum_naptime: '1h',
};
/**
 * A proof of the password takes most of a session's start, on both sides, and most sessions of tests are the superuser's.
 * Everybody else proves it as users do.
 */
const clientAuthentication = `
host all postgres 127.0.0.1/32 trust
host all,replication all 127.0.0.1/32 scram-sha-256
`;
/** A folder in memory: a test database is 300 files, which take a disk up to a second to make, and memory a tenth. */
const memoryFolder = '/dev/shm';
const memoryBytesMin = 3e9;
const majors = [15, 18] as const;
/** For the tests of the guard, which rests on what each version checks; npm has no servers for some platforms. */
const majorsBetween = [16, 17] as const;
/** Pages are the same on each: their tests take this one alone. */
const newestMajor = 18;

interface StartedServer extends TestServer {
  stop(): Promise<void>;
}

/**
 * Provides the PostgreSQL servers of a run: the one of TEST_DATABASE_URL or DATABASE_URL if given, containers with
 * TEST_POSTGRES=docker, else the servers that npm ships.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { TEST_DATABASE_URL, DATABASE_URL, TEST_POSTGRES } = process.env;
  const givenUrl = TEST_DATABASE_URL || DATABASE_URL;
  if (givenUrl) {
    project.provide('postgresServers', [await describeServer(givenUrl)]);
    return () => dropMigratedTemplates(givenUrl);
  }
  const root = await mkdtemp(path.join(await clustersFolder(), `synced-tables-test-${process.pid}-`));
  await chmod(root, 0o755); // the server may run as another user
  const authenticationFile = path.join(root, 'pg_hba.conf');
  await writeFile(authenticationFile, clientAuthentication);
  const all = [...majors, ...majorsBetween];
  const wanted = all.filter((major) => project.name !== 'console' || major === newestMajor);
  const starts = await Promise.allSettled(
    TEST_POSTGRES === 'docker'
      ? wanted.map((major) => startContainer(major))
      : wanted
          .filter((major) => majors.some((each) => each === major) || isInstalled(major))
          .map((major) => startEmbedded(major, root, authenticationFile)),
  );
  const servers = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const failures = starts.flatMap((start) => (start.status === 'rejected' ? [start.reason] : []));
  const teardown = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
    await rm(root, { recursive: true, force: true });
  };
  if (failures.length > 0) {
    await teardown();
    throw failures[0];
  }
  project.provide(
    'postgresServers',
    servers.map(({ name, major, url }) => ({ name, major, url })),
  );
  return teardown;
}

async function clustersFolder(): Promise<string> {
  const isThere = await statfs(memoryFolder).catch(() => null);
  if (isThere === null) return tmpdir();
  await removeLeftBehind();
  const memory = await statfs(memoryFolder);
  return memory.bavail * memory.bsize >= memoryBytesMin ? memoryFolder : tmpdir();
}

/** What runs that were killed left in memory stays there until somebody removes it. */
async function removeLeftBehind(): Promise<void> {
  for (const name of await readdir(memoryFolder)) {
    const pid = /^synced-tables-test-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) {
      await rm(path.join(memoryFolder, name), { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

async function describeServer(url: string): Promise<TestServer> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ version: number; super: boolean }>(
      `select current_setting('server_version_num')::int as version, rolsuper as super
       from pg_catalog.pg_roles where rolname = current_user`,
    );
    const [row] = rows;
    if (!row?.super)
      throw new Error('the user of TEST_DATABASE_URL must be a superuser: tests make roles and triggers');
    const major = Math.trunc(row.version / 10_000);
    return { name: `PostgreSQL ${major}`, major, url };
  } finally {
    await client.end();
  }
}

function isInstalled(major: EmbeddedMajor): boolean {
  try {
    findPostgresPackage(major);
    return true;
  } catch {
    return false;
  }
}

async function startEmbedded(major: EmbeddedMajor, root: string, authenticationFile: string): Promise<StartedServer> {
  const dataDir = path.join(root, String(major));
  const settings = { ...fastSettings, hba_file: authenticationFile };
  const server = await startEmbeddedPostgres({ major, dataDir, settings });
  return { name: `PostgreSQL ${major}`, major, url: server.url, stop: () => server.stop('immediate') };
}

async function startContainer(major: EmbeddedMajor): Promise<StartedServer> {
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const settings = Object.entries(fastSettings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const container = await new PostgreSqlContainer(`postgres:${major}`).withCommand(['postgres', ...settings]).start();
  const stop = async (): Promise<void> => void (await container.stop());
  return { name: `PostgreSQL ${major}`, major, url: container.getConnectionUri(), stop };
}
