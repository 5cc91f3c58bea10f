import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { postgresServers } from '../support/postgres.js';
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';
import { runCli } from '../support/run-cli.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: a data file that cannot be decoded is named as damaged, wherever the damage lies and however a table reads it; a
// file whose damage lies within values loads.

const isLong = process.env.TEST_LONG === '1';
const random = new Random(propertySeed('damaged files'));
/** What values that can be read, and are others than before, may lead to. */
const OF_VALUES: ReadonlySet<string> = new Set([
  'PRIMARY_KEY_CONSTRAINT_VIOLATION',
  'CHARACTER_NOT_IN_REPERTOIRE',
  'VALUE_OUT_OF_RANGE',
]);
const PLACES = isLong ? 100 : 12;
const COLUMNS = {
  id: 'long',
  s: 'string',
  d: 'decimal(18,2)',
  at: 'timestamp',
  list: { type: 'array', elementType: 'long' },
} as const;
const rowsFrom = (first: number) =>
  `select i as id, 'name ' || md5(i::varchar) as s, i / 7 as d, timestamp '2020-01-01' + to_seconds(i) as at, [i, i + 1] as list
     from range(${first}, ${first + 3000}) t(i)`;

function newestFile({ folder }: DeltaWriter): string {
  const files = readdirSync(folder).filter((name) => name.endsWith('.parquet'));
  const paths = files.map((name) => path.join(folder, name));
  return paths.reduce((newest, file) => (statSync(file).mtimeMs > statSync(newest).mtimeMs ? file : newest));
}

describe.each(postgresServers().slice(-1))('damaged files on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar({ pollSeconds: 1 });
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  it.each(['SNAPSHOT', 'TRIGGERED'])('are named, or load where only values changed, under %s', async (policy) => {
    const table = `d.${policy.toLowerCase()}`;
    const source = await lake.lake.createTable(table, COLUMNS, rowsFrom(0));
    source.switchChangeFeedOn();
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table($1, 'lake.' || $1, array['id'], scheduling_policy => $2, create_database_objects_if_missing => true
         ${policy === 'SNAPSHOT' ? '' : ', allow_file_diff => true'}) as id`,
      [table, policy],
    );
    await lake.wait(rows[0]?.id ?? '');
    await source.append(rowsFrom(3000));
    const file = newestFile(source);
    const whole = readFileSync(file);
    const outcomes = new Map<string, number>();
    for (let place = 0; place < PLACES; place++) {
      const bytes = Buffer.from(whole);
      // The file's first and last bytes, where the engine looks first, and others.
      const at = place === 0 ? bytes.length - 20 : random.below(bytes.length - 16);
      for (let byte = at; byte < at + (place % 2 === 0 ? 16 : 1); byte++) bytes[byte] = (bytes[byte] ?? 0) ^ 0xff;
      writeFileSync(file, bytes);
      const update = await lake.requestSync(table, true);
      const failed = await lake.wait(update).then(
        () => null,
        (error: Error) => error,
      );
      const { error_code: code, message } = await lake.update(update);
      const outcome = code ?? 'loads';
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (OF_VALUES.has(outcome)) expect(message).not.toMatch(/engine|decode|undefined/);
      if (failed === null || OF_VALUES.has(outcome)) continue;
      expect({ at, code, message }).toMatchObject({
        code: 'SOURCE_FILE_CORRUPT',
        message: expect.stringContaining(file),
      });
    }
    expect(outcomes.get('SOURCE_FILE_CORRUPT')).toBeGreaterThan(0);
    console.info(policy, Object.fromEntries(outcomes));
    writeFileSync(file, whole);
    await lake.sync(table, true);
    expect(await lake.value(`select count(*) from ${table}`)).toBe('6000');
  });

  it('are named when changes, a preview or a flow are read from them', async () => {
    const source = await lake.lake.createTable('d.changes', COLUMNS, rowsFrom(0));
    source.switchChangeFeedOn();
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('d.changes', 'lake.d.changes', array['id'], scheduling_policy => 'TRIGGERED',
         create_database_objects_if_missing => true, allow_file_diff => true) as id`,
    );
    await lake.wait(rows[0]?.id ?? '');
    await source.append(
      'select i as id, md5(i::varchar) as s, i as d, null as at, [i] as list from range(9000, 9200) t(i)',
    );
    const file = newestFile(source);
    const bytes = readFileSync(file);
    bytes.fill(0x5a, 60, 1200);
    writeFileSync(file, bytes);
    const update = await lake.requestSync('d.changes');
    await expect(lake.wait(update)).rejects.toThrow();
    expect(await lake.update(update)).toMatchObject({
      error_code: 'SOURCE_FILE_CORRUPT',
      message: expect.stringContaining(file),
    });
    const preview = await runCli(['preview', 'lake.d.changes'], { SYNCED_TABLES_LAKE: lake.lake.root });
    expect(preview.stderr).toContain('SOURCE_FILE_CORRUPT');
    expect(preview.stderr).toContain(file);
    await lake.admin.query(`select synced_tables.create_streaming_table('d.flow');
      select synced_tables.apply_changes(target => 'd.flow', source => 'lake.d.changes', keys => array['id'], sequence_by => 'id')`);
    const run = await lake.requestSync('d.flow');
    await expect(lake.wait(run)).rejects.toThrow();
    await eventually(
      async () => (await lake.status('d.flow')).message?.includes(file) === true,
      'the flow names the damaged file',
    );
    expect((await lake.status('d.flow')).last_error_code).toBe('SOURCE_FILE_CORRUPT');
  });

  it('are read again if they are written to while they are copied', async () => {
    const rows = 1_000_000;
    const source = await lake.lake.createTable(
      'd.moving',
      { id: 'long', s: 'string' },
      `select i as id, 'x' as s from range(${rows}) t(i)`,
    );
    const update = await lake.create('d.moving');
    await expect
      .poll(() => lake.value('select max(tuples_processed) from pg_stat_progress_copy'), {
        timeout: 60_000,
        interval: 5,
      })
      .toMatch(/^[1-9]/);
    // The same bytes once more: what was read in between may have been others.
    const file = newestFile(source);
    writeFileSync(file, readFileSync(file), { flag: 'r+' });
    await lake.wait(update);
    const retries = `select message from synced_tables.events where event_type = 'table_sync_retried' and synced_table ~ 'd.moving'`;
    expect(await lake.value(retries)).toContain(file);
    expect(await lake.value('select count(distinct id) from d.moving')).toBe(String(rows));
  });
});
