import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import { DeltaHistory } from '../support/delta-history.js';
import { postgresServers } from '../support/postgres.js';
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a table that follows its source by changes equals a whole copy of the version that it reflects.

const seed = propertySeed('TRIGGERED tables of random histories');
const HISTORIES = Number(process.env.PROPERTY_RUNS ?? 6);
const COMMITS = 12;

/** Changes of the source that stop a pipeline; a full refresh is the way out. */
const STOPPING = /^(COLUMN_\w+_NOT_SUPPORTED|CHANGED_PRIMARY_KEY(_COLUMN_TYPE)?|SOURCE_LAYOUT_CHANGED|DELTA_\w+)$/;

describe.each(postgresServers())('TRIGGERED tables on $name', (server) => {
  let lake: SyncedLake;
  let engine: Engine;
  let connection: DuckDBConnection;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    engine = await openEngine();
    connection = await engine.connect();
    await lake.startSidecar();
  });
  afterAll(async () => {
    connection?.closeSync();
    await engine?.[Symbol.asyncDispose]();
    await lake?.[Symbol.asyncDispose]();
  });

  async function create(target: string, source: string, choices: Record<string, string> = {}): Promise<string> {
    const named = Object.entries(choices).map(([name, value]) => `, ${name} => ${value}`);
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('${target}', 'lake.${source}', array['id']${named.join('')}) as id`,
    );
    return rows[0]?.id ?? '';
  }

  /** Rows that one table has and the other has not; the order of columns may differ after columns came and went. */
  async function differences(left: string, right: string): Promise<string | null> {
    const names = await lake.value(
      `select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
        where attrelid = '${right}'::regclass and attnum > 0 and not attisdropped`,
    );
    const rows = (table: string) => `select ${names} from ${table}`;
    return lake.value(
      `select count(*) from ((${rows(left)} except all ${rows(right)}) union all (${rows(right)} except all ${rows(left)})) d`,
    );
  }

  it.each(Array.from({ length: HISTORIES }, (_, run) => run))('equals a copy after history %i', async (run) => {
    const random = new Random(seed + run);
    const shape = {
      mapping: random.pick(['none', 'name', 'id'] as const),
      isPartitioned: random.chance(0.5),
      hasFeed: random.chance(0.7),
    };
    const name = `h${run}`;
    const folder = path.join(lake.lake.root, 'histories', name);
    mkdirSync(folder, { recursive: true });
    const history = new DeltaHistory({ connection, folder, random, shape });
    await history.create();
    const follower = `histories.${name}`;
    const choices = { scheduling_policy: `'TRIGGERED'`, allow_file_diff: String(!shape.hasFeed) };
    const recreate = async (target: string) => {
      await lake.admin.query(`select synced_tables.delete_synced_table('${target}', purge => true)`);
      await lake.wait(await create(target, target, choices));
    };
    await lake.wait(await create(follower, follower, choices));
    const methods: (string | null)[] = [];
    while (history.version < COMMITS) {
      for (let steps = random.below(3) + 1; steps > 0; steps--) await history.step();
      const update = await lake.requestSync(follower);
      const failure = await lake.wait(update).then(
        () => null,
        (error: unknown) => error,
      );
      if (failure !== null) {
        const refusal = await refusalOf(Promise.reject(failure));
        expect(refusal.code, `${refusal.message}\n${history.log.join('\n')}`).toMatch(STOPPING);
        if (refusal.code === 'CHANGED_PRIMARY_KEY_COLUMN_TYPE') await recreate(follower);
        else await lake.sync(follower, true);
      }
      methods.push((await lake.update(update)).method);
      const copy = `histories.${name}_copy_${history.version}`;
      await lake.wait(await create(copy, `histories.${name}`));
      const context = `seed ${seed}, history ${run}, ${methods.join(' ')}\n${history.log.join('\n')}`;
      expect(await differences(follower, copy), context).toBe('0');
      expect((await lake.status(follower)).row_count, context).toBe(await lake.value(`select count(*) from ${copy}`));
      await lake.admin.query(`select synced_tables.delete_synced_table('${copy}', purge => true)`);
    }
  });

  it('refuses a source without a change feed with the statement that turns it on', async () => {
    await lake.lake.createTable('t.plain', { id: 'long' }, 'select i as id from range(10) t(i)');
    const refusal = await refusalOf(
      lake.wait(await create('t.plain', 't.plain', { scheduling_policy: `'TRIGGERED'` })),
    );
    expect(refusal.code).toBe('CHANGE_DATA_FEED_OFF');
    expect(refusal.hint).toContain('ALTER TABLE lake.t.plain SET TBLPROPERTIES (delta.enableChangeDataFeed = true)');
  });

  it('fails when a key gets a second row in the source, naming it, and keeps its rows', async () => {
    const source = await lake.lake.createTable(
      't.twice',
      { id: 'long', v: 'long' },
      'select i as id, i as v from range(50) t(i)',
    );
    await lake.wait(await create('t.twice', 't.twice', { scheduling_policy: `'TRIGGERED'`, allow_file_diff: 'true' }));
    await source.append('select i as id, 0 as v from range(48, 52) t(i)');
    const refusal = await refusalOf(lake.wait(await lake.requestSync('t.twice')));
    expect(refusal.code).toBe('PRIMARY_KEY_CONSTRAINT_VIOLATION');
    expect(refusal.message).toContain('for example 48, 49.');
    expect(await lake.value('select count(*) from t.twice')).toBe('50');
    expect((await lake.status('t.twice')).synced_version).toBe('0');
  });

  it('keeps the latest row of a key when an earlier winner goes', async () => {
    const source = await lake.lake.createTable(
      't.latest',
      { id: 'long', seen: 'long' },
      'select 1 as id, i as seen from range(3) t(i)',
    );
    await lake.wait(
      await create('t.latest', 't.latest', {
        scheduling_policy: `'TRIGGERED'`,
        allow_file_diff: 'true',
        timeseries_key: `'seen'`,
      }),
    );
    expect(await lake.value('select seen from t.latest')).toBe('2');
    await source.append('select 1 as id, 9 as seen');
    expect(await lake.sync('t.latest')).toMatchObject({ method: 'CHANGES', rows_written: '1' });
    expect(await lake.value('select seen from t.latest')).toBe('9');
    await source.deleteWhere('seen = 9');
    await lake.sync('t.latest');
    expect(await lake.value('select seen from t.latest')).toBe('2');
  });
});
