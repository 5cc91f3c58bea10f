import { describe, expect, it } from 'vitest';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { runnableBlocks } from '../support/runnable-document.js';
import { publishByHand } from '../support/synced-table-fixture.js';

// Goal: the SQL of docs/guides/permissions.md runs as it is written, with a role's name in the place of `reader` and `dbt`.

describe.each(postgresServers())('docs/guides/permissions.md on $name', (server) => {
  it('runs from top to bottom', async () => {
    await using database = await createMigratedDatabase(server);
    const { admin } = database;
    const [reader, ada] = [await database.createRole('reader'), await database.createRole('ada')];
    await admin.query(
      `drop role ${ada}; create schema staging; select synced_tables.create_synced_table('gold.user_profiles', 'a.b.c', array['id'])`,
    );
    await publishByHand(await database.connectAsSidecar(), 'gold.user_profiles');
    await admin.query(
      'set databricks_auth.allow_ddl = on; alter table gold.user_profiles rename column note to name; reset databricks_auth.allow_ddl',
    );
    const asReader = await database.connectAs(reader);
    const blocks = runnableBlocks('docs/guides/permissions.md');
    expect(blocks.length).toBeGreaterThan(10);
    try {
      for (const { role, text } of blocks) {
        const statements = text.replaceAll(/\b(reader|dbt)\b/g, reader).replaceAll('ada@example.com', ada);
        await (role === 'reader' ? asReader : admin).query(statements);
      }
      const { rows } = await admin.query(
        `select count(*)::int as off from pg_event_trigger where evtname like 'databricks%' and evtenabled <> 'A'`,
      );
      expect(rows).toEqual([{ off: 0 }]);
    } finally {
      await admin.query(`drop role if exists ${ada}`);
    }
  });
});
