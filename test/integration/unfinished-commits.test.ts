import { readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: a commit that is seen before it is whole, as where a folder is copied, is neither the end of following nor taken
// for all there is; and what was read of it too early is read again.

const COLUMNS = { id: 'long', v: 'string' } as const;
const HALF_MS = 1_500;

interface LateCommit {
  readonly source: DeltaWriter;
  readonly file: string;
  readonly whole: string;
}

/** A table of version 0, and the content of its next commit, which is not there yet. */
async function lateCommit(lake: SyncedLake, name: string): Promise<LateCommit> {
  const source = await lake.lake.createTable(name, COLUMNS, `select 1 as id, 'first' as v`);
  await source.append(`select 2 as id, 'late' as v`);
  const file = source.newestCommit;
  const whole = readFileSync(file, 'utf8');
  rmSync(file);
  return { source, file, whole };
}

/** What is there of the commit at first. */
const beginnings: readonly (readonly [string, (whole: string) => string])[] = [
  ['empty', () => ''],
  ['cut inside a line', (whole) => whole.slice(0, -40)],
  ['cut after its first line', (whole) => whole.slice(0, whole.indexOf('\n') + 1)],
];

async function createSyncedTable(lake: SyncedLake, name: string, policy: string): Promise<void> {
  const update = await lake.value(
    `select synced_tables.create_synced_table($1, 'lake.' || $1, array['id'], scheduling_policy => $2, allow_file_diff => $2 <> 'SNAPSHOT')`,
    [name, policy],
  );
  await lake.wait(update ?? '');
}

// Nothing of it depends on the server's version.
describe.each(postgresServers().slice(-1))('a commit that comes in pieces on $name', (server) => {
  it.each(beginnings)('%s: CONTINUOUS goes on by itself', async (_, begin) => {
    await using lake = await SyncedLake.create(server);
    await lake.startSidecar();
    const { source, file, whole } = await lateCommit(lake, 'gold.t');
    await createSyncedTable(lake, 'gold.t', 'CONTINUOUS');
    writeFileSync(file, begin(whole));
    await sleep(HALF_MS);
    expect((await lake.status('gold.t')).state).not.toContain('FAILED');
    writeFileSync(file, whole);
    await eventually(async () => (await lake.status('gold.t')).row_count === '2', 'the rows of the whole commit');
    await lake.expectEqual('gold.t', source, ['id', 'v']);
    await eventually(
      async () => (await lake.status('gold.t')).state === 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
      'it follows',
    );
  });

  it.each(
    beginnings.flatMap(([name, begin]) => ['TRIGGERED', 'SNAPSHOT'].map((policy) => [name, policy, begin] as const)),
  )('%s: %s has all rows after an update that begins when it is whole', async (_, policy, begin) => {
    await using lake = await SyncedLake.create(server);
    await lake.startSidecar();
    const { source, file, whole } = await lateCommit(lake, 'gold.t');
    await createSyncedTable(lake, 'gold.t', policy);
    writeFileSync(file, begin(whole));
    const early = await lake.requestSync('gold.t');
    await sleep(HALF_MS);
    writeFileSync(file, whole);
    await lake.wait(early);
    await lake.sync('gold.t');
    await lake.expectEqual('gold.t', source, ['id', 'v']);
  });

  it.each(['TRIGGERED', 'CONTINUOUS', 'SNAPSHOT'])(
    'what was applied of a commit that ended after some of its actions is made good once it is whole: %s',
    async (policy) => {
      await using lake = await SyncedLake.create(server);
      await lake.startSidecar({ pollSeconds: 1 });
      const rows = `select i as id, 'old' || i as v from range(50) t(i)`;
      const source = await lake.lake.createTable('gold.t', COLUMNS, rows);
      await source.overwrite(`select id, case when id < 5 then 'new' else v end as v from (${rows}) where id <> 9`);
      const file = source.newestCommit;
      const whole = readFileSync(file, 'utf8');
      rmSync(file);
      await createSyncedTable(lake, 'gold.t', policy);
      // Rows that did not change go with the file, and come back with the next one.
      const lines = whole.trimEnd().split('\n');
      const isRemove = (line: string) => line.startsWith('{"remove"');
      const first = lines.slice(0, lines.findIndex(isRemove) + 1);
      expect(first.length).toBeLessThan(lines.length);
      writeFileSync(file, `${first.join('\n')}\n`);
      if (policy !== 'CONTINUOUS') await lake.sync('gold.t');
      await eventually(async () => (await lake.status('gold.t')).row_count === '0', 'the beginning is applied');
      expect(await lake.status('gold.t')).toMatchObject({ synced_version: '1', last_error_code: null });
      writeFileSync(file, whole);
      if (policy !== 'CONTINUOUS') await lake.sync('gold.t');
      await eventually(async () => (await lake.status('gold.t')).row_count === '49', 'the rest is there');
      await lake.expectEqual('gold.t', source, ['id', 'v']);
      // It goes on from there by changes.
      await source.append(`select 100 as id, 'later' as v`);
      if (policy !== 'CONTINUOUS') await lake.sync('gold.t');
      await eventually(async () => (await lake.status('gold.t')).row_count === '50', 'it goes on');
      await lake.expectEqual('gold.t', source, ['id', 'v']);
      expect(await lake.status('gold.t')).toMatchObject({ last_error_code: null });
    },
  );

  it('damage that stays is told, and a mended table goes on by itself', async () => {
    await using lake = await SyncedLake.create(server);
    await lake.startSidecar();
    const { source, file, whole } = await lateCommit(lake, 'gold.t');
    await createSyncedTable(lake, 'gold.t', 'CONTINUOUS');
    // Nobody has written to it for long.
    writeFileSync(`${file}.tmp`, whole.slice(0, -40));
    const longAgo = Date.now() / 1000 - 3_600;
    utimesSync(`${file}.tmp`, longAgo, longAgo);
    renameSync(`${file}.tmp`, file);
    await eventually(
      async () => (await lake.status('gold.t')).state === 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
      'it fails',
    );
    expect(await lake.status('gold.t')).toMatchObject({ last_error_code: 'DELTA_LOG_CORRUPT' });
    writeFileSync(file, whole);
    // A minute has passed; the sidecar looks when it starts, too.
    await lake.stopSidecars();
    await lake.admin.query(`update synced_tables._tables set failed_since = failed_since - interval '1 hour';
      update synced_tables._updates set finished_at = finished_at - interval '1 hour' where state = 'FAILED'`);
    await lake.startSidecar();
    await eventually(async () => (await lake.status('gold.t')).row_count === '2', 'it goes on');
    await lake.expectEqual('gold.t', source, ['id', 'v']);
  });
});
