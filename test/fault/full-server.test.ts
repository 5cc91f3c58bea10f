import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { startOwnServer } from '../support/own-server.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: where others have taken all connections of a server, a sidecar waits its turn, says so in the status and once a
// minute in the log, never takes what is reserved for administrators, and goes on by itself.

const CONNECTIONS_MAX = 40;
const RESERVED = 3;
const COLUMNS = { id: 'long', v: 'string' } as const;

/** Sessions of an ordinary role, as many as the server gives. */
async function takeAll(lake: SyncedLake): Promise<pg.Client[]> {
  const taken: pg.Client[] = [];
  for (;;) {
    const client = new pg.Client({ connectionString: lake.sidecarUrl, application_name: 'others' });
    try {
      await client.connect();
      taken.push(client);
    } catch {
      return taken;
    }
  }
}

/** The session that renews the sidecar's leases, whatever else it does between. */
async function keeperPid(lake: SyncedLake): Promise<string> {
  const renewing = `select pid from pg_stat_activity where query ~ 'insert into synced_tables\\._sidecars'
                       and application_name = 'synced-tables sidecar'`;
  let pid: string | null = null;
  await eventually(async () => {
    pid = await lake.value(renewing);
    return pid !== null;
  }, 'leases are renewed');
  return String(pid);
}

async function endAll(clients: pg.Client[]): Promise<void> {
  await Promise.all(clients.splice(0).map((client) => client.end()));
}

describe.each([15, 18] as const)('a server of PostgreSQL %i without a free connection', (major) => {
  it.each(['a superuser', 'an ordinary role'])(
    'is survived by a sidecar that logs in as %s',
    async (login) => {
      await using server = await startOwnServer(major, { max_connections: String(CONNECTIONS_MAX) });
      await using lake = await SyncedLake.create(server);
      const log: { level: number; msg: string }[] = [];
      await lake.startSidecar({
        url: login === 'a superuser' ? lake.database.url : lake.sidecarUrl,
        pollSeconds: 1,
        leaseSeconds: 2,
        onLog: (line) => log.push(JSON.parse(line)),
      });
      const followed = await lake.lake.createTable('f.followed', COLUMNS, `select 1 as id, 'first' as v`);
      const copied = await lake.lake.createTable('f.copied', COLUMNS, `select 1 as id, 'first' as v`);
      const { rows } = await lake.admin.query<{ id: string }>(
        `select synced_tables.create_synced_table('f.followed', 'lake.f.followed', array['id'], scheduling_policy => 'CONTINUOUS', allow_file_diff => true) as id`,
      );
      await lake.wait(rows[0]?.id ?? '');
      await lake.load('f.copied');
      const others = await takeAll(lake);
      // Whatever fails, the database can be dropped.
      await using _others = { [Symbol.asyncDispose]: () => endAll(others) };
      // What the sidecar keeps for the next batch goes to others too; not what renews its leases and ends its updates.
      const keeper = await keeperPid(lake);
      const kept = `select pg_terminate_backend(pid) from pg_stat_activity
                       where application_name = 'synced-tables sidecar' and pid <> ${keeper}`;
      for (let ended = 1; ended > 0; ) {
        ended = (await lake.admin.query(kept)).rowCount ?? 0;
        await sleep(100);
        others.push(...(await takeAll(lake)));
      }
      await followed.append(`select 2 as id, 'more' as v`);
      await copied.append(`select 2 as id, 'more' as v`);
      const linesBefore = log.length;
      const update = await lake.requestSync('f.copied');
      const message = async (table: string) => (await lake.status(table)).message ?? '';
      // A superuser's attempt has to connect to learn that only reserved connections are left, and ends at once.
      const used = `select count(*) from pg_stat_activity
                       where backend_type = 'client backend' and backend_start < clock_timestamp() - interval '0.5 s'`;
      await eventually(
        async () => (await message('f.followed')).includes('cannot go on: Postgres'),
        'the followed table says that it waits',
      );
      await eventually(
        async () => (await message('f.copied')).includes('waits: Postgres'),
        'the update says that it waits',
      );
      for (let look = 0; look < 20; look++) {
        expect(Number(await lake.value(used))).toBeLessThanOrEqual(CONNECTIONS_MAX - RESERVED + 1);
        await sleep(100);
      }
      const told = log.slice(linesBefore).filter(({ level }) => level >= 40);
      expect(told.length).toBeLessThanOrEqual(4);
      expect((await lake.update(update)).state).toBe('QUEUED');
      await endAll(others);
      await lake.wait(update);
      await lake.expectEqual('f.copied', copied, ['id', 'v']);
      await eventually(async () => (await lake.status('f.followed')).row_count === '2', 'the batch is applied');
      await lake.expectEqual('f.followed', followed, ['id', 'v']);
      await eventually(
        async () => !(await message('f.followed')).includes('cannot go on'),
        'nothing is wrong any more',
      );
    },
    120_000,
  );
});
