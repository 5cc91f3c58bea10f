import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: values that the engine cannot hold as many of as it likes to are loaded with less memory at once, for copies,
// changes and comparisons alike; what does not fit at all fails with an error that names the setting.

const COLUMNS = {
  id: 'long',
  part: 'string',
  doc: { type: 'struct', fields: [{ name: 'text', type: 'string' }] },
} as const;

/** Rows with a text of `size` characters each, which compresses well. */
function rows(from: number, to: number, size: number): string {
  return `select i as id, 'part ' || i % 2 as part, {'text': repeat('0123456789abcde' || chr(97 + (i % 26)::int), ${size / 16})} as doc
            from range(${from}, ${to}) t(i)`;
}

/** The documents as DuckDB and as Postgres say what they are. */
const IN_LAKE = ['id', 'part', 'md5(doc.text)'];
const IN_TABLE = ['id', 'part', "md5(doc ->> 'text')"];

const servers = postgresServers().slice(-1);

describe.each(servers)('$name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar({ engine: { memory_limit_mb: 64 } });
  });
  afterAll(() => lake[Symbol.asyncDispose]());

  async function expectSame(target: string, source: DeltaWriter) {
    const expected = (await source.query(`${IN_LAKE.map((value) => `(${value})::varchar`).join(', ')}`, '')).sort();
    expect((await lake.rows(target, IN_TABLE)).sort()).toEqual(expected);
  }

  it('loads and compares large documents, and applies changes that hold some', { timeout: 120_000 }, async () => {
    const source = await lake.lake.createTable('w.docs', COLUMNS, rows(0, 1_500, 32_000));
    await source.append(rows(1_500, 1_510, 32));
    await lake.admin.query(
      `call synced_tables.wait_for_update(synced_tables.create_synced_table('w.docs', 'lake.w.docs', array['id'],
         scheduling_policy => 'TRIGGERED', allow_file_diff => true, create_database_objects_if_missing => true))`,
    );
    await expectSame('w.docs', source);

    await source.append(rows(2_000, 3_200, 32_000));
    expect(await lake.sync('w.docs')).toMatchObject({ method: 'CHANGES', rows_written: '1200' });
    await expectSame('w.docs', source);

    const verification = await lake.value(`select synced_tables.verify('w.docs')`);
    const state = () =>
      lake.value('select state from synced_tables.verifications where verification_id = $1', [verification]);
    await eventually(async () => !['QUEUED', 'RUNNING'].includes((await state()) ?? ''), 'it is compared');
    expect(await state()).toBe('COMPLETED');
  });

  it('keeps the latest row of each key of large documents', { timeout: 120_000 }, async () => {
    const source = await lake.lake.createTable('w.latest', COLUMNS, rows(0, 1_200, 32_000));
    await source.append(`select id, 'part 2' as part, doc from (${rows(0, 1_200, 32_000)})`);
    await lake.load('w.latest', { timeseriesKey: 'part' });
    expect(await lake.value('select count(*) from w.latest')).toBe('1200');
    expect(await lake.value(`select count(*) from w.latest where part = 'part 2'`)).toBe('1200');
  });

  it('names the setting where a single value needs more than there is', { timeout: 120_000 }, async () => {
    await lake.lake.createTable('w.huge', COLUMNS, rows(0, 1, 96_000_000));
    await lake.create('w.huge');
    const failed = async () => (await lake.status('w.huge')).last_error_code !== null;
    await eventually(failed, 'it fails');
    const status = await lake.status('w.huge');
    expect(status.last_error_code).toBe('ENGINE_OUT_OF_MEMORY');
    expect(status.message).toMatch(/engine\.memory_limit_mb/);
    // The sidecar goes on with other tables.
    await lake.lake.createTable('w.small', { id: 'long' }, 'select 1 as id');
    await lake.load('w.small');
  });
});
