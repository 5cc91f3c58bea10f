import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { runCli, runCliJson } from '../support/run-cli.js';
import { BUCKET, S3FolderServer } from '../support/s3-folder-server.js';
import { SharingServer } from '../support/sharing-server.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: tables of a Delta Sharing server are copied, followed and proved equal like all others, in their place and file by
// file, while addresses of files end; and what is not shared is refused when the table is created.

const COLUMNS = { id: 'long', name: 'string' };
const NAMES = ['id', 'name'];
const FEED = { 'delta.enableChangeDataFeed': 'true' };

describe.each(eitherPostgresServer(import.meta.url))('a shared table, on $name', (server) => {
  let lake: SyncedLake;
  let provider: SharingServer;
  let store: S3FolderServer;
  let source: DeltaWriter;
  let catalogs: Record<string, object>;
  beforeEach(async () => {
    lake = await SyncedLake.create(server);
    provider = await SharingServer.start();
    store = await S3FolderServer.start(lake.lake.root);
    source = await lake.lake.createTable('gold.t', COLUMNS, names(0, 1_000), FEED);
    const profile = path.join(lake.folder, 'sales.share');
    writeFileSync(profile, provider.profile());
    catalogs = { sales: { kind: 'delta_sharing', profile, storage: { s3: { endpoint: store.endpoint } } } };
    // An address is good for one request, and nobody says so.
    provider.urlLifeMs = 0;
    provider.saysExpiry = false;
    provider.isUrlGoodOnce = true;
  });
  afterEach(async () => {
    await lake?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
    await provider?.[Symbol.asyncDispose]();
  });

  const names = (from: number, count: number) =>
    `select range as id, 'name ' || range as name from range(${from}, ${from + count})`;

  async function create(policy: string): Promise<void> {
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('${policy.toLowerCase()}.t', 'sales.Gold.T', array['id'], $1,
                                                create_database_objects_if_missing => true,
                                                on_history_gap => 'refresh') as id`,
      [policy],
    );
    if (policy !== 'CONTINUOUS') return lake.wait(rows[0]?.id ?? '');
    const published = () => lake.value(`select to_regclass('continuous.t')::text`);
    await expect.poll(published, { timeout: 30_000 }).not.toBeNull();
  }

  const given = { accessKeyId: 'given', secretAccessKey: 'given-secret', sessionToken: 'session' };
  const credentials = () => ({
    body: { credentials: { location: '', awsTempCredentials: given, expirationTime: Date.now() + 3_600_000 } },
  });
  const inPlace = { accessModes: ['dir'], location: `s3://${BUCKET}/gold/t` };

  it.each([
    ['file by file', {}],
    ['in its place', inPlace],
  ])('is the same by every policy, read %s', async (_, access) => {
    provider.credentials = credentials;
    provider.tables.set('gold.t', { folder: source.folder, hasHistory: true, ...access });
    await lake.startSidecar({ catalogs, pollSeconds: 0.3 });
    const policies = ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'];
    for (const policy of policies) await create(policy);
    const tables = policies.map((policy) => `${policy.toLowerCase()}.t`);
    for (const table of tables) await lake.expectEqual(table, source, NAMES);
    await source.append(names(1_000, 10));
    source.commitNothing();
    await source.rewriteWithFeed(names(1, 1_009), `select 0 as id, 'name 0' as name, 'delete' as _change_type`);
    const followed = () => lake.value('select count(*) from continuous.t where id <> 0');
    await expect.poll(followed, { timeout: 30_000 }).toBe('1009');
    expect(await lake.sync('triggered.t')).toMatchObject({ method: 'CHANGES', rows_deleted: '1' });
    expect(await lake.sync('snapshot.t')).toMatchObject({ method: 'SNAPSHOT', synced_version: '3' });
    expect(await lake.sync('snapshot.t')).toMatchObject({ method: 'UNCHANGED' });
    await expect.poll(() => lake.value('select count(*) from continuous.t'), { timeout: 30_000 }).toBe('1009');
    for (const table of tables) {
      await lake.expectEqual(table, source, NAMES);
      await lake.admin.query(`call synced_tables.wait_for_verification(synced_tables.verify($1))`, [table]);
    }
    expect(await lake.value('select count(*) filter (where is_equal) from synced_tables.verifications')).toBe('3');
    const refused = provider.reads.filter(({ status }) => status === 403).length;
    expect(refused > 0).toBe(access !== inPlace);
  });

  it('without its history is copied, and refused to those who would follow it', async () => {
    provider.tables.set('gold.t', { folder: source.folder });
    await lake.startSidecar({ catalogs, pollSeconds: 0.3 });
    const refusal = await refusalOf(create('TRIGGERED'));
    expect(refusal.message).toMatch(/changes of source table sales\.Gold\.T are not shared.*cdf is not enabled/);
    expect(await lake.value("select to_regclass('triggered.t')")).toBeNull();
    await create('SNAPSHOT');
    await lake.expectEqual('snapshot.t', source, NAMES);
    await source.append(names(1_000, 5));
    const verification = lake.admin.query(
      `call synced_tables.wait_for_verification(synced_tables.verify('snapshot.t'))`,
    );
    expect((await refusalOf(verification)).message).toContain('history sharing is not enabled');
    await lake.sync('snapshot.t');
    await lake.expectEqual('snapshot.t', source, NAMES);
  });

  it('is copied where the provider has cleaned up its changes', async () => {
    provider.tables.set('gold.t', { folder: source.folder, hasHistory: true });
    await lake.startSidecar({ catalogs, pollSeconds: 0.3 });
    await create('TRIGGERED');
    for (let n = 0; n < 3; n++) await source.append(names(1_000 + n, 1));
    provider.override = ({ path: asked }) =>
      asked.includes('startingVersion=1&')
        ? { status: 400, body: { errorCode: 'INVALID_PARAMETER_VALUE', message: 'version 1 is gone' } }
        : null;
    expect(await lake.sync('triggered.t')).toMatchObject({
      method: 'SNAPSHOT',
      message: expect.stringContaining('version 1 is gone'),
    });
    await lake.expectEqual('triggered.t', source, NAMES);
  });

  it.each([
    ['file by file', {}],
    ['in its place', inPlace],
  ])('feeds a flow with the rows that are added to it, read %s', async (_, access) => {
    provider.credentials = credentials;
    provider.tables.set('gold.t', { folder: source.folder, hasHistory: true, ...access });
    await lake.startSidecar({ catalogs, pollSeconds: 0.3 });
    const flow = {
      name: 'flowed',
      kind: 'changes',
      target: ['flowed'],
      source: { kind: 'name', parts: ['sales', 'gold', 't'], isChangeFeed: false },
      options: { keys: ['id'], sequence_by: 'id' },
    };
    const tables = [{ name: ['flowed'], columns: null, comment: null, tombstoneSeconds: null }];
    const declaration = JSON.stringify({ tables, views: [], flows: [flow] });
    await lake.admin.query(`select synced_tables.declare_pipeline('flowed', $1, 'public')`, [declaration]);
    await lake.sync('public.flowed');
    await lake.expectEqual('public.flowed', source, NAMES);
    await source.append(names(1_000, 5));
    await lake.sync('public.flowed');
    await lake.expectEqual('public.flowed', source, NAMES);
  });

  it('is looked at by the commands as any other', async () => {
    provider.tables.set('gold.t', { folder: source.folder });
    await lake.startSidecar({ catalogs, pollSeconds: 0.3 });
    const config = path.join(lake.folder, 'settings.json');
    writeFileSync(config, JSON.stringify({ instances: { local: { url: lake.database.url } }, catalogs }));
    const options = ['--config', config];
    expect(await runCliJson(['preview', 'sales.gold.t', '--primary-key', 'id', ...options])).toMatchObject({
      row_count: 1_000,
      primary_key: { columns: ['id'], is_unique: true },
    });
    const read = await runCli(['read', 'sales.gold.t', '--limit', '3', ...options]);
    expect(read.stdout.trim().split('\n')).toHaveLength(4);
    const doctor = await runCli(['doctor', ...options]);
    expect(doctor.stdout).toMatch(/catalog sales.*sales\.share answers/s);
    const created = [
      'create',
      'app.t',
      '--source',
      'sales.gold.t',
      '--primary-key',
      'id',
      '--policy',
      'TRIGGERED',
      ...options,
    ];
    const refused = await runCli(created);
    expect(refused.stderr).toContain('SHARE_WITHOUT_HISTORY');
    expect(`${read.stderr}${doctor.stdout}${refused.stderr}`).not.toMatch(/X-Signature|sharing-token/);
  });
});
