import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import type { AutoCdcFlow } from '../../src/core/flows/auto-cdc-flow.js';
import { readFlowPosition } from '../../src/postgres/registry/targets.js';
import { inTransaction } from '../../src/postgres/session/session.js';
import { applyEventBatch } from '../../src/scd/batch/apply-event-batch.js';
import { applySnapshot } from '../../src/scd/batch/apply-snapshot.js';
import { resetTarget } from '../../src/scd/target/create-target.js';
import {
  applyDml,
  applyRows,
  commitVersion,
  feedRows,
  makeTarget,
  rowText,
  stageRows,
  visibleRows,
} from '../support/auto-cdc-run.js';
import { flowOfVector, ownVectors, type Row } from '../support/auto-cdc-vectors.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { eitherPostgresServer } from '../support/postgres.js';

// Goal: an Auto CDC target applies each batch once and whole, guards its rows and state, takes changes by hand, and
// forgets only what is old.

const [vector] = ownVectors;
if (!vector) throw new Error('there is no vector');

function flowOf(scdType: 1 | 2, changes: Partial<AutoCdcFlow> = {}): AutoCdcFlow {
  const flow = flowOfVector(vector as NonNullable<typeof vector>, 'people');
  return { ...flow, scdType, trackedColumns: scdType === 2 ? ['job', 'desk'] : [], ...changes };
}

const upsert = (id: number | null, at: number | null, job: string | null, desk: string | null = null): Row => ({
  id,
  job,
  desk,
  __autocdc_kind: 'U',
  __autocdc_seq1: at,
});
const remove = (id: number, at: number): Row => ({ id, __autocdc_kind: 'D', __autocdc_seq1: at });
const texts = (...rows: Row[]) => rows.map(rowText).sort();

/** Everything that a batch can change. */
async function stateOf(client: pg.Client): Promise<unknown> {
  const { rows } = await client.query(
    `select (select jsonb_agg(to_jsonb(s) order by to_jsonb(s)) from gold.__apply_changes_storage_people s) as storage,
            (select jsonb_agg(to_jsonb(f) order by to_jsonb(f)) from gold.__apply_changes_feed_people f) as feed,
            (select jsonb_agg(to_jsonb(t) - 'collected_at') from synced_tables._cdc_targets t) as targets,
            (select jsonb_agg(to_jsonb(p)) from synced_tables._cdc_positions p) as positions`,
  );
  return rows[0];
}

