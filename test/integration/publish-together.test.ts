import { copyFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: tables of a pipeline that publishes together change in one moment, or not at all.

const columns = { id: 'long', stamp: 'long' };
const rows = (stamp: number) => `select i as id, ${stamp} as stamp from range(300) t(i)`;
const REFRESHES = 20;

describe.each(eitherPostgresServer(import.meta.url))('a pipeline that publishes together on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar({ pollSeconds: 1 });
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  async function create(target: string, policy: string, choices = `publish => 'together'`): Promise<void> {
    const update = await lake.value(
      `select synced_tables.create_synced_table($1, 'lake.' || $1, array['id'], scheduling_policy => $2, allow_file_diff => true, ${choices})`,
      [target, policy],
    );
    await lake.wait(update ?? '');
  }

  async function pipelineOf(target: string): Promise<string> {
    return (await lake.value('select pipeline_id from synced_tables.status where synced_table = $1', [target])) ?? '';
  }

  /** Two tables of one pipeline. */
  async function createPair(schema: string, policy: string): Promise<[DeltaWriter, DeltaWriter]> {
    const pair = [
      await lake.lake.createTable(`${schema}.a`, columns, rows(0)),
      await lake.lake.createTable(`${schema}.b`, columns, rows(0)),
    ] as [DeltaWriter, DeltaWriter];
    await create(`${schema}.a`, policy);
    await create(`${schema}.b`, policy, `existing_pipeline_id => '${await pipelineOf(`${schema}.a`)}'`);
    return pair;
  }

  const stamps = (schema: string) =>
    lake.value(`select (select max(stamp) from ${schema}.a) || ' ' || (select max(stamp) from ${schema}.b)`);

  it(`never lets a join see two moments in ${REFRESHES} refreshes, whichever way the rows come in`, {
    timeout: 600_000,
  }, async () => {
    const [a, b] = await createPair('j', 'TRIGGERED');
    await lake.admin.query(
      'create table public.j_refs (id bigint references j.b); insert into public.j_refs values (7)',
    );
    let isOver = false;
    const join = `select count(*) as n, count(*) filter (where a.stamp <> b.stamp) as torn, max(a.stamp) as stamp
                    from j.a a full join j.b b using (id)`;
    const read = async (options: { name?: string }) => {
      const client = new pg.Client({ connectionString: lake.database.url });
      await client.connect();
      const seen = new Set<string>();
      try {
        while (!isOver) {
          const { rows: found } = await client.query<{ n: string; torn: string; stamp: string }>({
            text: join,
            ...options,
          });
          expect(found[0]).toMatchObject({ n: '300', torn: '0' });
          seen.add(String(found[0]?.stamp));
          await sleep(2); // leaves the sidecar some of the processor
        }
      } finally {
        await client.end();
      }
      return seen;
    };
    const readers = Promise.all([read({}), read({ name: 'prepared' }), read({})]);
    const methods = new Set<string | null>();
    try {
      for (let stamp = 1; stamp <= REFRESHES; stamp++) {
        await a.overwrite(rows(stamp));
        await b.overwrite(rows(stamp));
        const update = await lake.requestSync('j.a', stamp % 2 === 0);
        await lake.wait(update);
        const records = await lake.rows(`synced_tables.updates where update_id = '${update}'`, ['method', 'state']);
        expect(records.map(([, state]) => state)).toEqual(['COMPLETED', 'COMPLETED']);
        for (const [method] of records) methods.add(method ?? null);
        expect(await stamps('j')).toBe(`${stamp} ${stamp}`);
      }
    } finally {
      isOver = true;
    }
    const seen = await readers;
    expect(Math.min(...seen.map((each) => each.size))).toBeGreaterThan(3);
    expect([...methods].sort()).toEqual(['CHANGES', 'MERGE', 'SNAPSHOT']);
    expect(await lake.shadowTables()).toEqual([]);
  });

  it('publishes none when one fails, naming that one, and all when it is mended', async () => {
    for (const [schema, policy] of [
      ['f1', 'SNAPSHOT'],
      ['f2', 'TRIGGERED'],
    ] as const) {
      const [a, b] = await createPair(schema, policy);
      await a.overwrite(rows(1));
      await b.overwrite(`${rows(1)} union all select 5, 1`);
      const refusal = await refusalOf(lake.sync(`${schema}.a`));
      expect(['PRIMARY_KEY_CONSTRAINT_VIOLATION', 'PUBLISHED_TOGETHER_FAILED']).toContain(refusal.code);
      expect(await stamps(schema)).toBe('0 0');
      const status = await lake.status(`${schema}.a`);
      expect(status).toMatchObject({ synced_version: '0', last_error_code: 'PUBLISHED_TOGETHER_FAILED' });
      expect(status.message).toContain(
        `Synced table ${schema}.a keeps its rows because ${schema}.b, which is published together with it, failed with PRIMARY_KEY_CONSTRAINT_VIOLATION.`,
      );
      expect(await lake.status(`${schema}.b`)).toMatchObject({ last_error_code: 'PRIMARY_KEY_CONSTRAINT_VIOLATION' });
      expect(await lake.shadowTables()).toEqual([]);
      await b.overwrite(rows(2));
      const update = await lake.requestSync(`${schema}.b`);
      await lake.wait(update);
      expect(await stamps(schema)).toBe('1 2');
      expect(await lake.status(`${schema}.a`)).toMatchObject({ last_error_code: null, synced_version: '1' });
    }
  });

  it('waits for a lock of somebody else, and then publishes all', async () => {
    const [a, b] = await createPair('l', 'SNAPSHOT');
    const reader = await lake.database.connect();
    await reader.query('begin; select count(*) from l.b');
    await a.overwrite(rows(1));
    await b.overwrite(rows(1));
    const update = await lake.requestSync('l.a');
    await eventually(
      async () =>
        (await lake.value('select state from synced_tables._updates where update_id = $1', [update])) === 'RUNNING',
      'it runs',
    );
    expect((await reader.query('select max(stamp) as stamp from l.a')).rows).toEqual([{ stamp: '0' }]);
    await reader.query('commit');
    await lake.wait(update);
    expect(await stamps('l')).toBe('1 1');
  });

  it('follows sources continuously, and refuses one table its own way', async () => {
    const [a, b] = await createPair('c', 'CONTINUOUS');
    await a.overwrite(rows(1));
    await b.overwrite(rows(1));
    await eventually(async () => (await stamps('c')) === '1 1', 'both are followed');
    await lake.lake.createTable('c.x', columns, rows(0));
    const pipeline = await pipelineOf('c.a');
    expect(
      await refusalOf(create('c.x', 'CONTINUOUS', `publish => 'separately', existing_pipeline_id => '${pipeline}'`)),
    ).toMatchObject({ code: 'PIPELINE_PUBLISH_DIFFERS', sqlState: '22023' });
    expect(await refusalOf(create('c.x', 'CONTINUOUS', `publish => 'sometimes'`))).toMatchObject({
      code: 'PUBLISH_UNKNOWN',
    });
    // Refused when its source is read: no part of the pipeline, and none of the others' business.
    const unknown = lake.value(
      `select synced_tables.create_synced_table('c.none', 'lake.c.none', array['id'], scheduling_policy => 'CONTINUOUS', existing_pipeline_id => '${pipeline}')`,
    );
    await refusalOf(lake.wait((await unknown) ?? ''));
    await a.overwrite(rows(2));
    await eventually(async () => (await stamps('c')) === '2 1', 'the others go on');
    expect(await lake.status('c.b')).toMatchObject({ last_error_code: null });
  });

  const following = (schema: string) =>
    eventually(
      async () =>
        (await lake.value(
          `select count(*) from synced_tables.status where state = 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE' and synced_table in ($1, $2)`,
          [`${schema}.a`, `${schema}.b`],
        )) === '2',
      'both are followed',
    );

  it('stops following all when one table of them needs a person, and says for which one', async () => {
    const [a, b] = await createPair('s', 'CONTINUOUS');
    await following('s');
    // The other one has nothing new at this moment: it must not go on alone later.
    await b.overwrite(`select i as id, 'text' as stamp from range(9) t(i)`, {
      columns: { id: 'long', stamp: 'string' },
    });
    await eventually(
      async () => (await lake.status('s.a')).state === 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
      'the other one stops',
    );
    expect(await lake.status('s.b')).toMatchObject({ last_error_code: 'COLUMN_TYPE_CHANGE_NOT_SUPPORTED' });
    const held = await lake.status('s.a');
    expect(held).toMatchObject({ last_error_code: 'PUBLISHED_TOGETHER_FAILED', synced_version: '0' });
    expect(held.message).toContain('because s.b, which is published together with it, failed with COLUMN_TYPE_CHANGE');
    await a.overwrite(rows(1));
    await b.overwrite(rows(1), { columns });
    await sleep(1_500);
    expect(await stamps('s')).toBe('0 0');
    await lake.wait(await lake.requestSync('s.a', true));
    expect(await stamps('s')).toBe('1 1');
    await following('s');
    // One that failed by itself, while nobody followed them, holds the other one back as well.
    await lake.admin.query('select synced_tables.stop_pipeline($1)', [await pipelineOf('s.a')]);
    await b.overwrite(`${rows(2)} union all select 5, 1`);
    const update = await lake.value(
      `select synced_tables_internal._start_update($1, false, '{"refresh": ["s.b"]}', 'API_CALL')`,
      [await pipelineOf('s.a')],
    );
    await refusalOf(lake.wait(update ?? ''));
    await a.overwrite(rows(2));
    await eventually(async () => (await lake.status('s.a')).last_error_code !== null, 'it is held back');
    expect(await lake.status('s.a')).toMatchObject({ last_error_code: 'PUBLISHED_TOGETHER_FAILED' });
    expect(await stamps('s')).toBe('1 1');
  });

  it('waits for a table whose failure may pass, and goes on with all of them by itself', async () => {
    const [a, b] = await createPair('w', 'CONTINUOUS');
    await following('w');
    // The data file is late: its commit is there already.
    const other = await lake.lake.createTable('w.late', columns, 'select 1000 as id, 5 as stamp');
    const file = path.join(other.folder, readdirSync(other.folder).find((name) => name.endsWith('.parquet')) ?? '');
    const add = { path: 'late.parquet', partitionValues: {}, size: statSync(file).size, dataChange: true };
    const commit = path.join(b.folder, '_delta_log', '00000000000000000001.json');
    writeFileSync(commit, JSON.stringify({ add: { ...add, modificationTime: 0 } }));
    await eventually(async () => (await lake.status('w.a')).last_error_code !== null, 'the other one waits');
    await a.append('select 1000 as id, 5 as stamp');
    await eventually(
      async () =>
        (await lake.value(`select lag_versions from synced_tables.status where synced_table = 'w.a'`)) === '1',
      'it is seen how far behind it is',
    );
    const waiting = await lake.status('w.a');
    expect(waiting).toMatchObject({
      state: 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES',
      last_error_code: 'PUBLISHED_TOGETHER_DELAYED',
      synced_version: '0',
    });
    expect(waiting.message).toContain(
      'w.b, which is published together with it, failed with DELTA_CHANGE_FILE_MISSING',
    );
    expect(await stamps('w')).toBe('0 0');
    copyFileSync(file, path.join(b.folder, 'late.parquet'));
    await eventually(async () => (await stamps('w')) === '5 5', 'both go on', 40_000);
    await following('w');
    expect(await lake.status('w.a')).toMatchObject({ last_error_code: null, synced_version: '1' });
  });
});
