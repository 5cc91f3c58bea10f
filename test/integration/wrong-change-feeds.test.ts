import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a change feed that leaves rows out, or has some twice, does not make a followed table differ from its source,
// and is told. Feeds that tell everything are followed at random in test/property/synced-histories.test.ts.

const FIRST = 'select * from (values (1, 10), (2, 20), (3, 30)) t(id, v)';

/** Commits whose change files leave something out or have something twice, and what each adds up to. */
const wrongFeeds = [
  {
    name: 'a row whose key changed, as an update without its preimage',
    rows: 'select * from (values (1, 10), (2, 20), (9, 30)) t(id, v)',
    changes: `select 9 as id, 30 as v, 'update_postimage' as _change_type`,
    counts: { version: '1', rows_in_feed: '1', rows_in_files: '0' },
  },
  {
    name: 'a delete that is left out',
    rows: 'select * from (values (1, 10), (2, 21)) t(id, v)',
    changes: `select 2 as id, 20 as v, 'update_preimage' as _change_type union all select 2, 21, 'update_postimage'`,
    counts: { version: '1', rows_in_feed: '0', rows_in_files: '-1' },
  },
  {
    name: 'two new rows for one row of the source',
    rows: 'select * from (values (1, 10), (2, 22), (3, 30)) t(id, v)',
    changes: `select 2 as id, 20 as v, 'update_preimage' as _change_type
              union all select 2, 21, 'update_postimage' union all select 2, 22, 'update_postimage'`,
    counts: { version: '1', rows_in_feed: '1', rows_in_files: '0' },
  },
];

describe.each(postgresServers())('change feeds that are wrong on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar({ pollSeconds: 1 });
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  let tables = 0;
  async function follow(options: string): Promise<{ name: string; source: DeltaWriter }> {
    const name = `f.t${tables++}`;
    const columns = { id: 'long', v: 'long' };
    const source = await lake.lake.createTable(name, columns, FIRST, { 'delta.enableChangeDataFeed': 'true' });
    const update = await lake.value(
      `select synced_tables.create_synced_table('${name}', 'lake.${name}', array['id'], ${options})`,
    );
    await lake.wait(update ?? '');
    return { name, source };
  }

  async function told(name: string): Promise<unknown[]> {
    const { rows } = await lake.admin.query(
      `select level, message, details from synced_tables.events
        where event_type = 'change_feed_wrong' and synced_table = $1`,
      [name],
    );
    return rows;
  }

  describe.each(['TRIGGERED', 'CONTINUOUS'])('under %s', (policy) => {
    it.each(wrongFeeds)('follow the files for $name', async ({ rows, changes, counts }) => {
      const { name, source } = await follow(`scheduling_policy => '${policy}'`);
      await source.rewriteWithFeed(rows, changes);
      if (policy === 'TRIGGERED') expect(await lake.sync(name)).toMatchObject({ method: 'CHANGES' });
      else await eventually(async () => (await lake.status(name)).synced_version === '1', 'the batch is applied');
      await lake.expectEqual(name, source, ['id', 'v']);
      await eventually(async () => (await told(name)).length === 1, 'the feed is told');
      expect(await told(name)).toEqual([
        {
          level: 'WARN',
          message: `The change data feed of lake.${name} is wrong at version 1: inserted less deleted rows are ${counts.rows_in_feed} by the feed, but ${counts.rows_in_files} by the files. ${name} is updated by the files.`,
          details: { error_code: 'CHANGE_DATA_FEED_WRONG', versions: [counts] },
        },
      ]);
      await source.append('select 5 as id, 50 as v');
      if (policy === 'TRIGGERED') await lake.sync(name);
      else await eventually(async () => (await lake.status(name)).synced_version === '2', 'the next is applied');
      await lake.expectEqual(name, source, ['id', 'v']);
      expect(await told(name)).toHaveLength(1);
    });
  });

  it('stop a table whose source has vacuumed the files too, by name and with nothing applied', async () => {
    const { name, source } = await follow(`scheduling_policy => 'TRIGGERED'`);
    await source.rewriteWithFeed('select 1 as id, 10 as v', `select 3 as id, 30 as v, 'delete' as _change_type`);
    source.vacuum();
    const refusal = await refusalOf(lake.wait(await lake.requestSync(name)));
    expect(refusal.code).toBe('CHANGE_DATA_FEED_WRONG');
    expect(await lake.status(name)).toMatchObject({ synced_version: '0', row_count: '3' });
  });
});