describe.each(eitherPostgresServer(import.meta.url))('targets of Auto CDC on $name', (server) => {
  it.each([1, 2] as const)('changes nothing when a committed batch comes again, SCD type %i', async (scdType) => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const flow = flowOf(scdType);
    await makeTarget(client, flow);
    const batch = [upsert(1, 1, 'smith'), remove(2, 5), upsert(1, 3, 'baker')];
    expect((await applyRows(client, flow, batch, 1n)).isReplay).toBe(false);
    const before = await stateOf(client);
    const replay = await applyRows(client, flow, [upsert(9, 9, 'other')], 1n);
    expect(replay).toMatchObject({ isReplay: true, numUpsertedRows: 0n, commitVersion: null });
    expect(await stateOf(client)).toEqual(before);
    // Delivered again under another number: nothing visible either.
    expect(await applyRows(client, flow, batch, 2n)).toMatchObject({ numUpsertedRows: 0n, numDeletedRows: 0n });
    expect(await readFlowPosition(client, flow)).toMatchObject({ batchId: 2n, position: { batch: 2 } });
  });

  it('leaves nothing of a batch whose last step fails', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const flow = flowOf(2);
    await makeTarget(client, flow);
    await applyRows(client, flow, [upsert(1, 1, 'smith')], 1n);
    const before = await stateOf(client);
    const staging = await stageRows(client, flow, [upsert(1, 2, 'baker'), upsert(2, 2, 'miller')]);
    const failing = inTransaction(client, async () => {
      await applyEventBatch({ client, flow, staging, batchId: 2n, position: null });
      throw new Error('the lease is gone');
    });
    await expect(failing).rejects.toThrow('the lease is gone');
    expect(await stateOf(client)).toEqual(before);
  });

  it('counts null keys by column, and names rows by key and sequence alone', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const flow = flowOf(1, { keyColumns: ['id', 'job'] });
    await makeTarget(client, flow);
    const batch = [upsert(null, 1, null, 'secret'), upsert(null, 2, 'b'), upsert(3, 3, 'c')];
    await expect(applyRows(client, flow, batch, 1n)).rejects.toMatchObject({
      code: 'AUTOCDC_MICROBATCH_VALIDATION.NULL_KEY',
      message:
        'Rows for gold.people have a null in a key column ("id": 2, "job": 1); the whole batch was rejected; see failing_keys (2 keys).',
      failing: { column: null, keys: ['(null, b) with sequence 2', '(null, null) with sequence 1'] },
    });
    await expect(applyRows(client, flow, [upsert(1, null, 'a'), upsert(1, 2, 'b')], 1n)).rejects.toMatchObject({
      code: 'AUTOCDC_MICROBATCH_VALIDATION.NULL_SEQUENCE',
      message:
        '1 events for gold.people have no sequence value; the whole batch was rejected; see failing_keys (1 key).',
      failing: { column: null, keys: ['(1, a)'] },
    });
    expect(await visibleRows(client, flow)).toEqual([]);
  });

  it('refuses state that was made otherwise, and takes it anew on a full refresh that keeps rights', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const reader = await database.createRole('reader');
    const flow = flowOf(2);
    await makeTarget(client, flow);
    await makeTarget(client, flow);
    await applyRows(client, flow, [upsert(1, 1, 'smith')], 1n);
    await client.query(`grant select on gold.people to ${reader}`);
    const drift = async (changes: Partial<AutoCdcFlow>) =>
      makeTarget(client, { ...flow, ...changes }).catch((error: { code: string }) => error.code);
    expect([
      await drift({ keyColumns: ['id', 'job'] }),
      await drift({ sequence: { kind: 'column', fields: [{ name: 'at', postgresType: 'text' }] } }),
      await drift({ scdType: 1 }),
      await drift({ trackedColumns: ['job'] }),
      await drift({ columns: flow.columns.slice(0, 2), trackedColumns: ['job'] }),
    ]).toEqual([
      'AUTOCDC_INVALID_STATE.KEY_SCHEMA_DRIFT',
      'AUTOCDC_INVALID_STATE.SEQUENCING_TYPE_DRIFT',
      'AUTOCDC_INVALID_STATE.SCD_TYPE_DRIFT',
      'AUTOCDC_INVALID_STATE.TRACK_HISTORY_DRIFT',
      'AUTOCDC_TARGET_SCHEMA_CHANGED',
    ]);
    await resetTarget(client, { ...flow, scdType: 1, trackedColumns: [] });
    expect(await visibleRows(client, flow)).toEqual([]);
    const { rows } = await client.query(`select has_table_privilege($1, 'gold.people', 'select') as may`, [reader]);
    expect(rows).toEqual([{ may: true }]);
    const drop = `select synced_tables.delete_streaming_table('gold.people', purge => true)`;
    await database.admin.query(drop);
    await expect(database.admin.query(drop)).rejects.toMatchObject({ detail: 'error code: SYNCED_TABLE_NOT_FOUND' });
    expect((await client.query(`select from pg_class where relname like '%people'`)).rowCount).toBe(0);
  });

  it('overwrites no table that is there', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    await database.admin.query('create schema gold; create table gold.people (id int)');
    await expect(makeTarget(client, flowOf(1))).rejects.toMatchObject({ code: 'TARGET_TABLE_EXISTS' });
  });

  it('lets its creator read and write it and pass that on, shows others nothing, and its storage nobody', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const creator = await database.createRole('creator');
    const stranger = await database.createRole('stranger');
    const keeper = await database.createRole('keeper', 'databricks_superuser');
    await database.admin.query(`create schema gold authorization ${creator}; grant usage on schema gold to public`);
    const flow = flowOf(1, { createdBy: creator });
    await makeTarget(client, flow);
    await applyRows(client, flow, [upsert(1, 1, 'smith'), remove(7, 7)], 1n);
    const asCreator = await database.connectAs(creator);
    await asCreator.query(`insert into gold.people values (2, 'baker', 'north')`);
    expect((await asCreator.query('select id from gold.people order by id')).rows).toEqual([{ id: 1 }, { id: 2 }]);
    const asStranger = await database.connectAs(stranger);
    await expect(asStranger.query('select from gold.people')).rejects.toMatchObject({ code: '42501' });
    await expect(asStranger.query('select * from gold.__apply_changes_storage_people')).rejects.toMatchObject({
      code: '42501',
    });
    await expect(asCreator.query('select * from gold.__apply_changes_storage_people')).rejects.toMatchObject({
      code: '42501',
    });
    await expect(asCreator.query('alter view gold.people rename to persons')).rejects.toMatchObject({ code: '42501' });
    await asCreator.query(`grant select on gold.people to ${stranger}`);
    expect((await asStranger.query('select from gold.people')).rowCount).toBe(2);
    // Members of databricks_superuser may read every table, but not these rows.
    const asKeeper = await database.connectAs(keeper);
    expect((await asKeeper.query('select from gold.__apply_changes_storage_people')).rowCount).toBe(0);
    await expect(
      asKeeper.query('insert into gold.__apply_changes_storage_people (id) values (5)'),
    ).rejects.toMatchObject({ code: '42501' });
  });

  it('keeps hidden rows from functions of its readers', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const reader = await database.createRole('reader');
    await database.admin.query(`create schema gold authorization ${reader}; create schema own authorization ${reader}`);
    const flow = flowOf(2, { createdBy: reader, trackedColumns: ['job'] });
    await makeTarget(client, flow);
    await applyRows(client, flow, [upsert(1, 1, 'smith', 'hidden'), upsert(1, 2, 'smith', 'shown')], 1n);
    const asReader = await database.connectAs(reader);
    await asReader.query(
      `create function own.leak(value text) returns boolean language plpgsql cost 0.0001 as $$ begin raise notice '%', value; return true; end $$`,
    );
    const leaked: (string | undefined)[] = [];
    asReader.on('notice', ({ message }) => leaked.push(message));
    await asReader.query('select * from gold.people where own.leak(desk)');
    expect(leaked).toEqual(['shown']);
  });
});

