import { describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: sidecars share what is followed, give some of it up to one that joins, and take over from one that goes, while
// every commit still arrives.

const TABLES = 6;
const COLUMNS = { id: 'long', v: 'string' } as const;

describe.each(eitherPostgresServer(import.meta.url))('followed tables on $name', (server) => {
  it('are spread evenly over the sidecars that there are', async () => {
    await using lake = await SyncedLake.create(server);
    const choices = { pollSeconds: 0.5, leaseSeconds: 2 };
    await lake.startSidecar(choices);
    const sources: { readonly name: string; readonly source: DeltaWriter }[] = [];
    for (let n = 0; n < TABLES; n++) {
      const name = `s.t${n}`;
      const source = await lake.lake.createTable(name, COLUMNS, `select 0 as id, 'first' as v`);
      const update = await lake.value(
        `select synced_tables.create_synced_table('${name}', 'lake.${name}', array['id'], scheduling_policy => 'CONTINUOUS', allow_file_diff => true)`,
      );
      await lake.wait(update ?? '');
      sources.push({ name, source });
    }
    const shares = () =>
      lake.value(
        `select string_agg(n::text, ' ' order by n) from (select count(*) as n from synced_tables_internal._leases group by lease_holder) s`,
      );
    const commitToAll = async (id: number) => {
      for (const { name, source } of sources) {
        await source.append(`select ${id} as id, 'more' as v`);
        await lake.admin.query(`call synced_tables.wait_for_version('${name}', ${source.version}, interval '60 s')`);
        await lake.expectEqual(name, source, ['id', 'v']);
      }
    };
    await eventually(async () => (await shares()) === '6', 'one sidecar follows all');
    await commitToAll(1);
    const second = await lake.spawnSidecar(choices);
    await eventually(async () => (await shares()) === '3 3', 'the second has its share');
    await commitToAll(2);
    const third = await lake.spawnSidecar(choices);
    await eventually(async () => (await shares()) === '2 2 2', 'the third has its share');
    await second.kill();
    await commitToAll(3);
    await eventually(async () => (await shares()) === '3 3', 'two share what the killed one had');
    await third.stop();
    await eventually(async () => (await shares()) === '6', 'the last one follows all again');
    await commitToAll(4);
    const gone = await lake.value(`select count(*) from synced_tables._sidecars where expires_at >= clock_timestamp()`);
    expect(gone).toBe('1');
  }, 180_000);
});
