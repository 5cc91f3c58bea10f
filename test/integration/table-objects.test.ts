import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: whoever administers the database sees what hangs on a synced table, with statements that make it anew, and what would
// keep the table from being dropped.

async function objects(client: pg.Client, table: string) {
  const { rows } = await client.query(`select * from synced_tables.objects where synced_table = $1`, [table]);
  return (kind: string) => rows.filter((row) => row.kind === kind);
}

describe.each(eitherPostgresServer(import.meta.url))('objects of a table on $name', (server) => {
  it('are its parts, what depends on it, and who holds rights, over SQL and HTTP', async () => {
    await using lake = await SyncedLake.create(server);
    const { url } = await lake.startSidecar();
    await lake.lake.createTable(
      'o.t',
      { id: 'long', name: 'string' },
      `select i as id, 'n' || i as name from range(50) t(i)`,
    );
    await lake.load('o.t');
    const manager = await lake.database.createRole('manager');
    const reader = await lake.database.createRole('reader');
    const stranger = await lake.database.createRole('stranger');
    await lake.admin.query(`select databricks_synced_table_add_manager('o.t', '${manager}');
      grant usage on schema o to ${reader}, ${manager}; grant usage on schema synced_tables to ${reader}, ${stranger};
      grant select on synced_tables.objects to ${reader}, ${stranger};
      create index " USING odd" on o.t (name, (id % 7)) where id > 3;
      create view public.v with (security_barrier) as select id from o.t;
      create materialized view public.m as select count(*) as n from public.v;
      create function public.f(row_of o.t) returns bigint language sql as 'select 1::bigint';
      create publication p for table o.t;
      comment on table o.t is 'It''s ours'; comment on column o.t.name is 'its name';
      grant select, references on o.t to ${reader}; grant select (name) on o.t to ${stranger};
      grant select on o.t to public`);
    const of = await objects(lake.admin, 'o.t');
    expect(Number(of('TABLE')[0].size_bytes)).toBeGreaterThan(0);
    expect(of('PARTITION')).toMatchObject([{ name: expect.stringMatching(/^__db_system\.partition_/) }]);
    expect(of('PRIMARY_KEY')).toMatchObject([{ definition: 'ALTER TABLE o.t ADD PRIMARY KEY (id);', is_valid: true }]);
    expect(of('INDEX')).toMatchObject([
      {
        definition: `CREATE INDEX " USING odd" ON o.t USING btree (name, ((id % (7)::bigint))) WHERE (id > 3);`,
        is_valid: true,
        scans: '0',
        blocks_drop: false,
      },
    ]);
    expect(of('VIEW')).toMatchObject([{ name: 'public.v', depth: 1, blocks_drop: true }]);
    expect(of('MATERIALIZED_VIEW')).toMatchObject([{ name: 'public.m', depth: 2, blocks_drop: true }]);
    expect(of('FUNCTION')).toMatchObject([{ name: 'public.f(o.t)', blocks_drop: true }]);
    expect(of('PUBLICATION')).toMatchObject([{ definition: 'ALTER PUBLICATION p ADD TABLE o.t;', blocks_drop: false }]);
    expect(of('MANAGER')).toMatchObject([{ name: manager, granted_by: 'postgres' }]);
    expect(
      of('GRANT')
        .map(({ definition }) => definition)
        .sort(),
    ).toEqual(
      [
        `GRANT REFERENCES, SELECT ON o.t TO databricks_superuser WITH GRANT OPTION;`,
        `GRANT REFERENCES, SELECT ON o.t TO ${reader};`,
        `GRANT SELECT (name) ON o.t TO ${stranger};`,
        `GRANT SELECT ON o.t TO PUBLIC;`,
        `GRANT SELECT ON o.t TO postgres WITH GRANT OPTION;`,
      ].sort(),
    );
    // What is shown makes it again.
    await lake.admin.query('drop materialized view public.m; drop view public.v; drop function public.f');
    for (const kind of ['VIEW', 'MATERIALIZED_VIEW', 'FUNCTION', 'GRANT', 'MANAGER', 'COMMENT']) {
      for (const { definition } of of(kind)) await lake.admin.query(definition);
    }
    await lake.admin.query('drop index o." USING odd"');
    await lake.admin.query(of('INDEX')[0].definition);
    await lake.admin.query(`alter publication p drop table o.t; ${of('PUBLICATION')[0].definition}`);
    const again = await objects(lake.admin, 'o.t');
    for (const kind of ['VIEW', 'MATERIALIZED_VIEW', 'FUNCTION', 'GRANT', 'COMMENT', 'INDEX', 'PUBLICATION']) {
      expect(again(kind)).toEqual(of(kind));
    }
    // A refresh keeps it.
    await lake.sync('o.t', true);
    const refreshed = await objects(lake.admin, 'o.t');
    for (const kind of ['VIEW', 'MATERIALIZED_VIEW', 'FUNCTION', 'GRANT', 'COMMENT', 'PUBLICATION', 'MANAGER']) {
      expect(refreshed(kind)).toEqual(again(kind));
    }
    expect(refreshed('INDEX')).toMatchObject([{ definition: of('INDEX')[0].definition, is_valid: true }]);

    await lake.admin.query('create table public.refers (id bigint constraint to_t references o.t)');
    const { code, message } = await refusalOf(
      lake.admin.query(`select synced_tables.delete_synced_table('o.t', purge => true)`),
    );
    expect(code).toBe('SYNCED_TABLE_HAS_DEPENDENTS');
    const path = `/api/2.0/synced-tables/tables/${await lake.value('select current_database()')}.o.t/objects`;
    const api = new ApiClient(url, await createToken(lake, manager));
    const { status, body } = await api.get(path);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      refreshes_merge: true,
      size_bytes: expect.any(Number),
      index_bytes: expect.any(Number),
      drop_refused_by: expect.arrayContaining(['public.refers.to_t', 'public.f(o.t)', 'public.v', 'public.m']),
    });
    expect(body.drop_refused_by).toHaveLength(4);
    for (const blocker of [
      'constraint to_t on table public.refers',
      'function public.f',
      'view public.v',
      'materialized view public.m',
    ]) {
      expect(message).toContain(blocker);
    }
    expect(body.objects.map(({ kind }: { kind: string }) => kind)).toEqual(
      expect.arrayContaining(['FOREIGN_KEY', 'MANAGER', 'GRANT']),
    );

    await lake.admin.query('revoke select on o.t from public');
    const asReader = await lake.database.connectAs(reader);
    expect((await asReader.query('select from synced_tables.objects')).rowCount).toBeGreaterThan(5);
    const asStranger = await lake.database.connectAs(stranger);
    expect((await asStranger.query('select from synced_tables.objects')).rowCount).toBe(0);
    expect(await new ApiClient(url, await createToken(lake, stranger)).get(path)).toMatchObject({ status: 404 });
  });

  it('are those of a streaming table, and none before there is a table', async () => {
    await using lake = await SyncedLake.create(server);
    await lake.startSidecar();
    await lake.admin.query(`create table public.source as select 1 as id, 1 as n;
      select synced_tables.create_streaming_table('public.streamed');
      select synced_tables.apply_changes('public.streamed', 'public.source', array['id'], 'n')`);
    expect((await objects(lake.admin, 'public.streamed'))('TABLE')).toEqual([]);
    await lake.sync('public.streamed');
    await lake.admin.query('create view public.over as select * from public.streamed');
    const of = await objects(lake.admin, 'public.streamed');
    expect(Number(of('TABLE')[0].size_bytes)).toBeGreaterThan(0);
    expect(of('VIEW')).toMatchObject([{ name: 'public.over' }]);
  });
});
