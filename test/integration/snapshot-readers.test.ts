import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { openEngine } from '../../src/lake/engine/duckdb-engine.js';
import { releaseLease, renewLeases } from '../../src/postgres/registry/lease.js';
import { claimUpdates, requeueUpdate } from '../../src/postgres/registry/update-queue.js';
import { openSession, SYNC_ROLE } from '../../src/postgres/session/session.js';
import { SharedSession } from '../../src/postgres/session/shared-session.js';
import { settingsSchema } from '../../src/settings/settings-schema.js';
import { openCatalogs } from '../../src/sidecar/open-catalogs.js';
import { runUpdate } from '../../src/sync/run-update.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: readers of a SNAPSHOT table always see one whole version, and neither they nor a switch wait long for the
// other.

/** TEST_LONG=1 makes it the real thing. */
const isLong = process.env.TEST_LONG === '1';
const ROWS = isLong ? 200_000 : 40_000;
const REFRESHES = isLong ? 20 : 6;
const columns = { id: 'long', version: 'integer', filler: 'string' };
/** Every row tells its version, and every version has another number of rows. */
const rowsOf = (version: number) =>
  `select i as id, ${version} as version, 'filler ' || i as filler from range(${ROWS + version}) t(i)`;

describe.each(postgresServers())('readers of a SNAPSHOT table on $name', (server) => {
  it('see exactly one version whole in every read, and hardly wait, while it is refreshed again and again', async () => {
    await using lake = await SyncedLake.create(server);
    await lake.startSidecar();
    const source = await lake.lake.createTable('r.t', columns, rowsOf(0));
    await lake.load('r.t');
    await lake.admin.query('create index on r.t (filler)');
    const reading = new AbortController();
    const seen = new Set<number>();
    let reads = 0;
    let longestMs = 0;
    const timed = async <Row extends pg.QueryResultRow>(client: pg.Client, query: pg.QueryConfig): Promise<Row[]> => {
      const startedAt = performance.now();
      const { rows } = await client.query<Row>(query);
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      reads += 1;
      return rows;
    };
    const everything = async (client: pg.Client) => {
      const [row] = await timed<{ n: number; low: number; high: number; sum: string }>(client, {
        text: 'select count(*)::int as n, min(version) as low, max(version) as high, sum(id)::text as sum from r.t',
      });
      const n = row?.n ?? 0;
      expect(row).toEqual({ n: ROWS + (row?.low ?? 0), low: row?.low, high: row?.low, sum: String((n * (n - 1)) / 2) });
      seen.add(row?.low ?? -1);
    };
    const points = async (client: pg.Client, isPrepared: boolean) => {
      const id = Math.floor(Math.random() * ROWS);
      const name = isPrepared ? { name: 'point' } : {};
      const rows = await timed(client, { ...name, text: 'select id, filler from r.t where id = $1', values: [id] });
      expect(rows).toEqual([{ id: String(id), filler: `filler ${id}` }]);
      await sleep(1);
    };
    const pair = async (client: pg.Client) => {
      const rows = await timed(client, {
        text: `select count(distinct version)::int as versions, count(*)::int as n from r.t where id in (0, 77, 39999) or filler = 'filler 5'`,
      });
      expect(rows).toEqual([{ versions: 1, n: 4 }]);
      await sleep(1);
    };
    const readers = [everything, pair, (c: pg.Client) => points(c, true), (c: pg.Client) => points(c, false)].map(
      async (read) => {
        const client = await lake.database.connect();
        while (!reading.signal.aborted) await read(client);
      },
    );
    const refreshes = async () => {
      for (let version = 1; version <= REFRESHES; version++) {
        await source.overwrite(rowsOf(version));
        await lake.sync('r.t');
      }
    };
    try {
      await Promise.race([refreshes(), Promise.all(readers)]);
    } finally {
      reading.abort();
    }
    await Promise.all(readers);
    console.info(
      `${server.name}: ${reads} reads during ${REFRESHES} refreshes saw ${seen.size} versions; the longest took ${Math.round(longestMs)} ms`,
    );
    expect(seen.size).toBeGreaterThan(2);
    expect(await lake.value('select count(*) from r.t')).toBe(String(ROWS + REFRESHES));
    expect(await lake.shadowTables()).toEqual([]);
  });

  it('do not queue behind a switch that waits for a long transaction, which is done when that ends', async () => {
    await using lake = await SyncedLake.create(server);
    await lake.startSidecar();
    const source = await lake.lake.createTable('r.held', columns, 'select 1 as id, 0 as version, null as filler');
    await lake.load('r.held');
    const holder = await lake.database.connect();
    await holder.query('begin; select count(*) from r.held');
    await source.overwrite('select 1 as id, 1 as version, null as filler');
    const update = await lake.requestSync('r.held');
    const reader = await lake.database.connect();
    const waits: number[] = [];
    const until = performance.now() + 2_000;
    while (performance.now() < until) {
      const startedAt = performance.now();
      expect((await reader.query('select version from r.held')).rows).toEqual([{ version: 0 }]);
      waits.push(performance.now() - startedAt);
      await sleep(1);
    }
    const longest = Math.max(...waits);
    console.info(
      `${server.name}: the longest of ${waits.length} reads while a switch was waiting took ${Math.round(longest)} ms`,
    );
    // A reader can come behind one request for the lock, which gives up after 50 ms; a queue would take the two seconds.
    expect(longest).toBeLessThan(1_000);
    expect((await lake.update(update)).state).toBe('RUNNING');
    await holder.query('commit');
    await lake.wait(update);
    expect((await lake.update(update)).attempt).toBe(1);
    expect((await reader.query('select version from r.held')).rows).toEqual([{ version: 1 }]);
  });

  it('are named by the error when the switch has waited long enough, and the next try succeeds without them', async () => {
    await using lake = await SyncedLake.create(server);
    const source = await lake.lake.createTable('r.patience', columns, 'select 1 as id, 0 as version, null as filler');
    const sidecar = await lake.startSidecar();
    await lake.load('r.patience');
    await sidecar[Symbol.asyncDispose]();
    const holder = await lake.database.connect();
    await holder.query(`set application_name = 'a long report'; begin; select count(*) from r.patience`);
    await source.overwrite('select 1 as id, 1 as version, null as filler');
    const update = await lake.requestSync('r.patience');
    await runOnce(lake, 300);
    expect(await lake.status('r.patience')).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES',
      last_error_code: 'LOCK_TIMEOUT',
      message: expect.stringContaining('a long report'),
    });
    expect(await lake.update(update)).toMatchObject({ state: 'QUEUED', attempt: 1 });
    expect(await lake.value('select version from r.patience')).toBe('0');
    expect(await lake.shadowTables()).toEqual([]);
    await holder.query('commit');
    await lake.startSidecar();
    await lake.wait(update);
    expect(await lake.value('select version from r.patience')).toBe('1');
    expect(await lake.status('r.patience')).toMatchObject({ last_error_code: null });
  });
});

