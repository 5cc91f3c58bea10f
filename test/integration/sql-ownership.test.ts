import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { createMigratedDatabase, type MigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { loadPartition, publishByHand } from '../support/synced-table-fixture.js';

// Goal: synced tables belong to owner roles that nobody but the sidecar can use, and publishing keeps their rights,
// indexes and dependent objects.

async function createPublished(database: MigratedDatabase, sidecar: pg.Client, name = 'gold.x'): Promise<void> {
  await database.admin.query(`select synced_tables.create_synced_table($1, 'a.b.c', array['id'])`, [name]);
  await publishByHand(sidecar, name);
}

async function missingIndexes(sidecar: pg.Client, part: string): Promise<string[]> {
  const { rows } = await sidecar.query<{ statement: string }>(
    `select statement from databricks_auth.missing_indexes('gold.x', $1::regclass) as statement`,
    [part],
  );
  return rows.map(({ statement }) => statement);
}

/** A refresh, step by step as the sidecar does it. */
async function refreshByHand(sidecar: pg.Client, rows: number): Promise<void> {
  const part = await loadPartition(sidecar, rows);
  await sidecar.query(`select databricks_auth.prepare_partition('gold.x', $1::regclass)`, [part]);
  for (const statement of await missingIndexes(sidecar, part)) await sidecar.query(statement);
  await sidecar.query(`analyze ${part}`);
  await sidecar.query(`begin; set local lock_timeout = '200ms'`);
  const { rows: found } = await sidecar.query<{ old: string }>(
    `select databricks_auth.sole_partition('gold.x')::text as old`,
  );
  await sidecar.query(`alter table gold.x detach partition ${found[0]?.old}`);
  expect(await missingIndexes(sidecar, part)).toEqual([]);
  await sidecar.query(`alter table gold.x attach partition ${part} default`);
  await sidecar.query(`drop table ${found[0]?.old}`);
  await sidecar.query('commit');
}

describe.each(postgresServers())('ownership on $name', (server) => {
  it('gives parent and partition to an owner role of their own, that nobody but databricks_sync can use', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    await createPublished(database, sidecar);
    const { rows } = await database.admin.query(
      `select r.rolname = format('databricks_st_%s_%s', (select oid from pg_database where datname = current_database()), c.oid) as named,
              r.rolcanlogin as login, r.rolinherit as inherits,
              (select relowner from pg_class where oid = databricks_auth.sole_partition(c.oid)) = r.oid as owns_partition,
              array(select member::regrole::text from pg_auth_members where roleid = r.oid) as members
         from pg_class c join pg_roles r on r.oid = c.relowner where c.oid = 'gold.x'::regclass`,
    );
    expect(rows).toEqual([
      { named: true, login: false, inherits: false, owns_partition: true, members: ['databricks_sync'] },
    ]);
    const acl = await database.admin.query<{ grants: string }>(
      `select distinct coalesce(nullif(regexp_replace(grantee::regrole::text, 'databricks_st_\\d+_\\d+', 'owner'), '-'), 'public') || ': '
                || string_agg(privilege_type || case when is_grantable then '*' else '' end, ' ' order by privilege_type) as grants
         from pg_class, aclexplode(relacl) where oid = 'gold.x'::regclass and privilege_type <> 'MAINTAIN' group by grantee order by 1`,
    );
    const { rows: me } = await database.admin.query<{ name: string }>('select current_user as name');
    expect(acl.rows.map(({ grants }) => grants).sort()).toEqual(
      [
        'databricks_superuser: REFERENCES* SELECT*',
        'databricks_sync: DELETE INSERT SELECT TRUNCATE UPDATE',
        'owner: SELECT UPDATE',
        `${me[0]?.name}: SELECT*`,
      ].sort(),
    );
  });

  it('lets neither databricks_superuser nor the schema owner change the table, nor anybody else look into __db_system', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    const alice = await database.createRole('alice');
    await database.admin.query(`create schema gold authorization ${alice}`);
    await createPublished(database, sidecar);
    const { rows } = await database.admin.query<{ part: string }>(
      `select databricks_auth.sole_partition('gold.x')::text as part`,
    );
    const keeper = await database.connectAs(await database.createRole('keeper', 'databricks_superuser'));
    const owner = await database.connectAs(alice);
    for (const query of [
      'alter table gold.x add column more int',
      `alter table gold.x detach partition ${rows[0]?.part}`,
      'truncate gold.x',
      `alter table gold.x owner to ${alice}`,
      `truncate ${rows[0]?.part}`,
      'create table __db_system.mine (id int)',
      `select databricks_auth.register('gold.x')`,
    ]) {
      for (const client of [keeper, owner])
        await expect(client.query(query), query).rejects.toMatchObject({ code: '42501' });
    }
    await expect(owner.query(`select from ${rows[0]?.part}`)).rejects.toMatchObject({ code: '42501' });
    await expect(owner.query(`update gold.x set note = ''`)).rejects.toMatchObject({ code: '42501' });
    expect((await keeper.query('select from gold.x')).rowCount).toBe(3);
  });

  it('lets the creator read the table and pass that on', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    const [alice, bob] = [await database.createRole('alice', 'databricks_superuser'), await database.createRole('bob')];
    const creator = await database.connectAs(alice);
    await creator.query(`select synced_tables.create_synced_table('gold.x', 'a.b.c', array['id'])`);
    await publishByHand(sidecar, 'gold.x');
    await database.admin.query(`revoke databricks_superuser from ${alice}`);
    await creator.query(`grant usage on schema gold to ${bob}; grant select on gold.x to ${bob}`);
    const reader = await database.connectAs(bob);
    expect((await reader.query('select from gold.x')).rowCount).toBe(3);
    const { rows } = await database.admin.query(
      `select nspowner::regrole::text as schema_owner, s.created_by from pg_namespace, databricks_auth.synced_tables s where nspname = 'gold'`,
    );
    expect(rows).toEqual([{ schema_owner: alice, created_by: alice }]);
  });

  it('keeps OID, indexes, grants, comments and views when a refresh switches the partition', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    await createPublished(database, sidecar);
    const reader = await database.createRole('reader');
    await database.admin.query(`create index x_note on gold.x (lower(note) text_pattern_ops) include (id) where id > 0;
      comment on index gold.x_note is 'for search'; grant usage on schema gold to ${reader}; grant select on gold.x to ${reader};
      create view public.v as select count(*)::int as count from gold.x`);
    const describeTable = `select 'gold.x'::regclass::oid as oid, obj_description('gold.x_note'::regclass, 'pg_class') as comment,
      (select bool_and(indisvalid) from pg_index where indrelid = 'gold.x'::regclass) as valid,
      (select count(*)::int from pg_index where indrelid = databricks_auth.sole_partition('gold.x')) as partition_indexes`;
    const before = await database.admin.query(describeTable);
    const oldIndex = await database.admin.query(
      `select inhrelid from pg_inherits where inhparent = 'gold.x_note'::regclass`,
    );
    await refreshByHand(sidecar, 500);
    await refreshByHand(sidecar, 700);
    const after = await database.admin.query(describeTable);
    expect(after.rows).toEqual(before.rows);
    expect(after.rows).toEqual([{ oid: expect.any(Number), comment: 'for search', valid: true, partition_indexes: 2 }]);
    const newIndex = await database.admin.query(
      `select inhrelid from pg_inherits where inhparent = 'gold.x_note'::regclass`,
    );
    expect(newIndex.rows).not.toEqual(oldIndex.rows);
    expect((await database.admin.query('select count from public.v')).rows).toEqual([{ count: 700 }]);
    const client = await database.connectAs(reader);
    expect((await client.query('select from gold.x')).rowCount).toBe(700);
    const partitions = await database.admin.query(
      `select count(*)::int as count from pg_class where relnamespace = '__db_system'::regnamespace and relkind = 'r'`,
    );
    expect(partitions.rows).toEqual([{ count: 1 }]);
  });

  it('checks foreign keys to a synced table although the owner may hardly do anything', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    await createPublished(database, sidecar);
    await database.admin.query(
      'create table public.orders (user_id bigint references gold.x); insert into public.orders values (1)',
    );
    await expect(database.admin.query('insert into public.orders values (99)')).rejects.toMatchObject({
      code: '23503',
    });
    await expect(sidecar.query('delete from gold.x where id = 1')).rejects.toMatchObject({ code: '23503' });
    expect((await sidecar.query('delete from gold.x where id = 2')).rowCount).toBe(1);
    await database.admin.query('drop table public.orders');
  });

  it('makes nothing a synced table but a parent with its DEFAULT partition in __db_system', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    await database.admin.query(`create table public.plain (id int); create table public.parent (id int) partition by range (id);
      create table public.part partition of public.parent default; create table public.empty (id int) partition by range (id)`);
    for (const name of ['public.plain', 'public.parent', 'public.empty', 'pg_catalog.pg_class']) {
      await expect(sidecar.query('select databricks_auth.register($1::regclass)', [name]), name).rejects.toMatchObject({
        code: '42809',
      });
      await expect(
        sidecar.query(`select synced_tables_internal._grant_creator($1::regclass, 'pg_monitor')`, [name]),
        name,
      ).rejects.toMatchObject({ code: '42809' });
    }
    await createPublished(database, sidecar);
    await expect(
      sidecar.query(`select databricks_auth.prepare_partition('gold.x', 'public.plain')`),
    ).rejects.toMatchObject({ code: '42809' });
  });

  it('does not adopt a role that somebody made under the name of an owner role', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    await createPublished(database, sidecar, 'gold.first');
    const part = await loadPartition(sidecar, 1);
    await sidecar.query(`create table gold.x (id bigint, note text, primary key (id)) partition by range (id);
      alter table gold.x attach partition ${part} default`);
    await database.admin.query(`do $$ begin execute format('create role databricks_st_%s_%s', d.oid, 'gold.x'::regclass::oid)
      from pg_database d where datname = current_database(); end $$`);
    const { rows } = await sidecar.query<{ owner: string }>(`select databricks_auth.register('gold.x') as owner`);
    expect(rows[0]?.owner).toMatch(/^databricks_st_\d+_\d+_$/);
    expect((await sidecar.query(`select databricks_auth.register('gold.x') as owner`)).rows).toEqual(rows);
  });

  it('registers many tables of one schema at once', async () => {
    await using database = await createMigratedDatabase(server);
    const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `gold.${name}`);
    for (const name of names) {
      await database.admin.query(`select synced_tables.create_synced_table($1, 'a.b.c', array['id'])`, [name]);
    }
    const sidecars: pg.Client[] = [];
    for (const _ of names) sidecars.push(await database.connectAsSidecar());
    await Promise.all(sidecars.map((sidecar, n) => publishByHand(sidecar, names[n] ?? '')));
    const { rows } = await database.admin.query(
      'select count(distinct owner_role)::int as owners from databricks_auth.synced_tables',
    );
    expect(rows).toEqual([{ owners: names.length }]);
  });
});

