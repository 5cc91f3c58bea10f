import { PassThrough, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import type { SyncedTablesError } from '../../src/core/errors.js';
import { copyIn } from '../../src/postgres/copy/copy-in.js';
import { copyOut } from '../../src/postgres/copy/copy-out.js';
import { closeSession, openSession } from '../../src/postgres/session/session.js';
import { SessionWatch } from '../../src/postgres/session/session-watch.js';
import { type FaultKind, FaultProxy } from '../support/fault-proxy.js';
import { createTestDatabase, postgresServers } from '../support/postgres.js';
import { eventually } from '../support/synced-lake.js';

// Goal: a session on which nobody answers any more is noticed within seconds, whatever it was doing; one that works, or
// waits for us, never is.

const NAME = 'watched sessions';
/** What is promised. */
const NOTICED_MS_MAX = 15_000;

class Watched implements AsyncDisposable {
  readonly cut: SyncedTablesError[] = [];
  readonly #watch: SessionWatch;
  readonly #url: string;
  readonly #clients: pg.Client[] = [];

  /** @param url as sessions connect; `directUrl`: as the watch does */
  constructor(url: string, directUrl = url) {
    this.#url = url;
    this.#watch = new SessionWatch({
      url: directUrl,
      applicationName: NAME,
      onSilent: (error) => this.cut.push(error),
    });
  }

  async open(): Promise<pg.Client> {
    const client = await openSession({ url: this.#url, applicationName: NAME, role: null, watch: this.#watch });
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch[Symbol.asyncDispose]();
    await Promise.all(this.#clients.map(closeSession));
  }
}

/** The code with which work on a silent session failed, and how long that took. */
async function failureOf(work: Promise<unknown>): Promise<{ code: unknown; isInTime: boolean }> {
  const startedAt = performance.now();
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  return { code: (error as { code?: unknown } | null)?.code, isInTime: performance.now() - startedAt < NOTICED_MS_MAX };
}

const SILENT = { code: 'POSTGRES_SILENT', isInTime: true };

function endlessSource(client: pg.Client, table: string, pauseMs: number, rows = Number.POSITIVE_INFINITY) {
  const bytes = new PassThrough();
  const finished = (async () => {
    let n = 0;
    for (; n < rows && !bytes.destroyed; n += 1) {
      if (!bytes.write(`${n}\t${'x'.repeat(2_000)}\n`)) await sleep(1);
      await sleep(pauseMs);
    }
    bytes.end();
    return BigInt(n);
  })();
  return copyIn(client, `copy ${table} from stdin`, { bytes, finished });
}

const servers = postgresServers().slice(process.env.TEST_LONG === '1' ? 0 : -1);

describe.concurrent.each(servers)('the watch of sessions on $name', (server) => {
  it.each<FaultKind>(['freeze', 'stall', 'half-open'])(
    'notices a statement that never arrives, and one whose answer is lost: %s',
    async (kind) => {
      await using database = await createTestDatabase(server);
      await using proxy = await FaultProxy.start(database.url);
      await using watched = new Watched(proxy.url);
      const [first, second] = [await watched.open(), await watched.open()];
      proxy.plan({ kind, statement: /arrive/, reaches: false });
      const lost = failureOf(first.query(`select 'arrive'`));
      await eventually(async () => proxy.hasHappened, 'the first fault');
      proxy.plan({ kind, statement: /answer/, reaches: true });
      // In a transaction that holds a lock: the next attempt must not wait for it.
      await second.query('begin; create table public.locked (id int)');
      expect(await Promise.all([lost, failureOf(second.query(`select 'answer'`))])).toEqual([SILENT, SILENT]);
      expect(watched.cut.map(({ message }) => message)).toEqual([
        expect.stringMatching(/^The connection to Postgres at 127\.0\.0\.1:\d+\/test_\w+ gave no answer for \d+ s/),
        expect.stringMatching(/gave no answer/),
      ]);
      const admin = await database.connect();
      const ours = `select from pg_stat_activity where datname = current_database() and state like 'idle in%'`;
      await eventually(async () => (await admin.query(ours)).rowCount === 0, 'its process has ended');
    },
  );

  it.each<FaultKind>(['freeze', 'stall', 'half-open'])('notices a load whose rows do not arrive: %s', async (kind) => {
    await using database = await createTestDatabase(server);
    await using proxy = await FaultProxy.start(database.url);
    await using watched = new Watched(proxy.url);
    const client = await watched.open();
    await client.query('create table public.loaded (id int, filler text)');
    const load = endlessSource(client, 'public.loaded', 1);
    await sleep(500);
    expect(proxy.strike(kind)).toBeGreaterThan(0);
    expect(await failureOf(load)).toEqual(SILENT);
  });

  it('leaves alone what works, and what waits for us', async () => {
    await using database = await createTestDatabase(server);
    await using watched = new Watched(database.url);
    const [busy, locked, loading, reading, idle] = await Promise.all(Array.from({ length: 5 }, () => watched.open()));
    if (!busy || !locked || !loading || !reading || !idle) throw new Error('a session is missing');
    await idle.query('create table public.loaded (id int, filler text); create table public.t (id int)');
    await idle.query('begin; lock table public.t');
    const waiting = locked.query('select * from public.t');
    // It takes what it is sent only now and then.
    const slow = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => setTimeout(done, 400) });
    const done = await Promise.all([
      busy.query('select pg_sleep(12), 1 as n'),
      // The source pauses for longer than any answer may take.
      endlessSource(loading, 'public.loaded', 6_000, 2),
      copyOut(reading, `copy (select repeat('y', 1000000) from generate_series(1, 25)) to stdout`, slow),
    ]);
    expect([done[0].rows[0].n, done[1].rows, done[2]]).toEqual([1, 2n, 25n]);
    await idle.query('commit');
    expect((await waiting).rowCount).toBe(0);
    expect(watched.cut).toEqual([]);
  });

  it('gives up everything that waits when the server cannot be asked either', async () => {
    await using database = await createTestDatabase(server);
    await using proxy = await FaultProxy.start(database.url);
    await using watched = new Watched(proxy.url);
    const client = await watched.open();
    proxy.strike('freeze');
    proxy.freezesNew = true;
    const startedAt = performance.now();
    expect((await failureOf(client.query('select 1'))).code).toBe('POSTGRES_SILENT');
    expect(performance.now() - startedAt).toBeLessThan(2 * NOTICED_MS_MAX);
  });
});
