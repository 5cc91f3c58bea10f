import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { describeSchema } from '../../scripts/describe-schema.mjs';
import { writeInstallScript } from '../../src/postgres/install/install-script.js';
import { readInstalledSchema } from '../../src/postgres/install/installed-schema.js';
import { migrateDatabase } from '../../src/postgres/install/migrate.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { createTestDatabase, eitherPostgresServer } from '../support/postgres.js';
import { runCli } from '../support/run-cli.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a DBA who lets no program be a superuser installs by a script that he has read, and nobody can tell the difference.

for (const server of eitherPostgresServer(import.meta.url)) {
  it(`installs by one script what migrate installs, on ${server.name}`, { timeout: 120_000 }, async () => {
    const { stdout: script, end } = await runCli(['migrate', '--sql'], {});
    expect(end).toBe(0);
    expect(script).toBe(await writeInstallScript());
    const misplaced = await runCli(['migrate', '--sql', '--database', 'app'], {});
    expect(misplaced.end).not.toBe(0);
    expect(misplaced.stderr).toMatch(/'--sql' cannot be used with option '--database <name>'/);
    await using other = await createMigratedDatabase(server);
    const migrated = other.admin;
    await using database = await createTestDatabase(server);
    const client = await database.connect();
    const role = (await client.query<{ role: string }>('select current_user as role')).rows[0]?.role ?? '';

    const person = `person_${randomBytes(4).toString('hex')}`;
    await client.query(`create role ${person}; set role ${person}`);
    expect((await refusalOf(client.query(script))).message).toBe(
      `this script is for a superuser, and role ${person} is not one`,
    );
    await client.query(`rollback; reset role; drop role ${person}`);
    expect(await readInstalledSchema(client)).toBeNull();

    await client.query(script);
    expect(await describeSchema(client, { bodies: true })).toBe(await describeSchema(migrated, { bodies: true }));
    expect(await readInstalledSchema(client)).toEqual(await readInstalledSchema(migrated));
    const register = 'select kind, identity, file, audience, hash from synced_tables._definitions order by 1, 2';
    expect((await client.query(register)).rows).toEqual((await migrated.query(register)).rows);
    expect((await client.query(`select * from synced_tables.repair()`)).rows).toEqual([]);
    expect((await client.query('select current_user as role')).rows).toEqual([{ role }]);

    // The login of a sidecar finds nothing to do, and a later release upgrades it.
    const sidecar = await database.connect();
    await sidecar.query('set role databricks_sync');
    expect(await migrateDatabase(sidecar)).toEqual({ applied: [], hasReplacedRoutines: false });
    await client.query(
      `update synced_tables._schema set release = '0.0.1', layer_hash = 'older'; drop function synced_tables.drop_index(text)`,
    );
    expect(await migrateDatabase(client)).toEqual({ applied: [], hasReplacedRoutines: true });
    expect(await describeSchema(client, { bodies: true })).toBe(await describeSchema(migrated, { bodies: true }));
    expect((await refusalOf(client.query(script))).message).toMatch(
      /^synced tables are installed in database .* already$/,
    );
    await client.query('rollback');
  });
}