describe.each(postgresServers())('missing_indexes on $name', (server) => {
  it('names each index a partition lacks once, equal ones as often as the parent has them', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    await createPublished(database, sidecar);
    await database.admin.query(`create index one on gold.x (note); create index two on gold.x (note);
      create unique index three on gold.x (id, note) where note <> ''; create index four on gold.x using hash (note)`);
    const part = await loadPartition(sidecar, 2);
    await sidecar.query(`select databricks_auth.prepare_partition('gold.x', '${part}')`);
    await sidecar.query(`create index on ${part} (note)`);
    expect(await missingIndexes(sidecar, part)).toEqual([
      `CREATE INDEX ON ${part} USING btree (note)`,
      `CREATE UNIQUE INDEX ON ${part} USING btree (id, note) WHERE (note <> ''::text)`,
      `CREATE INDEX ON ${part} USING hash (note)`,
    ]);
    for (const statement of await missingIndexes(sidecar, part)) await sidecar.query(statement);
    expect(await missingIndexes(sidecar, part)).toEqual([]);
  });

  it.each([
    ['"x ON ONLY gold.x USING btree (id); drop table gold.x; --"'],
    ['"say ""hi"" USING"'],
    ['"Größe ON gold.x USING "'],
  ])('is not led astray by an index named %s', async (name) => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    await createPublished(database, sidecar);
    await database.admin.query(`create index ${name} on gold.x (note)`);
    const part = await loadPartition(sidecar, 2);
    expect(await missingIndexes(sidecar, part)).toEqual([`CREATE INDEX ON ${part} USING btree (note)`]);
    await refreshByHand(sidecar, 5);
  });

  it('qualifies what an index uses, whatever the search_path of the sidecar', async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    await createPublished(database, sidecar);
    await database.admin.query(`create function public.shout(text) returns text language sql immutable as 'select upper($1)';
      create index on gold.x (public.shout(note))`);
    await sidecar.query('set search_path = public');
    expect(await missingIndexes(sidecar, await loadPartition(sidecar, 2))).toEqual([
      expect.stringContaining('USING btree (public.shout(note))'),
    ]);
  });
});
