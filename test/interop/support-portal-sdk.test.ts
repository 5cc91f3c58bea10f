import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createToken } from '../support/api-client.js';
import { postgresServers } from '../support/postgres.js';
import { fencedBlocks } from '../support/runnable-document.js';
import { incidents } from '../support/support-portal.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: the Python of examples/support-portal/README.md makes the table that its SQL makes.

const run = promisify(execFile);
const python = await run(
  path.join(import.meta.dirname, 'install-python-sdk.sh'),
  [path.join(tmpdir(), 'synced-tables-python-sdk')],
  { timeout: 300_000 },
).then(
  ({ stdout }) => stdout.trim(),
  (error: Error) => {
    process.stderr.write(`support-portal-sdk.test.ts is skipped: no databricks-sdk (${error.message})\n`);
    return null;
  },
);

describe.skipIf(python === null).each(postgresServers().slice(-1))('the Python SDK on $name', (server) => {
  it('makes the synced table of the support portal', async () => {
    await using synced = await SyncedLake.create(server);
    (await incidents.openIncidents(synced.lake.root, { count: 3 })).close();
    const { url } = await synced.startSidecar();
    const keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    const [program] = fencedBlocks('examples/support-portal/README.md').filter(({ language }) => language === 'python');
    const database = (await synced.value('select current_database()')) ?? '';
    await run(python ?? '', ['-c', (program?.text ?? '').replace('"app"', JSON.stringify(database))], {
      env: {
        PATH: process.env.PATH,
        HOME: synced.folder,
        DATABRICKS_HOST: url,
        DATABRICKS_TOKEN: await createToken(synced, keeper),
      },
    });
    await synced.admin.query(`call synced_tables.wait_for_version('support.incidents', 0, interval '60 s')`);
    expect(await synced.value(`select scheduling_policy from synced_tables.status`)).toBe('CONTINUOUS');
    expect(await synced.value(`select pg_get_indexdef('support.incidents_by_risk'::regclass)`)).toContain(
      '(escalation_risk DESC)',
    );
  });
});