/** Runs the update that is due as a sidecar does, but with little patience for locks; it goes back to the queue. */
async function runOnce(lake: SyncedLake, switchPatienceMs: number): Promise<void> {
  const open = () => openSession({ url: lake.sidecarUrl, applicationName: 'synced-tables sidecar', role: SYNC_ROLE });
  const client = await open();
  const holder = randomUUID();
  await renewLeases(client, holder, 30);
  const [claim] = await claimUpdates(client, { holder, running: [], mode: 'DEFAULT', limit: 1 });
  if (!claim) throw new Error('no update is due');
  const settings = settingsSchema.parse({
    instances: { local: { url: lake.sidecarUrl } },
    catalogs: { lake: { kind: 'path', root: lake.lake.root } },
  });
  await using engine = await openEngine({ temporaryFolder: lake.folder });
  const catalogs = openCatalogs(settings, engine);
  const { signal } = new AbortController();
  await using watcher = new SharedSession(open);
  const work = { catalogs, engine, watcher, acceleratedConnections: 1, connections: 1, switchPatienceMs, signal };
  const outcome = await runUpdate({ ...claim, ...work, openSession: open }, { giveBack: (session) => session.end() });
  expect(outcome).toEqual({ kind: 'retry', delaySeconds: 1 });
  await requeueUpdate(client, claim, 0.1, true);
  await releaseLease(client, claim.lease);
  await client.end();
}
