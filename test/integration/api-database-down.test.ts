import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { createSharedToken } from '../support/shared-token.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: while one database is down, what others have is found by its name or id, and what nobody has found is not called
// missing: it may be there.

const NATIVE = '/api/2.0/synced-tables';

describe.each(eitherPostgresServer(import.meta.url))('with one of two databases down on $name', (server) => {
  let home: SyncedLake;
  let down: SyncedLake;
  let up: SyncedLake;
  let keeper: ApiClient;
  let name: string;
  let pipeline: string;
  beforeAll(async () => {
    home = await SyncedLake.create(server);
    down = await SyncedLake.create(server);
    up = await SyncedLake.create(server);
    await up.lake.createTable('d.orders', { id: 'long' }, 'select i as id from range(3) t(i)');
    const databases = await Promise.all(
      [down, up].map(async (each) => (await each.value('select current_database()')) ?? ''),
    );
    const { url } = await up.startSidecar({
      url: home.sidecarUrl,
      // They are asked in this order.
      instances: { many: { url: up.sidecarUrl, databases } },
    });
    await up.load('d.orders');
    name = `${await up.value('select current_database()')}.d.orders`;
    pipeline = (await up.value('select pipeline_id from synced_tables.status')) ?? '';
    const role = await up.database.createRole('keeper', 'databricks_superuser');
    keeper = new ApiClient(url, await createSharedToken([home, up], role));
    const [database] = databases;
    await up.admin.query(`alter database ${database} connection limit 0`);
    await up.admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name ^@ 'synced-tables'`,
      [database],
    );
    // The first to ask may find the session that was just ended.
    await keeper.get(`${NATIVE}/tables`);
  });
  afterAll(async () => {
    await up?.[Symbol.asyncDispose]();
    await down?.[Symbol.asyncDispose]();
    await home?.[Symbol.asyncDispose]();
  });

  it.each([
    ['a table', () => `${NATIVE}/tables/${name}/updates`],
    ['a table, in the way of Databricks', () => `/api/2.0/database/synced_tables/${name}`],
    ['a pipeline', () => `${NATIVE}/pipelines/${pipeline}`],
    ['a pipeline, in the way of Databricks', () => `/api/2.0/pipelines/${pipeline}`],
    ['a source', () => `${NATIVE}/sources/lake.d.orders`],
  ])('%s of the other is found', async (_, path) => {
    expect(await keeper.get(path())).toMatchObject({ status: 200 });
  });

  it('an update of the other is asked for', async () => {
    expect(await keeper.post(`/api/2.0/pipelines/${pipeline}/updates`, {})).toMatchObject({ status: 200 });
  });

  it.each([
    ['a table', () => `${NATIVE}/tables/${name}s/updates`],
    ['a table, in the way of Databricks', () => `/api/2.0/database/synced_tables/${name}s`],
    ['a pipeline', () => `${NATIVE}/pipelines/11111111-1111-4111-8111-111111111111`],
  ])('%s that the other does not have is not called missing', async (_, path) => {
    expect(await keeper.get(path())).toMatchObject({
      status: 503,
      body: { details: [{ reason: 'POSTGRES_CONNECTIONS_TAKEN' }, {}] },
    });
  });
});
