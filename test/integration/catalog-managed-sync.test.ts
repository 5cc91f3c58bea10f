import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { MANAGED_PROPERTIES, ManagedTable } from '../support/managed-table.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { BUCKET, S3FolderServer } from '../support/s3-folder-server.js';
import { SyncedLake } from '../support/synced-lake.js';
import { UnityServer } from '../support/unity-server.js';

// Goal: tables whose newest commits only their catalog knows are copied, followed and proved equal like all others.

const COLUMNS = { id: 'long', name: 'string' };

describe.each(eitherPostgresServer(import.meta.url))('a table that its catalog manages, on $name', (server) => {
  let lake: SyncedLake;
  let unity: UnityServer;
  let store: S3FolderServer;
  let source: DeltaWriter;
  let managed: ManagedTable;
  beforeEach(async () => {
    lake = await SyncedLake.create(server);
    unity = await UnityServer.start('open');
    store = await S3FolderServer.start(lake.lake.root);
    source = await lake.lake.createTable('gold.t', COLUMNS, names(0, 100), MANAGED_PROPERTIES);
  });
  afterEach(async () => {
    await lake?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
    await unity?.[Symbol.asyncDispose]();
  });

  const names = (from: number, count: number) =>
    `select range as id, 'name ' || range as name from range(${from}, ${from + count})`;

  async function start(location: string): Promise<void> {
    managed = new ManagedTable(unity, 'prod-eu.gold.t', { folder: source.folder, location });
    const prodEu = { kind: 'unity', uri: unity.uri, storage: { s3: { endpoint: store.endpoint } } };
    await lake.startSidecar({ catalogs: { 'prod-eu': prodEu }, pollSeconds: 0.3 });
  }

  async function create(policy: string): Promise<void> {
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('${policy.toLowerCase()}.t', $2, array['id'], $1,
                                                create_database_objects_if_missing => true,
                                                allow_file_diff => $1 <> 'SNAPSHOT') as id`,
      [policy, '`prod-eu`.gold.t'],
    );
    if (policy !== 'CONTINUOUS') await lake.wait(rows[0]?.id ?? '');
    else
      await expect
        .poll(() => lake.value(`select to_regclass('continuous.t')::text`), { timeout: 30_000 })
        .not.toBeNull();
  }

  const change = async (rows: string) => {
    await source.append(rows);
    managed.commit(source.version);
  };

  it.each([
    ['its disk', () => `file://${source.folder}`],
    ['an object store', () => `s3://${BUCKET}/gold/t`],
  ])('is the same by every policy, from %s', async (_, location) => {
    unity.credentials = () => ({
      body: { expiration_time: null, aws_temp_credentials: { access_key_id: 'k', secret_access_key: 's' } },
    });
    await start(location());
    await change(names(100, 10));
    for (const policy of ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS']) await create(policy);
    const tables = ['snapshot.t', 'triggered.t', 'continuous.t'];
    for (const table of tables) await lake.expectEqual(table, source, ['id', 'name']);
    const sources = 'select distinct source_table_full_name from synced_tables.status';
    expect(await lake.value(sources)).toBe('prod-eu.gold.t');
    await change(names(110, 10));
    await source.deleteWhere('id % 7 = 0');
    managed.commit(source.version);
    const rowsFollowed = () => lake.value('select count(*) from continuous.t');
    await expect.poll(rowsFollowed, { timeout: 30_000 }).toBe('102');
    expect(await lake.sync('triggered.t')).toMatchObject({ method: 'CHANGES' });
    managed.publish(1);
    managed.publish(2);
    managed.report(2);
    // A writer that has not been accepted yet, and may never be.
    await source.append(names(900, 10));
    await lake.sync('snapshot.t');
    for (const table of tables) expect(await lake.value(`select count(*) from ${table}`)).toBe('102');
    for (const table of tables) {
      await lake.admin.query(`call synced_tables.wait_for_verification(synced_tables.verify($1))`, [table]);
    }
    expect(await lake.value('select count(*) filter (where is_equal) from synced_tables.verifications')).toBe('3');
  });
});
