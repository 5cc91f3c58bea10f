import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';
import { objectStores, type StartedStore } from './start-object-store.mjs';

// Goal: tables in real servers of object stores are synced end to end by their official clients: copied, brought up to
// date by what changed, copied anew, and followed.

const names = ['s3', 'gcs', 'azure'] as const;
const wanted = process.env.OBJECT_STORES?.split(',') ?? names;

/** Null with a note where its server cannot be had. */
async function start(name: (typeof names)[number]): Promise<StartedStore | null> {
  if (!wanted.includes(name)) return null;
  return objectStores[name]().catch((error: Error) => {
    process.stderr.write(`object-store-sync.test.ts: ${name} is skipped: ${error.message}\n`);
    return null;
  });
}

/** As a settings file has them. */
function settingsOf({ settings: { s3, gcs, azure } }: StartedStore): object {
  if (s3) {
    const { endpoint, region, accessKeyId, secretAccessKey } = s3;
    return { s3: { endpoint, region, access_key_id: accessKeyId, secret_access_key: secretAccessKey } };
  }
  if (azure) return { azure: { endpoint: azure.endpoint, account_key: azure.accountKey } };
  return { gcs };
}

const stores: { readonly name: string; readonly store: StartedStore | null }[] = [];
for (const name of names) stores.push({ name, store: await start(name) });

const rowsFrom = (first: number, count: number) =>
  `select range as id, 'name ' || range as name from range(${first}, ${first + count})`;

describe.each(stores)('tables in $name', ({ name, store }) => {
  afterAll(() => store?.stop());

  it.skipIf(store === null).each(postgresServers().slice(-1))('are kept in sync on $name', async (server) => {
    if (store === null) return;
    await using synced = await SyncedLake.create(server);
    const source = await synced.lake.createTable('gold.t', { id: 'long', name: 'string' }, rowsFrom(0, 5_000));
    for (let file = 1; file < 4; file++) await source.append(rowsFrom(file * 5_000, 5_000));
    const publish = uploads(store, source, `${name}/gold/t`);
    await publish();
    const catalogs = { lake: { kind: 'path', root: `${store.url}/${name}`, storage: settingsOf(store) } };
    await synced.startSidecar({ catalogs, storage: { spool_mb: 1, parallel_fetches: 2 } });
    const create = async (target: string, policy: string) => {
      const { rows } = await synced.admin.query<{ id: string }>(
        `select synced_tables.create_synced_table('${target}', 'lake.gold.t', array['id'], '${policy}',
                                                  allow_file_diff => true) as id`,
      );
      await synced.wait(rows[0]?.id ?? '');
      await synced.expectEqual(target, source, ['id', 'name']);
    };
    await create('gold.t', 'TRIGGERED');
    await create('gold.followed', 'CONTINUOUS');

    await source.append(rowsFrom(50_000, 30));
    await publish();
    expect(await synced.sync('gold.t')).toMatchObject({ method: 'CHANGES', rows_written: '30' });
    await synced.expectEqual('gold.t', source, ['id', 'name']);
    await source.deleteWhere('id % 3 = 0');
    await publish();
    await synced.admin.query(
      `call synced_tables.wait_for_version('gold.followed', ${source.version}, interval '60 s')`,
    );
    await synced.expectEqual('gold.followed', source, ['id', 'name']);
    expect(await synced.sync('gold.t', true)).toMatchObject({ method: 'SNAPSHOT' });
    await synced.expectEqual('gold.t', source, ['id', 'name']);
  });
});

/** Puts the files that are not there yet into the store, those of the log last, as a writer does. */
function uploads(store: StartedStore, source: DeltaWriter, prefix: string): () => Promise<void> {
  const done = new Set<string>();
  return async () => {
    const files = readdirSync(source.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(source.folder, path.join(entry.parentPath, entry.name)))
      .filter((file) => !done.has(file))
      .sort((a, b) => Number(a.startsWith('_')) - Number(b.startsWith('_')) || (a < b ? -1 : 1));
    for (const file of files) {
      await store.put(`${prefix}/${file}`, readFileSync(path.join(source.folder, file)));
      done.add(file);
    }
  };
}
