import { expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { runCli } from '../support/run-cli.js';
import { runnableBlocks } from '../support/runnable-document.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: every command of docs/guides/changing-tables.md runs as it is written, from top to bottom.

const server = postgresServers().at(-1);
if (!server) throw new Error('no server');

it('runs from top to bottom', async () => {
  await using synced = await SyncedLake.create(server);
  const reader = await synced.database.createRole('reader');
  const columns = { user_id: 'long', name: 'string', region: 'string', seen_at: 'long' };
  const rows = `select i as user_id, 'n' || i as name, case when i % 2 = 0 then 'EU' else 'US' end as region, i as seen_at from range(10) t(i)`;
  await synced.lake.createTable('gold.user_profiles', columns, rows);
  await synced.lake.createTable('silver.user_profiles', columns, rows);
  await synced.startSidecar({ leaseSeconds: 1.5, pollSeconds: 1 });
  await synced.load('gold.user_profiles', { key: ['user_id'] });
  const relation = () => synced.value(`select to_regclass('gold.user_profiles')::oid`);
  const before = await relation();
  const environment = { DATABASE_URL: synced.database.url, SYNCED_TABLES_LAKE: synced.lake.root };

  const blocks = runnableBlocks('docs/guides/changing-tables.md');
  expect(blocks.length).toBeGreaterThan(8);
  for (const { language, text } of blocks) {
    for (const command of text.trim().split('\n')) {
      if (language === 'sql') await synced.admin.query(command);
      else {
        const words = [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
          (word) => word[1] ?? word[2] ?? word[3] ?? '',
        );
        const { end, stderr } = await runCli(
          words.slice(1).map((word) => (word === 'reader' ? reader : word)),
          environment,
        );
        expect([command, end, stderr.includes('ERROR')]).toEqual([command, 0, false]);
      }
    }
  }
  expect(await relation()).toBe(before);
  expect(await synced.status('gold.user_profiles')).toMatchObject({ row_count: '10', last_error_code: null });
});
