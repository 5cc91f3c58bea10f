import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';
import { TrinoDelta } from '../support/trino-delta.js';
import { TrinoServer } from '../support/trino-server.js';

// Goal: a Delta table that an engine reads is followed by its changes, version by version, and equals it; where the engine
// cannot give all of them, the table says so or is copied, and what records no changes is refused when the table is created.

describe.each(eitherPostgresServer(import.meta.url))('a table that a Trino reads, on $name', (server) => {
  let lake: SyncedLake;
  let trino: TrinoServer;
  let source: TrinoDelta;
  beforeEach(async () => {
    lake = await SyncedLake.create(server);
    source = new TrinoDelta();
    source.commit('CREATE TABLE AS SELECT', { 1: 'a', 2: 'b', 3: 'c' });
    trino = await TrinoServer.start(source.answer);
    trino.rowsOfPage = 100;
    const dwh = { kind: 'trino', uri: trino.uri, user: 'reader', catalog: 'delta' };
    await lake.startSidecar({ catalogs: { dwh }, pollSeconds: 0.3 });
  });
  afterEach(async () => {
    await lake?.[Symbol.asyncDispose]();
    await trino?.[Symbol.asyncDispose]();
  });

  const create = (target: string, policy: string, more = '', table = 't') =>
    lake.value(
      `select synced_tables.create_synced_table('${target}', 'dwh.s.${table}', array['id'], '${policy}',
                                                create_database_objects_if_missing => true${more})`,
    );
  const rows = (target: string) =>
    lake.value(`select coalesce(string_agg(id || name, ' ' order by id), '') from ${target}`);
  const verify = (target: string) =>
    lake.admin.query('call synced_tables.wait_for_verification(synced_tables.verify($1))', [target]);

  it('is followed by its changes', async () => {
    await lake.wait((await create('asked.t', 'TRIGGERED')) ?? '');
    await create('followed.t', 'CONTINUOUS', `, row_filter => 'id < 20'`);
    await expect.poll(() => lake.value(`select to_regclass('followed.t')::text`), { timeout: 30_000 }).not.toBeNull();

    source.commit('MERGE', { 1: 'A', 2: null, 30: 'z' });
    source.commit('MERGE', { 7: 'g', 31: 'y' }, true);
    source.commit('UPDATE', { 1: 'AA', 7: 'G' });
    source.commit('OPTIMIZE', {});
    const wanted = '1AA 3c 7G 30z 31y';
    expect(await lake.sync('asked.t')).toMatchObject({ method: 'CHANGES', rows_deleted: '1' });
    expect(await rows('asked.t')).toBe(wanted);
    await expect.poll(() => rows('followed.t'), { timeout: 30_000 }).toBe('1AA 3c 7G');
    expect(await lake.sync('asked.t')).toMatchObject({ method: 'UNCHANGED' });
    for (const table of ['asked.t', 'followed.t']) await verify(table);

    // All of it goes, and comes back.
    source.commit('DELETE', { 1: null, 3: null, 7: null, 30: null, 31: null });
    expect(await lake.sync('asked.t')).toMatchObject({ method: 'CHANGES', rows_deleted: '5' });
    await expect.poll(() => rows('followed.t'), { timeout: 30_000 }).toBe('');
    source.commit('WRITE', { 5: 'e' });
    await expect.poll(() => rows('followed.t'), { timeout: 30_000 }).toBe('5e');
    const reads = trino.queries.filter(({ statement }) =>
      /^select "id", "name" from "delta"\."s"\."t"/.test(statement),
    );
    // One copy of each table, and one look of each at its rows for its verification.
    expect(reads).toHaveLength(4);
  }, 120_000);

  it('is the source of a flow, which reads its change feed', async () => {
    await lake.value(`select synced_tables.create_streaming_table('public.fed')`);
    await lake.value(`select synced_tables.apply_changes('public.fed', 'dwh.s.t', array['id'], '_commit_version',
                       source_change_feed => true, apply_as_deletes => '_change_type = "delete"',
                       column_list => array['id', 'name'])`);
    await lake.sync('public.fed');
    expect(await rows('public.fed')).toBe('1a 2b 3c');
    source.commit('MERGE', { 1: 'A', 2: null });
    source.commit('MERGE', { 7: 'g' }, true);
    await lake.sync('public.fed');
    expect(await rows('public.fed')).toBe('1A 3c 7g');
  }, 60_000);

  it('says that changes are gone, and is copied where that is wished', async () => {
    await lake.wait((await create('asked.t', 'TRIGGERED')) ?? '');
    await lake.wait((await create('copied.t', 'TRIGGERED', `, on_history_gap => 'refresh'`)) ?? '');
    source.commit('UPDATE', { 1: 'A' });
    source.commit('RESTORE', { 1: 'a', 4: 'd' });
    expect((await refusalOf(lake.sync('asked.t'))).message).toMatch(/version 2 was made by RESTORE/);
    expect(await rows('asked.t')).toBe('1a 2b 3c');
    expect(await lake.sync('copied.t')).toMatchObject({ method: 'SNAPSHOT' });
    expect(await rows('copied.t')).toBe('1a 2b 3c 4d');
    source.commit('UPDATE', { 1: 'A' });
    source.oldest = 3;
    expect(await lake.sync('copied.t')).toMatchObject({ method: 'SNAPSHOT' });
    expect(await rows('copied.t')).toBe('1A 2b 3c 4d');
    const [table] = source.versions;
    source.versions.splice(0, 9, ...(table ? [table, table, table, { ...table, committedAtMs: 1 }] : []));
    source.oldest = 0;
    expect(await lake.sync('copied.t')).toMatchObject({ method: 'SNAPSHOT' });
    expect(await rows('copied.t')).toBe('1a 2b 3c');
  }, 120_000);

  it('is refused with the reason if it is a view', async () => {
    const id = (await create('seen.v', 'TRIGGERED', '', 'v')) ?? '';
    expect((await refusalOf(lake.wait(id))).message).toMatch(/does not give the changes .* it is a view/);
    await lake.wait((await create('copied.v', 'SNAPSHOT', '', 'v')) ?? '');
    expect(await rows('copied.v')).toBe('1a 2b 3c');
  }, 60_000);
});