describe.each(eitherPostgresServer(import.meta.url))('changes of Auto CDC targets by hand on $name', (server) => {
  it('takes inserts, updates and deletes of SCD type 1 rows, which any event beats', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const flow = flowOf(1);
    await makeTarget(client, flow);
    await applyRows(client, flow, [upsert(1, 10, 'smith', 'north'), remove(2, 10), upsert(3, 10, 'miller')], 1n);
    const from = await commitVersion(client, flow);
    await expect(applyDml(client, flow, { dml: 'insert', row: { id: 1, job: 'x' } })).rejects.toMatchObject({
      code: '23505',
    });
    await expect(applyDml(client, flow, { dml: 'insert', row: { job: 'x' } })).rejects.toMatchObject({ code: '23502' });
    await applyDml(client, flow, { dml: 'insert', row: { id: 2, job: 'by hand' } });
    await applyDml(client, flow, { dml: 'update', where: { id: 1 }, set: { desk: 'south' } });
    await applyDml(client, flow, { dml: 'update', where: { id: 3 }, set: { id: 4 } });
    expect(await visibleRows(client, flow)).toEqual(
      texts(
        { id: 1, job: 'smith', desk: 'south' },
        { id: 2, job: 'by hand', desk: null },
        { id: 4, job: 'miller', desk: null },
      ),
    );
    expect(await feedRows(client, flow, from + 1n, from + 3n)).toEqual(
      texts(
        { id: 2, job: 'by hand', desk: null, _change_type: 'insert' },
        { id: 1, job: 'smith', desk: 'north', _change_type: 'update_preimage' },
        { id: 1, job: 'smith', desk: 'south', _change_type: 'update_postimage' },
        { id: 3, job: 'miller', desk: null, _change_type: 'delete' },
        { id: 4, job: 'miller', desk: null, _change_type: 'insert' },
      ),
    );
    // Older events: dead for 1, which kept its version; 2 falls to the delete that is known; 3 is forgotten; 4 has no version.
    await applyRows(client, flow, [upsert(1, 9, 'old'), upsert(2, 9, 'old'), upsert(3, 9, 'old'), remove(4, -9)], 2n);
    expect(await visibleRows(client, flow)).toEqual(
      texts({ id: 1, job: 'smith', desk: 'south' }, { id: 3, job: 'old', desk: null }),
    );
    await applyDml(client, flow, { dml: 'delete', where: { id: 1 } });
    await applyRows(client, flow, [upsert(1, 1, 'older still')], 3n);
    expect(await visibleRows(client, flow)).toContain(rowText({ id: 1, job: 'older still', desk: null }));
  });

  it('takes a row added by hand as the base of partial events, and edits as the values of their authors', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const flow = flowOf(1, { ignoreNullColumns: ['job', 'desk'] });
    await makeTarget(client, flow);
    await applyDml(client, flow, { dml: 'insert', row: { id: 1, job: 'base', desk: 'base' } });
    await applyRows(client, flow, [upsert(1, 5, null, 'north')], 1n);
    expect(await visibleRows(client, flow)).toEqual(texts({ id: 1, job: 'base', desk: 'north' }));
    await applyDml(client, flow, { dml: 'update', where: { id: 1 }, set: { desk: 'edited', job: 'edited' } });
    await applyRows(client, flow, [upsert(1, 4, 'later', 'too old')], 2n);
    expect(await visibleRows(client, flow)).toEqual(texts({ id: 1, job: 'later', desk: 'edited' }));
  });

  it('makes history of rows of SCD type 2 that were added, edited and deleted by hand', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const flow = flowOf(2, { trackedColumns: ['job'] });
    await makeTarget(client, flow);
    const insert = (row: Row) => applyDml(client, flow, { dml: 'insert', row });
    await insert({ id: 1, job: 'first', __START_AT: null, __END_AT: 2 });
    await insert({ id: 1, job: 'second', __START_AT: 5, __END_AT: 8 });
    await expect(insert({ id: 1, job: 'zero', __START_AT: 9, __END_AT: 9 })).rejects.toMatchObject({ code: '23514' });
    await applyRows(client, flow, [upsert(1, 6, 'third'), upsert(1, 7, 'third', 'south')], 1n);
    const before = [
      { id: 1, job: 'first', desk: null, __START_AT: null, __END_AT: 2 },
      { id: 1, job: 'second', desk: null, __START_AT: 5, __END_AT: 6 },
    ];
    expect(await visibleRows(client, flow)).toEqual(
      texts(...before, { id: 1, job: 'third', desk: 'south', __START_AT: 6, __END_AT: 8 }),
    );
    // An edit is one of the whole run, so that nothing inside of it cuts it afterwards.
    await applyDml(client, flow, { dml: 'update', where: { __START_AT: 6 }, set: { job: 'edited' } });
    await applyRows(client, flow, [upsert(1, 9, 'last')], 2n);
    expect(await visibleRows(client, flow)).toEqual(
      texts(
        ...before,
        { id: 1, job: 'edited', desk: 'south', __START_AT: 6, __END_AT: 8 },
        { id: 1, job: 'last', desk: null, __START_AT: 9, __END_AT: null },
      ),
    );
    await applyDml(client, flow, { dml: 'delete', where: { __START_AT: 6 } });
    await applyDml(client, flow, { dml: 'update', where: { __START_AT: 9 }, set: { __START_AT: 10 } });
    await applyRows(client, flow, [upsert(1, 7, 'again')], 3n);
    expect(await visibleRows(client, flow)).toEqual(
      texts(
        ...before,
        { id: 1, job: 'again', desk: null, __START_AT: 7, __END_AT: 10 },
        { id: 1, job: 'last', desk: null, __START_AT: 10, __END_AT: null },
      ),
    );
  });

  it('makes batches wait for changes that are not committed, and loses neither', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const other = await database.connectAsSidecar();
    const flow = flowOf(1);
    await makeTarget(client, flow);
    await applyRows(client, flow, [upsert(1, 1, 'smith', 'north'), upsert(2, 1, 'baker')], 1n);
    await other.query(`begin; update gold.people set desk = 'by hand' where id = 2`);
    // Who waits for a row waits for a transaction, and such locks belong to no database.
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    let isApplied = false;
    const applying = applyRows(client, flow, [upsert(1, 2, 'smith', 'south'), upsert(2, 0, 'old')], 2n).then(() => {
      isApplied = true;
    });
    await expect.poll(async () => (await database.admin.query(waiting)).rowCount).toBeGreaterThan(0);
    expect(isApplied).toBe(false);
    await other.query('commit');
    await applying;
    expect(await visibleRows(client, flow)).toEqual(
      texts({ id: 1, job: 'smith', desk: 'south' }, { id: 2, job: 'baker', desk: 'by hand' }),
    );
  });
});

