import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readPostmasterFile } from '../../src/embedded/postmaster-file.js';
import { TestLake } from '../support/delta-writer.js';
import { ensureBuilt } from '../support/ensure-built.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { runCliJson } from '../support/run-cli.js';
import { fencedBlocks } from '../support/runnable-document.js';
import { startTestSidecar } from '../support/sidecar.js';
import { createStatement, incidents, nextChanges, portalFolder } from '../support/support-portal.js';

// Goal: the support portal starts with one command, proves its round, goes on where it was and leaves nothing running; and
// the lake that it writes is one that is read like any other.

const START = path.join(portalFolder, 'start.mjs');
const START_MS_MAX = 120_000;

interface Example {
  readonly child: ChildProcess;
  /** All that it has written so far. */
  said(): string;
  readonly ended: Promise<number | NodeJS.Signals>;
}

async function startExample(program: string, args: readonly string[], cwd = tmpdir()): Promise<Example> {
  await ensureBuilt();
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (more: string) => {
      text += more;
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => (signal ?? code) as number | NodeJS.Signals);
  return { child, said: () => text, ended };
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'test-portal-'));
  chmodSync(folder, 0o755); // the server may run as another user
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

it('proves one round, and the same again where it left off', async () => {
  await inFolder(async (folder) => {
    const dataDir = path.join(folder, 'portal');
    for (const round of ['first', 'second']) {
      const example = await startExample(START, ['--once', '--data-dir', dataDir]);
      expect(await example.ended, example.said()).toBe(0);
      const proved = example.said().match(/^ {2}proved: /gm);
      expect(proved, example.said()).toHaveLength(8);
      expect(example.said().includes('SELECT synced_tables.create_synced_table(')).toBe(round === 'first');
    }
    expect(statSync(path.join(dataDir, 'portal-password')).mode & 0o777).toBe(0o600);
    expect(existsSync(path.join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false);
  });
});

it('names what it started, and Ctrl-C ends all of it', async () => {
  await inFolder(async (folder) => {
    const example = await startExample(START, ['--port', '0', '--data-dir', folder]);
    await expect.poll(() => example.said(), { timeout: START_MS_MAX }).toContain('until you press Ctrl-C');
    try {
      const [, portal] = /^Portal: +(\S+)$/m.exec(example.said()) ?? [];
      expect(await (await fetch(portal ?? '')).text()).toContain('<h1>Support portal</h1>');
      const [, sidecar] =
        /^Console: +(http:\/\/[^/]+)\/console\/tables\/app\.support\.incidents$/m.exec(example.said()) ?? [];
      const api = `${sidecar}/api/2.0/database/synced_tables/app.support.incidents`;
      expect(await (await fetch(api)).json()).toMatchObject({
        name: 'app.support.incidents',
        spec: {
          scheduling_policy: 'CONTINUOUS',
          extra_index_definitions: [{ name: 'incidents_by_risk', definition: '(escalation_risk DESC)' }],
        },
      });
      expect(example.said()).toMatch(/^psql: +psql "postgres:\/\/postgres:\S+@127\.0\.0\.1:\d+\/app"$/m);
      // The simulator commits by itself.
      await expect.poll(() => freshness(portal ?? ''), { timeout: START_MS_MAX }).toBeGreaterThan(0);
      const server = await readPostmasterFile(path.join(folder, 'postgres'));
      example.child.kill('SIGINT');
      expect(await example.ended, example.said()).toBe(0);
      expect(() => process.kill(server?.pid ?? 0, 0)).toThrow('ESRCH');
    } finally {
      example.child.kill('SIGKILL');
      await example.ended;
    }
  });
});

it('has a model that runs on its own, also where a link leads to it', async () => {
  await inFolder(async (folder) => {
    symlinkSync(portalFolder, path.join(folder, 'linked'));
    const model = await startExample('linked/simulate.mjs', [path.join(folder, 'lake')], folder);
    try {
      await expect.poll(() => model.said(), { timeout: START_MS_MAX }).toContain('Committed version 2.');
      model.child.kill('SIGINT');
      expect(await model.ended, model.said()).toBe(0);
    } finally {
      model.child.kill('SIGKILL');
      await model.ended;
    }
    const without = await startExample('linked/simulate.mjs', [], folder);
    expect(await without.ended).toBe(2);
    expect(without.said()).toContain('node simulate.mjs LAKE_FOLDER');
  });
});

it('says what is wrong with the way it was called', async () => {
  const wrong = await startExample(START, ['--prot', '1']);
  expect(await wrong.ended).toBe(2);
  expect(wrong.said()).toContain(`Unknown option '--prot'`);
  expect(wrong.said()).toContain('--data-dir DIR');
});

async function freshness(portal: string): Promise<number> {
  const answer = (await (await fetch(`${portal}api/tickets?limit=1`)).json()) as { version: number | null };
  return answer.version ?? 0;
}

describe('the lake of the example', () => {
  it('equals what is read of it at every version, through checkpoints and after old versions were removed', async () => {
    await using lake = await TestLake.create();
    const options = { count: 40, checkpointEvery: 4, keepVersions: 6 };
    const random = incidents.randomFrom(11);
    let table = await incidents.openIncidents(lake.root, options);
    for (let commit = 1; commit <= 18; commit++) {
      await table.commit(...(await nextChanges(table, random)));
      if (commit % 7 === 0) {
        // As after a restart.
        table.close();
        table = await incidents.openIncidents(lake.root, options);
      }
    }
    const environment = { SYNCED_TABLES_LAKE: lake.root };
    const found = (await runCliJson(['preview', 'lake.support.incidents'], environment)) as Record<string, unknown>;
    const rows = await table.query('from rows');
    expect(found).toMatchObject({ version: 18, row_count: rows.length, warnings: [] });
    const folder = path.join(lake.root, 'support', 'incidents');
    expect(existsSync(path.join(folder, '_delta_log', `${'4'.padStart(20, '0')}.json`))).toBe(false);
    expect(existsSync(path.join(folder, '_delta_log', `${'16'.padStart(20, '0')}.checkpoint.parquet`))).toBe(true);
    table.close();
  });

  it('has changes that lead from one version to the next', async () => {
    await using lake = await TestLake.create();
    const table = await incidents.openIncidents(lake.root, { count: 5 });
    await table.commit(incidents.rescoring('INC-0001', 0.5), incidents.removal('INC-0002'));
    const file = readFileSync(
      path.join(lake.root, 'support/incidents/_delta_log', `${'1'.padStart(20, '0')}.json`),
      'utf8',
    );
    const [, change] = /"cdc":\{"path":"([^"]+)"/.exec(file) ?? [];
    const feed = await table.query(
      `select incident_id, _change_type, escalation_risk = 0.5 as is_new from read_parquet('${lake.root}/support/incidents/${change}')
        order by 1, 2 desc`,
    );
    expect(feed).toEqual([
      { incident_id: 'INC-0001', _change_type: 'update_preimage', is_new: false },
      { incident_id: 'INC-0001', _change_type: 'update_postimage', is_new: true },
      { incident_id: 'INC-0002', _change_type: 'delete', is_new: expect.any(Boolean) },
    ]);
    table.close();
  });
});

