import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quoteLiteral } from '../../src/core/names.js';
import { applyChangesFromSnapshot, createStreamingTable, runPipeline, type Snapshot } from '../../src/index.js';
import { type FlowVector, flowVectors, normalized, type VectorRow } from '../support/flow-vectors.js';
import { deleteBesideAnUpdate } from '../support/lock-order.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: flows read what is new and nothing else, whatever their source is; who may not does not; snapshots that a
// program hands over become histories.

const COLUMNS = { id: 'long', v: 'string', op: 'string', seq: 'long' } as const;
const [server] = postgresServers().slice(-1);
if (server === undefined) throw new Error('no server');

describe(`flows on ${server.name}`, () => {
  let lake: SyncedLake;
  let config: string;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
    config = path.join(lake.folder, 'program.json');
    const settings = {
      instances: { local: { url: lake.database.url } },
      catalogs: { lake: { kind: 'path', root: lake.lake.root } },
      engine: { temporary_folder: lake.folder },
    };
    writeFileSync(config, JSON.stringify(settings));
  });
  afterAll(async () => {
    await lake[Symbol.asyncDispose]();
  });

  const declare = (sql: string) => lake.admin.query(`select synced_tables.${sql}`);
  const rows = async (table: string, columns = 'id, v') =>
    (await lake.rows(table, columns.split(', '))).map((row) => row.join(' '));

  it('reads rows that were appended to a table of the lakehouse', async () => {
    const source = await lake.lake.createTable(
      'bronze.events',
      COLUMNS,
      `select 1 as id, 'a' as v, 'U' as op, 1 as seq`,
    );
    await declare(`create_streaming_table('public.appended')`);
    await declare(`apply_changes('public.appended', 'lake.bronze.events', array['id'], 'seq', apply_as_deletes => 'op = "D"',
                     except_column_list => array['op', 'seq'])`);
    expect(await lake.sync('public.appended')).toMatchObject({ state: 'COMPLETED', num_upserted_rows: '1' });
    await source.append(`select 2 as id, 'b' as v, 'U' as op, 2 as seq union all select 1, 'late', 'U', 0`);
    await source.append(`select 1 as id, null as v, 'D' as op, 3 as seq`);
    expect(await lake.sync('public.appended')).toMatchObject({ num_upserted_rows: '1', num_deleted_rows: '1' });
    expect(await rows('public.appended')).toEqual(['2 b']);
    expect(await lake.sync('public.appended')).toMatchObject({ state: 'COMPLETED', num_upserted_rows: null });
    const status = await lake.status('public.appended');
    expect(status).toMatchObject({ state: 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE', table_name: 'appended' });
  });

  it('misses no row of a table of the database, also one that a long transaction wrote', async () => {
    await lake.admin.query('create table public.events (id int, v text, seq numeric)');
    await declare(`create_streaming_table('public.from_events')`);
    await declare(
      `apply_changes('public.from_events', 'public.events', array['id'], 'seq', except_column_list => array['seq'])`,
    );
    const slow = await lake.database.connect();
    await slow.query(
      `begin; insert into public.events values (1, 'slow', 1); savepoint s; insert into public.events values (2, 'inner', 1); release s`,
    );
    await lake.admin.query(
      `insert into public.events values (3, E'tab\\tand "quotes", \\\\N', 1.5), (3, 'low', 1.25), (4, '', 1)`,
    );
    await lake.sync('public.from_events');
    expect(await rows('public.from_events')).toEqual(['3 tab\tand "quotes", \\N', '4 ']);
    await slow.query('commit');
    await lake.sync('public.from_events');
    expect(await rows('public.from_events')).toEqual(['1 slow', '2 inner', '3 tab\tand "quotes", \\N', '4 ']);
  });

  it('declares by the other names of the functions as by the first ones', async () => {
    await lake.admin.query(
      `create table public.renamed_events (id int, v text, op text, seq bigint);
       insert into public.renamed_events values (1, 'old', 'U', 1), (1, 'new', 'U', 2), (2, 'x', 'U', 1), (2, null, 'D', 2);
       create table public.renamed_rows (id int, v text);
       insert into public.renamed_rows values (1, 'a'), (2, 'b')`,
    );
    await declare(`create_streaming_live_table('public.renamed', comment => 'people', continuous => false)`);
    await declare(`create_auto_cdc_flow('public.renamed', 'public.renamed_events', array['id'], 'seq', name => 'flow',
                     apply_as_deletes => 'op = "D"', except_column_list => array['op', 'seq'])`);
    await lake.sync('public.renamed');
    expect(await rows('public.renamed')).toEqual(['1 new']);
    await declare(`create_streaming_live_table('public.compared')`);
    await declare(`create_auto_cdc_from_snapshot_flow('public.compared', 'public.renamed_rows', array['id'],
                     stored_as_scd_type => 2, track_history_column_list => array['v'], name => 'flow')`);
    await lake.sync('public.compared');
    await lake.admin.query(`update public.renamed_rows set v = 'c' where id = 2`);
    await lake.sync('public.compared');
    expect(await rows('public.compared', 'id, v, ("__END_AT" is null)')).toEqual(['1 a true', '2 b false', '2 c true']);
  });

  it('reads views of the pipeline, and refuses expressions that reach further', async () => {
    await lake.lake.createTable('bronze.raw', COLUMNS, `select 7 as id, 'x' as v, 'U' as op, 1 as seq`);
    const pipeline = (condition: string, query: string) => ({
      tables: [{ name: ['viewed'], columns: null, comment: null, tombstoneSeconds: null }],
      views: [{ name: 'cleaned', query }],
      flows: [
        {
          name: 'viewed',
          kind: 'changes',
          target: ['viewed'],
          source: { kind: 'name', parts: ['cleaned'], isChangeFeed: false },
          options: { keys: ['id'], sequence_by: 'seq', apply_as_deletes: condition, column_list: ['id', 'v'] },
        },
      ],
    });
    const run = async (condition: string, query: string) => {
      const { rows: made } = await lake.admin.query(
        `select synced_tables.declare_pipeline('views', $1, 'public') as id`,
        [JSON.stringify(pipeline(condition, query))],
      );
      const { rows: started } = await lake.admin.query('select synced_tables.start_update($1) as id', [made[0]?.id]);
      await lake.wait(started[0]?.id);
    };
    await run(
      'op = "D"',
      'select id + 1 as id, upper(v) as v, op, seq from STREAM(lake.bronze.raw) where id is not null',
    );
    expect(await rows('public.viewed')).toEqual(['8 X']);
    const secret = path.join(lake.folder, 'secret.csv');
    writeFileSync(secret, 'a\n1\n');
    for (const query of [
      `select * from read_csv('${secret}')`,
      `select * from '${secret}'`,
      'select * from duckdb_settings()',
    ]) {
      await expect(run('op = "D"', query)).rejects.toMatchObject({ detail: 'error code: FLOW_QUERY_INVALID' });
    }
    const query = 'select * from lake.bronze.raw';
    await expect(run(`exists (select 1 from read_csv('${secret}'))`, query)).rejects.toMatchObject({
      detail: 'error code: FLOW_EXPRESSION_INVALID',
    });
  });

  it('refuses wrong declarations in psql', async () => {
    await lake.admin.query('create table public.plain (id int, v text, seq bigint)');
    await declare(`create_streaming_table('public.wrong')`);
    const flow = (options: string, keys = `array['id']`) =>
      declare(`apply_changes('public.wrong', 'public.plain', ${keys}, ${options})`);
    const refused = (code: string) => ({ detail: `error code: ${code}` });
    await expect(flow(`'seq'`, `'{}'`)).rejects.toMatchObject(refused('AUTOCDC_EMPTY_KEYS'));
    await expect(flow('null')).rejects.toMatchObject(refused('AUTOCDC_MISSING_SEQUENCE_BY'));
    await expect(flow(`'seq'`, `array['src.id']`)).rejects.toMatchObject(
      refused('AUTOCDC_MULTIPART_COLUMN_IDENTIFIER'),
    );
    await expect(flow(`'seq'`, `array['id + 1']`)).rejects.toMatchObject(refused('AUTOCDC_NON_COLUMN_IDENTIFIER'));
    await expect(flow(`'seq', stored_as_scd_type => 3`)).rejects.toMatchObject(refused('AUTOCDC_INVALID_SCD_TYPE'));
    await expect(flow(`'seq', stored_as_scd_type => '2', apply_as_truncates => 'true'`)).rejects.toMatchObject(
      refused('AUTOCDC_TRUNCATE_REQUIRES_SCD1'),
    );
    await expect(declare(`apply_changes('public.wrong', 'public.nope', array['id'], 'seq')`)).rejects.toMatchObject(
      refused('FLOW_SOURCE_UNKNOWN'),
    );
    await expect(declare(`apply_changes('public.nope', 'public.plain', array['id'], 'seq')`)).rejects.toMatchObject(
      refused('PIPELINE_TABLE_UNKNOWN'),
    );
    await flow(`'seq', column_list => array['id', 'zzz']`);
    await expect(lake.sync('public.wrong')).rejects.toMatchObject(refused('AUTOCDC_COLUMNS_NOT_FOUND_IN_SCHEMA'));
  });

  it('tells a declaration that cannot be read, and goes on with the other tables of the pipeline', async () => {
    await lake.admin.query(
      `create table public.declared (id int, v text, seq bigint); insert into public.declared values (1, 'a', 1)`,
    );
    const table = (name: string, tombstoneSeconds: unknown) => ({ name: [name], tombstoneSeconds });
    const flow = (name: string) => ({
      name,
      kind: 'changes',
      target: [name],
      source: { kind: 'name', parts: ['public', 'declared'] },
      options: { keys: ['id'], sequence_by: 'seq', column_list: ['id', 'v'] },
    });
    const pipeline = {
      tables: [table('unreadable', 'soon'), table('readable', 60)],
      views: [],
      flows: [flow('unreadable'), flow('readable')],
    };
    const id = await lake.value(
      `select synced_tables.declare_pipeline('half', ${quoteLiteral(JSON.stringify(pipeline))}, 'public')`,
    );
    const update = await lake.value(`select synced_tables.start_update('${id}')`);
    await expect(lake.wait(update ?? '')).rejects.toMatchObject({
      detail: 'error code: PIPELINE_DECLARATION_INVALID',
      message: `What pipeline ${id} declares of streaming table public.unreadable cannot be read: tombstoneSeconds: Invalid input: expected number, received string.`,
    });
    expect(await rows('public.readable')).toEqual(['1 a']);
    expect(await lake.status('public.unreadable')).toMatchObject({ state: 'SYNCED_TABLE_OFFLINE_FAILED' });
  });

  it('reads for nobody what he may not read, and updates and deletes for the owner alone', async () => {
    // Members of databricks_superuser may read everything: this one has the functions alone.
    const owner = await lake.database.createRole('owner');
    await lake.admin.query(
      `create table public.private_events (id int, seq bigint);
       grant create on schema public to ${owner};
       grant usage on schema synced_tables to ${owner};
       grant execute on function synced_tables.create_streaming_table, synced_tables.apply_changes,
         synced_tables.sync_now, synced_tables.delete_streaming_table to ${owner}`,
    );
    const client = await lake.database.connectAs(owner);
    await client.query(`select synced_tables.create_streaming_table('public.owned')`);
    const flow = `select synced_tables.apply_changes('public.owned', 'public.private_events', array['id'], 'seq')`;
    await expect(client.query(flow)).rejects.toMatchObject({ detail: 'error code: PERMISSION_DENIED' });
    await lake.admin.query(
      `grant select on public.private_events to ${owner}; insert into public.private_events values (1, 1)`,
    );
    await client.query(flow);
    await lake.wait(await lake.requestSync('public.owned', false, client));
    expect(await rows('public.owned', 'id, seq')).toEqual(['1 1']);
    const stranger = await lake.database.connectAs(await lake.database.createRole('stranger'));
    await expect(stranger.query('table public.owned')).rejects.toMatchObject({ code: '42501' });
    await lake.admin.query(`revoke select on public.private_events from ${owner}`);
    await expect(lake.sync('public.owned')).rejects.toMatchObject({
      detail: 'error code: FLOW_SOURCE_UNFIT',
      hint: `Grant it: GRANT SELECT ON public.private_events TO "${owner}", databricks_sync;`,
    });
    await lake.admin.query(
      `grant select on public.private_events to ${owner}; alter table public.private_events enable row level security`,
    );
    await expect(lake.sync('public.owned')).rejects.toMatchObject({
      detail: 'error code: FLOW_SOURCE_UNFIT',
      hint: 'Read from a plain table without that.',
    });
    await lake.admin.query('drop table public.private_events');
    await expect(lake.sync('public.owned')).rejects.toMatchObject({ detail: 'error code: FLOW_SOURCE_UNKNOWN' });
    await client.query(`select synced_tables.delete_streaming_table('public.owned', purge => true)`);
    await expect(lake.admin.query('table public.owned')).rejects.toMatchObject({ code: '42P01' });
    await lake.admin.query(`drop owned by ${owner}`);
  });

  it('are deleted in the order in which sidecars take locks, alone and with their pipeline', async () => {
    await lake.admin.query('create table public.lasting (id int, seq bigint)');
    for (const table of ['public.leaves', 'public.leaves_with_all']) {
      await declare(`create_streaming_table('${table}')`);
      await declare(`apply_changes('${table}', 'public.lasting', array['id'], 'seq')`);
      await lake.sync(table);
    }
    const pipeline = await lake.value(
      `select pipeline_id from synced_tables._streaming_tables where table_name = 'leaves_with_all'`,
    );
    const client = await lake.database.connect();
    const deletions = {
      leaves: `synced_tables.delete_streaming_table('public.leaves', purge => true)`,
      leaves_with_all: `synced_tables_internal._delete_flows('${pipeline}', true)`,
    };
    for (const [table, deletion] of Object.entries(deletions)) {
      const storage = `public.__apply_changes_storage_${table}`;
      await deleteBesideAnUpdate(client, storage, () => lake.admin.query(`select ${deletion}`));
      expect(await lake.value(`select to_regclass('${storage}')::text`)).toBeNull();
    }
    await lake.admin.query('drop table public.lasting');
  });

  const snapshots = (flowVectors()?.vectors ?? []).filter((vector) => vector.api === 'apply_changes_from_snapshot');
  it.each(snapshots)('snapshots of a program: $name', async (vector) => {
    const target = `s_${vector.name.replaceAll('-', '_')}`;
    const given = [...vector.batches];
    const run = runPipeline({
      name: vector.name,
      config,
      declarations: [
        createStreamingTable({ name: target }),
        applyChangesFromSnapshot({
          target,
          source: () => nextSnapshot(vector, given.shift() ?? null),
          keys: vector.options.keys as string[],
          storedAsScdType: vector.options.stored_as_scd_type as 1 | 2,
          ...lists(vector),
        }),
      ],
    });
    if (vector.expect_error === undefined) await run;
    else await expect(run).rejects.toMatchObject({ code: vector.expect_error });
    if (vector.expected.length === 0 && vector.expect_error !== undefined) return;
    const { rows: found } = await lake.admin.query<{ row: VectorRow }>(
      `select to_jsonb(t) as row from public.${target} t`,
    );
    expect(normalized(found.map(({ row }) => utcTexts(row)))).toEqual(normalized(vector.expected));
  });
});

function nextSnapshot(vector: FlowVector, batch: FlowVector['batches'][number]): Snapshot | null {
  if (batch === null || !('version' in batch)) return null;
  const version = typeof batch.version === 'string' ? new Date(`${batch.version.replace(' ', 'T')}Z`) : batch.version;
  return { rows: batch.rows, columns: Object.fromEntries(vector.columns), version };
}

function lists({ options }: FlowVector) {
  const { track_history_column_list: include, track_history_except_column_list: except } = options;
  return {
    ...(include === undefined ? {} : { trackHistoryColumnList: include as string[] }),
    ...(except === undefined ? {} : { trackHistoryExceptColumnList: except as string[] }),
  };
}

function utcTexts(row: VectorRow): VectorRow {
  const entries = Object.entries(row).map(([name, value]) => {
    const isTime = typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value);
    return [name, isTime ? value.replace('T', ' ').replace(/\+00:00$/, '') : value];
  });
  return Object.fromEntries(entries) as VectorRow;
}
