import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findFreePort } from '../../src/embedded/free-port.js';
import { TestLake } from '../support/delta-writer.js';
import { DocumentWalk } from '../support/document-walk.js';
import { ensureBuilt } from '../support/ensure-built.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { createTestDatabase, eitherPostgresServer } from '../support/postgres.js';

// Goal: what README and guides tell to run runs as it is written, from top to bottom, against a new database: in a folder
// like a fresh clone that was built, with nothing but npm, npx and our own program on the path beside what every system has.

/** Documents for whoever has a sidecar and synced tables: they share one database. */
const DOCUMENTS_OF_USERS = [
  'docs/guides/troubleshooting.md',
  'docs/guides/chosen-rows.md',
  'docs/guides/target-options.md',
  'docs/guides/observability.md',
  'docs/guides/metrics.md',
  'docs/guides/replication.md',
  'examples/auto-cdc/README.md',
  'docs/guides/api.md',
];

async function writeSources(lake: TestLake): Promise<void> {
  const rows = (columns: string) => `select i as id, ${columns} from range(40) t(i)`;
  await lake.createTable('gold.user_profiles', { id: 'long', name: 'string' }, rows(`'n' || i as name`));
  await lake.createTable(
    'gold.users',
    { id: 'long', name: 'string', signed_up_at: 'timestamp', region: 'string', deleted_at: 'timestamp' },
    rows(`'n' || i as name, now() as signed_up_at, case when i < 10 then 'EU' else 'US' end as region,
          case when i < 3 then now() end as deleted_at`),
    { 'delta.enableChangeDataFeed': 'true' },
  );
  await lake.createTable(
    'ai.docs',
    { id: 'long', title: 'string', language: 'string' },
    rows(`'T ' || i as title, 'en' as language`),
  );
}

describe.each(eitherPostgresServer(import.meta.url))('$name', (server) => {
  it.each(['README.md', 'docs/guides/production.md'])('%s runs as it is written', async (document) => {
    await ensureBuilt();
    await using database = await createTestDatabase(server);
    const admin = await database.connect();
    await using walk = new DocumentWalk(database.url, await findFreePort());
    try {
      await walk.follow(document, admin);
    } finally {
      // Roles and what is granted to them are the server's, which other tests share.
      await admin.query('select synced_tables.revoke_token(token_id) from synced_tables.tokens');
      await admin.query('drop role if exists sidecar');
    }
    if (document === 'README.md') {
      expect(walk.output).toContain('"synced_tables":[');
      expect(walk.output).toContain('gold.user_profiles_synced');
    } else {
      expect(walk.output).toContain('created role sidecar, which may run a sidecar');
      expect(readFileSync(path.join(walk.folder, 'sidecar-password'), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
    }
  });

  it('documents for users of synced tables run as they are written', async () => {
    await ensureBuilt();
    await using database = await createMigratedDatabase(server);
    await using lake = await TestLake.create();
    await writeSources(lake);
    const { admin } = database;
    await using walk = new DocumentWalk(database.url, await findFreePort());
    const settings = {
      instances: { local: { url: database.url } },
      catalogs: { lake: { kind: 'path', root: lake.root }, analytics: { kind: 'path', root: './examples/lake' } },
    };
    writeFileSync(path.join(walk.folder, 'synced-tables.yaml'), JSON.stringify(settings), { mode: 0o600 });
    // Whoever runs the example beside a sidecar gives it the same catalog.
    cpSync(path.join(walk.folder, 'examples/auto-cdc/lake'), lake.root, { recursive: true });
    await walk.start('synced-tables serve');
    await admin.query(`call synced_tables.wait_for_update(
      synced_tables.create_synced_table('gold.user_profiles', 'lake.gold.user_profiles', array['id']))`);
    const name = new URL(database.url).pathname.slice(1);
    // Roles belong to the server, where somebody may have these.
    const suffix = randomBytes(4).toString('hex');
    const roles = { prometheus: `prometheus_${suffix}`, 'deployer@example.com': `deployer_${suffix}@example.com` };
    const said: Record<string, string> = {};
    try {
      for (const document of DOCUMENTS_OF_USERS) {
        const before = walk.output.length;
        await walk.follow(document, admin, { instead: { '"postgres"': `"${name}"`, ...roles } });
        said[document] = walk.output.slice(before);
      }
      const waiting = `select count(*)::int as n from synced_tables.updates where state in ('QUEUED', 'RUNNING')`;
      await expect.poll(async () => (await admin.query(waiting)).rows[0], { timeout: 60_000 }).toEqual({ n: 0 });
    } finally {
      await admin.query('select synced_tables.revoke_token(token_id) from synced_tables.tokens');
      const { rows } = await admin.query<{ role: string }>(
        'select quote_ident(rolname) as role from pg_roles where rolname = any ($1)',
        [Object.values(roles)],
      );
      for (const { role } of rows) await admin.query(`drop owned by ${role}; drop role ${role}`);
    }
    const { rows: failed } = await admin.query(
      `select synced_table, error_code, message from synced_tables.updates
        where state not in ('COMPLETED', 'SKIPPED') and error_code <> 'SYNCED_TABLE_DELETED'`,
    );
    expect(failed).toEqual([]);
    const { rows: tables } = await admin.query(
      `select synced_table, row_count::int as rows from synced_tables.status where synced_table ~ '^(app|gold)' order by 1`,
    );
    expect(tables).toEqual([
      { synced_table: 'app.docs', rows: 40 },
      { synced_table: 'app.users', rows: 30 },
      { synced_table: 'app.users_eu', rows: 10 },
      { synced_table: 'gold.user_profiles', rows: 40 },
    ]);
    expect(said['docs/guides/metrics.md']).toContain('synced_tables_rows{');
    expect(said['docs/guides/api.md']).toContain('app.gold.user_profiles_synced');
  });
});