it('makes the same table with the SQL and with the command of the README', async () => {
  const [server] = postgresServers().slice(-1);
  if (!server) throw new Error('no server');
  await ensureBuilt();
  await using database = await createMigratedDatabase(server);
  await inFolder(async (folder) => {
    const lakeRoot = path.join(folder, 'lake');
    (await incidents.openIncidents(lakeRoot, { count: 3 })).close();
    await using _sidecar = await startTestSidecar({ url: database.url, lakeRoot, folder });
    const told = async () => {
      const { rows } = await database.admin.query(
        `select source_table_full_name, scheduling_policy, row_count, pg_get_indexdef('support.incidents_by_risk'::regclass) as index
           from synced_tables.status where synced_table = 'support.incidents'`,
      );
      return rows;
    };
    await database.admin.query(`call synced_tables.wait_for_update(${createStatement().replace(/^SELECT /, '')})`);
    const bySql = await told();
    expect(bySql).toMatchObject([{ scheduling_policy: 'CONTINUOUS', row_count: '3' }]);
    await database.admin.query(`select synced_tables.delete_synced_table('support.incidents', purge => true)`);
    const [command = ''] = fencedBlocks('examples/support-portal/README.md').flatMap(({ text }) =>
      text.startsWith('npx synced-tables create ') ? [text.replace(/^npx /, '')] : [],
    );
    const program = path.resolve(portalFolder, '../../bin/synced-tables.cjs');
    const { PATH = '' } = process.env;
    await promisify(execFile)('sh', ['-c', command.replace('synced-tables', `node '${program}'`)], {
      cwd: folder,
      env: { PATH, DATABASE_URL: database.url, SYNCED_TABLES_LAKE: lakeRoot },
    });
    expect(await told()).toEqual(bySql);
  });
});
