import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: a table of this database that a flow reads belongs to somebody who may be hostile; none of his code runs as the
// sidecar. That it ran could be rolled back, so it counts in a sequence, which is not.

const refused = (code: string) => ({ detail: `error code: ${code}` });

describe.each(postgresServers())('tables of others that flows read on $name', (server) => {
  let lake: SyncedLake;
  let owner: Awaited<ReturnType<SyncedLake['database']['connectAs']>>;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
    const role = await lake.database.createRole('shop');
    await lake.admin.query(`create schema shop authorization ${role}; create schema kit authorization ${role}; grant usage on schema synced_tables to ${role};
      do $$ begin execute format('grant create on database %I to ${role}', current_database()); end $$`);
    owner = await lake.database.connectAs(role);
    await owner.query(`create sequence kit.proof; grant all on sequence kit.proof to public; grant usage on schema shop, kit to public;
      create function kit.evil(text) returns text language plpgsql immutable as $$
        begin if current_user = 'databricks_sync' then perform nextval('kit.proof'); end if; return $1; end $$;
      create domain kit.checked as text check (kit.evil(value) is distinct from 'never');
      create type kit.mood as enum ('glad', 'sad');
      create function kit.to_mood(text) returns kit.mood language plpgsql as $$ begin perform kit.evil($1); return 'sad'; end $$;
      create cast (text as kit.mood) with function kit.to_mood(text) as assignment`);
    await owner.query(`create table shop.events (id int, checked kit.checked, mood kit.mood, list kit.mood[], seq int);
      insert into shop.events values (1, 'c', 'glad', '{sad}', 1)`);
  });
  afterAll(async () => {
    await owner?.end();
    await lake?.[Symbol.asyncDispose]();
  });

  const nobodyRan = async () => expect(await lake.rows('kit.proof', ['is_called'])).toEqual([['false']]);

  it('are copied in types that run no code', { timeout: 90_000 }, async () => {
    await lake.admin.query(`select synced_tables.create_streaming_table('public.copied');
      select synced_tables.apply_changes('public.copied', 'shop.events', array['id'], 'seq')`);
    await lake.sync('public.copied');
    await owner.query(`insert into shop.events values (1, 'd', 'sad', '{glad,sad}', 2), (2, null, null, null, 1)`);
    await lake.sync('public.copied');
    expect(await lake.rows('public.copied order by id', ['id', 'checked', 'mood', 'list'])).toEqual([
      ['1', 'd', 'sad', '{glad,sad}'],
      ['2', null, null, null],
    ]);
    const types = await lake.rows(
      `pg_attribute where attrelid = 'public.copied'::regclass and attnum > 0 order by attnum`,
      ['format_type(atttypid, atttypmod)'],
    );
    expect(types.flat()).toEqual(['integer', 'integer', 'text', 'text', 'text']);
    await nobodyRan();
  });

  it.each([
    [
      'an index with a function',
      `create index hostile on shop.events ((kit.evil('x') || checked))`,
      'drop index shop.hostile',
    ],
    [
      'statistics with a function',
      `create statistics shop.hostile on (kit.evil('x') || checked), id from shop.events`,
      'drop statistics shop.hostile',
    ],
    [
      'a child with an index',
      `create table shop.child () inherits (shop.events); create index on shop.child ((kit.evil('x') || checked))`,
      'drop table shop.child',
    ],
    [
      'a policy',
      `alter table shop.events enable row level security; create policy hostile on shop.events using (kit.evil('x') is not null)`,
      'alter table shop.events disable row level security; drop policy hostile on shop.events',
    ],
    [
      'a view in its place',
      `alter table shop.events rename to kept; create view shop.events as select id, kit.evil(checked) as checked, mood, list, seq from shop.kept;
       grant select on shop.events to public`,
      'drop view shop.events; alter table shop.kept rename to events',
    ],
  ])('are refused once they have %s', { timeout: 60_000 }, async (_, sql, back) => {
    await owner.query(sql);
    try {
      await expect(lake.sync('public.copied')).rejects.toMatchObject(refused('FLOW_SOURCE_UNFIT'));
      await nobodyRan();
    } finally {
      await owner.query(back);
    }
    await lake.sync('public.copied');
  });

  it('may have constraints, defaults and triggers of their own, and be written while they are read', {
    timeout: 60_000,
  }, async () => {
    await owner.query(`alter table shop.events add constraint kept check (kit.evil('x') = 'x'), alter checked set default kit.evil('d');
      create table shop.child (check (kit.evil('y') = 'y')) inherits (shop.events); insert into shop.child values (3, 'e', 'sad', null, 1)`);
    await lake.sync('public.copied');
    expect(await lake.rows('public.copied', ['count(*)'])).toEqual([['3']]);
    await nobodyRan();
  });

  it('come while everybody may shout', { timeout: 60_000 }, async () => {
    await owner.query(
      `do $$ begin for n in 1..20000 loop perform pg_notify('synced_tables_requests', n || repeat('x', 100)); end loop; end $$`,
    );
    await lake.sync('public.copied');
  });

  it.each([
    [
      'another table is in the place of its change feed',
      `drop table shop.__apply_changes_feed_current; create table shop.__apply_changes_feed_current (id int, seq int, _change_type text, _commit_version bigint, _commit_timestamp timestamptz)`,
      '__apply_changes_feed_current',
    ],
    [
      'its schema is another one',
      `alter schema shop rename to shop_before; create schema shop; grant usage on schema shop to public;
       create table shop.__apply_changes_storage_current (id int primary key, seq int, __autocdc_seq1 int, __autocdc_deletes boolean, __autocdc_visible boolean default true, __autocdc_changed_at timestamptz);
       create table shop.__apply_changes_feed_current (id int, seq int, _change_type text, _commit_version bigint, _commit_timestamp timestamptz);
       create view shop.current as select id, seq from shop.__apply_changes_storage_current;
       grant all on all tables in schema shop to public`,
      '__apply_changes_storage_current',
    ],
  ])('nor does the state of a streaming table run code when %s', { timeout: 60_000 }, async (_, sql, trap) => {
    await lake.admin.query(`create table if not exists public.plain (id int, seq int); insert into public.plain values (1, 1);
      select synced_tables.create_streaming_table('shop.current');
      select synced_tables.apply_changes('shop.current', 'public.plain', array['id'], 'seq')`);
    await lake.sync('shop.current');
    // The guard of streaming tables refuses that; this is what holds where it was switched off.
    await expect(owner.query(sql)).rejects.toThrow(/is refused/);
    const guards = ['synced_tables_streaming_drop', 'synced_tables_streaming_ddl'];
    const setGuards = (state: string) =>
      lake.admin.query(guards.map((name) => `alter event trigger ${name} ${state}`).join('; '));
    await setGuards('disable');
    await owner.query(`${sql}; grant all on shop.${trap} to public;
      create or replace function kit.trap() returns trigger language plpgsql as $$ begin perform kit.evil('x'); return new; end $$;
      create trigger trap before insert or update or delete on shop.${trap} for each row execute function kit.trap()`);
    await setGuards('enable always');
    await lake.admin.query('insert into public.plain values (2, 2)');
    await expect(lake.sync('shop.current')).rejects.toMatchObject(refused('AUTOCDC_TARGET_CHANGED'));
    const [[view] = []] = await lake.rows(`synced_tables._cdc_targets where schema_name = 'shop'`, ['target::text']);
    for (const change of [
      'insert into TARGET (id, seq) values (7, 7)',
      'update TARGET set seq = 9',
      'delete from TARGET',
    ]) {
      await expect(lake.admin.query(change.replace('TARGET', view ?? ''))).rejects.toMatchObject(
        refused('AUTOCDC_TARGET_CHANGED'),
      );
    }
    await nobodyRan();
    await setGuards('disable');
    await owner.query('drop schema if exists shop_before cascade; drop schema shop cascade');
    await setGuards('enable always');
    await lake.admin.query(`select synced_tables.delete_streaming_table('shop.current', purge => true)`);
    await owner.query('create schema shop; grant usage on schema shop to public');
  });
});
