import { DuckDBConnection } from '@duckdb/node-api';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: a commit of few rows costs the engine two statements, which is most of the time until it is visible, and leads to the same
// rows as any number of changes, keys that go and come back among them.

const columns = { id: 'long', name: 'string', amount: 'decimal(9,2)', seen: 'date' } as const;
const values = "as id, 'n' || id as name, id * 1.25 as amount, date '2026-01-02' as seen";
/** Of the sidecar, not of what writes the source. */
const OF_CHANGES = /^(?!\s*copy|.*numRecords).*(parquet_schema|read_parquet|_touched|unpacked|create schema)/is;

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(eitherPostgresServer(import.meta.url))('few changes on $name', (server) => {
  async function followed() {
    const lake = await SyncedLake.create(server);
    await lake.startSidecar();
    const source = await lake.lake.createTable('f.t', columns, `select i ${values} from range(50) t(i)`);
    const update = await lake.value(
      `select synced_tables.create_synced_table('f.t', 'lake.f.t', array['id'], 'CONTINUOUS', allow_file_diff => true,
         create_database_objects_if_missing => true)`,
    );
    await lake.wait(update ?? '');
    const reached = () =>
      eventually(async () => (await lake.status('f.t')).synced_version === String(source.version), 'it is there');
    return { lake, source, reached };
  }

  it('take the engine two statements: the schema of the file, and its rows', async () => {
    const { lake, source, reached } = await followed();
    await using _ = lake;
    await source.append(`select 100 ${values}`);
    await reached();
    const asked: string[] = [];
    for (const method of ['run', 'stream'] as const) {
      const original = DuckDBConnection.prototype[method];
      vi.spyOn(DuckDBConnection.prototype, method).mockImplementation(function (this: DuckDBConnection, sql, ...rest) {
        if (OF_CHANGES.test(sql)) asked.push(sql);
        return original.call(this, sql, ...rest);
      });
    }
    await source.append(`select 101 ${values}`);
    await reached();
    expect(asked, asked.join('\n\n')).toHaveLength(2);
    expect(asked[0]).toContain('parquet_schema');
    await lake.expectEqual('f.t', source, Object.keys(columns));
  });

  it('lead to the rows of the source, whatever a commit does', async () => {
    const { lake, source, reached } = await followed();
    await using _ = lake;
    const inSync = async () => {
      await reached();
      await lake.expectEqual('f.t', source, Object.keys(columns));
    };
    await source.deleteWhere('id in (3, 5, 8)');
    await inSync();
    await source.append(`select 3 ${values}`);
    await inSync();
    // All keys change, and the rows of the others stay.
    await source.overwrite(`select id + 1000 as id, name, amount, seen from (select i ${values} from range(50) t(i))`);
    await inSync();
    await source.append(`select null::bigint as id, 'no key' as name, 1.00 as amount, null as seen`);
    await reached();
    expect(await lake.value('select count(*) from f.t')).toBe('50');
    await source.overwrite(null);
    await reached();
    expect(await lake.value('select count(*) from f.t')).toBe('0');
  });
});
