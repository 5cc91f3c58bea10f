import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventLine, followEvents, readNewestEvents, type SyncEvent } from '../../src/cli/queries/read-events.js';
import { SidecarNotice } from '../../src/cli/waiting/sidecar-notice.js';
import { SIDECAR_APPLICATION } from '../../src/sidecar/sidecar-session.js';
import { createMigratedDatabase, type MigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { eventually } from '../support/synced-lake.js';

// Goal: whoever waits hears what happens, and that nothing will happen while nobody works.

const server = postgresServers().at(-1);
if (!server) throw new Error('no server');
let database: MigratedDatabase;
beforeAll(async () => {
  database = await createMigratedDatabase(server);
});
afterAll(() => database[Symbol.asyncDispose]());

it('tells once that no sidecar is there, and again when one has gone', async () => {
  const { admin: client, url } = database;
  const told: string[] = [];
  let ms = 0;
  const managed = { name: 'local/app', instance: 'local', database: 'app', url, pooledUrl: null };
  const notice = new SidecarNotice({
    client,
    database: managed,
    progress: { tell: (text) => told.push(text) },
    now: () => ms,
  });
  const look = async () => {
    ms += 10_000;
    await notice.look();
  };
  await look();
  await look();
  expect(told).toEqual([expect.stringMatching(/^No sidecar is connected to local\/app; .* synced-tables serve\.$/)]);
  const sidecar = new pg.Client({ connectionString: url, application_name: SIDECAR_APPLICATION });
  await sidecar.connect();
  await look();
  expect(told).toHaveLength(1);
  await sidecar.end();
  await eventually(async () => {
    await look();
    return told.length > 1;
  }, 'it is noticed');
  expect(told[1]).toMatch(/^The sidecar of local\/app is gone; /);
});

it('shows each event once, also one that is committed after a later one', async () => {
  const { admin } = database;
  const record = (client: pg.Client, table: string, message: string) =>
    client.query(`select synced_tables_internal._record_event('INFO', 'test', $1, null, null, $2)`, [table, message]);
  await record(admin, 'e.other', 'old');
  await record(admin, 'e.mine', 'e.mine is old.');
  await record(admin, 'e.mine', 'Newer.');
  const past = await readNewestEvents(admin, 'e.mine', 1n);
  expect(past.map(eventLine)).toEqual([
    expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO {2}e\.mine: Newer\.$/),
  ]);
  const both = await readNewestEvents(admin, 'e.mine', 10n);
  expect(both.map(eventLine)[0]).toMatch(/INFO {2}e\.mine is old\.$/);

  const slow = await database.connect();
  await slow.query('begin');
  await record(slow, 'e.mine', 'slow');
  const shown: SyncEvent[] = [];
  const stop = new AbortController();
  const following = followEvents({
    client: await database.connect(),
    name: 'e.mine',
    past,
    show: (event) => shown.push(event),
    signal: stop.signal,
  });
  await record(admin, 'e.mine', 'fast');
  await record(admin, 'e.other', 'not mine');
  await eventually(async () => shown.length > 0, 'the first is shown');
  await slow.query('commit');
  await eventually(async () => shown.length > 1, 'the slow one is shown');
  await record(admin, 'e.mine', 'last');
  await eventually(async () => shown.length > 2, 'the last one is shown');
  stop.abort();
  await following;
  expect(shown.map(({ message }) => message)).toEqual(['fast', 'slow', 'last']);
});