describe.each(eitherPostgresServer(import.meta.url))('what Auto CDC targets forget on $name', (server) => {
  it.each([1, 2] as const)(
    'collects old tombstones and feed rows but nothing visible or hidden, SCD type %i',
    async (scdType) => {
      await using database = await createMigratedDatabase(server);
      const client = await database.connectAsSidecar();
      const flow = flowOf(scdType, { trackedColumns: scdType === 2 ? ['job'] : [] });
      await makeTarget(client, flow);
      await applyRows(
        client,
        flow,
        [upsert(1, 1, 'a', 'x'), upsert(1, 2, 'a', 'y'), upsert(3, 1, 'c'), remove(3, 9), remove(2, 9)],
        1n,
      );
      await client.query(`update gold.__apply_changes_storage_people set __autocdc_changed_at = now() - interval '3 days';
      update gold.__apply_changes_feed_people set _commit_timestamp = now() - interval '8 days';
      update synced_tables._cdc_targets set collected_at = now() - interval '2 hours'`);
      await applyRows(client, flow, [upsert(5, 1, 'e')], 2n);
      // Their tombstones are gone, so late events bring them back; an end of a visible row is no tombstone.
      await applyRows(client, flow, [upsert(2, 8, 'back'), upsert(3, 8, 'back'), upsert(1, 1, 'a', 'x')], 3n);
      const interval = (start: number, end: number | null) =>
        scdType === 2 ? { __START_AT: start, __END_AT: end } : {};
      const third =
        scdType === 1
          ? [{ id: 3, job: 'back', desk: null }]
          : [
              { id: 3, job: 'c', desk: null, ...interval(1, 8) },
              { id: 3, job: 'back', desk: null, ...interval(8, 9) },
            ];
      expect(await visibleRows(client, flow)).toEqual(
        texts(
          { id: 1, job: 'a', desk: 'y', ...interval(1, null) },
          { id: 2, job: 'back', desk: null, ...interval(8, null) },
          ...third,
          { id: 5, job: 'e', desk: null, ...interval(1, null) },
        ),
      );
      await expect(feedRows(client, flow, 1n, 9n)).rejects.toThrow(
        'does not go back to version 1; it begins after version 1',
      );
      expect((await feedRows(client, flow, 2n, 9n)).length).toBeGreaterThan(0);
    },
  );

  it('forgets a truncate mark that is old enough, and not before', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const flow = flowOf(1);
    await makeTarget(client, flow);
    await applyRows(client, flow, [upsert(1, 1, 'a'), { __autocdc_kind: 'T', __autocdc_seq1: 5 }], 1n);
    await applyRows(client, flow, [upsert(2, 4, 'dead')], 2n);
    expect(await visibleRows(client, flow)).toEqual([]);
    await client.query(
      `update synced_tables._cdc_targets set collected_at = now() - interval '3 days', truncated_at = now() - interval '3 days'`,
    );
    await applyRows(client, flow, [upsert(3, 9, 'c')], 3n);
    await applyRows(client, flow, [upsert(2, 4, 'alive')], 4n);
    expect(await visibleRows(client, flow)).toEqual(
      texts({ id: 2, job: 'alive', desk: null }, { id: 3, job: 'c', desk: null }),
    );
  });

  it('compares snapshots with the last one, not with what people made of the target', async () => {
    await using database = await createMigratedDatabase(server);
    const client = await database.connectAsSidecar();
    const flow = flowOf(1, { source: 'snapshots' });
    await makeTarget(client, flow);
    const apply = async (version: string, ...rows: Row[]) => {
      const staging = await stageRows(client, flow, rows);
      return inTransaction(client, () => applySnapshot({ client, flow, staging, version, position: { version } }));
    };
    await apply('9', { id: 1, job: 'a', desk: null }, { id: 2, job: 'b', desk: null });
    await applyDml(client, flow, { dml: 'update', where: { id: 1 }, set: { job: 'by hand' } });
    await apply('10', { id: 1, job: 'a', desk: null });
    expect(await visibleRows(client, flow)).toEqual(texts({ id: 1, job: 'by hand', desk: null }));
    expect((await client.query('select from gold.__apply_changes_storage_people')).rowCount).toBe(1);
    await expect(apply('9', { id: 1, job: 'a', desk: null })).rejects.toMatchObject({
      code: 'APPLY_CHANGES_FROM_SNAPSHOT_ERROR.OUT_OF_ORDER_SNAPSHOT_VERSION',
    });
    await expect(apply('11', { id: 1, job: 'a' }, { id: 1, job: 'b' })).rejects.toMatchObject({
      code: 'APPLY_CHANGES_FROM_SNAPSHOT_ERROR.DUPLICATE_KEY_VIOLATION',
      failing: { column: 'id', keys: ['1'] },
    });
    expect(await readFlowPosition(client, flow)).toMatchObject({ snapshotVersion: '10', batchId: 2n });
  });
});
