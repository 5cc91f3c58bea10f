import { describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: one call tells who the caller is and what they may do, and is right about it for each kind of role.

const ME = '/api/2.0/synced-tables/me';

describe.each(eitherPostgresServer(import.meta.url))('$name', (server) => {
  it('tells that access is open while no token exists, and from whom it comes', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const { status, body } = await new ApiClient(url).get(ME);
    expect(status).toBe(200);
    const database = await synced.value('select current_database()');
    expect(body).toMatchObject({ name: 'local', kind: 'local', has_tokens: false, history_days: 30 });
    expect(body.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(body.instances).toHaveLength(1);
    expect(body.instances[0]).toMatchObject({ name: 'local', databases: [{ name: database }] });
  });

  it('tells each role its own rights', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const database = await synced.value('select current_database()');
    const rightsOf = async (...memberOf: string[]) => {
      const role = await synced.database.createRole('caller', ...memberOf);
      const { body } = await new ApiClient(url, await createToken(synced, role)).get(ME);
      expect(body).toMatchObject({ name: role, kind: 'token', has_tokens: true });
      expect(body.instances[0]).toMatchObject({ role, databases: [{ name: database }] });
      return body;
    };
    const all = { create: true, see_sources: true, operate: true, manage: true, monitor: true, tokens: true };
    const none = { create: false, see_sources: false, operate: false, manage: false, monitor: false, tokens: false };
    expect(await rightsOf('databricks_superuser')).toMatchObject({ may: all, catalogs: ['lake'] });
    expect(await rightsOf()).toMatchObject({ may: none, catalogs: [] });
    // A table of its own, or one to manage, is a right; it ends with the table.
    await synced.lake.createTable('gold.t', { id: 'long' }, 'select 1 as id');
    const creator = await synced.database.createRole('creator', 'databricks_superuser');
    const creating = await synced.database.connectAs(creator);
    await creating.query(`select synced_tables.create_synced_table('gold.t', 'lake.gold.t', array['id'],
                                                                           create_database_objects_if_missing => true)`);
    await expect.poll(() => synced.value(`select to_regclass('gold.t')::text`), { timeout: 30_000 }).toBe('gold.t');
    const manager = await synced.database.createRole('manager');
    const manages = { may: { ...none, manage: true }, catalogs: [] };
    await synced.admin.query(`revoke databricks_superuser from ${creator}`);
    await synced.admin.query(`select databricks_synced_table_add_manager('gold.t', '${manager}')`);
    expect(await rightsOf(manager)).toMatchObject(manages);
    expect(await rightsOf(creator)).toMatchObject(manages);
    await synced.admin.query(`select databricks_synced_table_remove_manager('gold.t', '${manager}')`);
    expect(await rightsOf(manager)).toMatchObject({ may: none, catalogs: [] });
    expect(await rightsOf('pg_monitor')).toMatchObject({ may: { ...none, monitor: true }, catalogs: [] });
  });
});
