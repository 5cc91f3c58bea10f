import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Actor,
  createGuardedDatabase,
  effectOf,
  fingerprint,
  type GuardedDatabase,
} from '../support/guarded-database.js';
import { everyPostgresServer } from '../support/postgres.js';

// Goal: on every version, each statement on a synced table ends for each role as docs/guides/permissions.md says, and
// what is refused changes nothing.

/** Outcomes in the order of `actors`; one word for all, or one each. `S B M O H U` as in the guide. */
const actors: readonly Actor[] = ['sync', 'keeper', 'manager', 'other', 'schemaOwner', 'superuser'];

/** The effect is what those change who succeed; `none` is success without any. */
type Row = readonly [statement: string, outcomes: string, effect?: string];

const ENTIRELY =
  'tables, files, columns, indexes, constraints, triggers, partitions, rights, schemas, members, managers';

/** `{part}`, `{owner}` and `{me}` are the partition, the owner role and the acting role. */
const rows: readonly Row[] = [
  // Reading and what reads need. H owns the schema and nothing in it.
  ['select * from gold.x', 'ok ok 42501 42501 42501 ok'],
  ['select * from gold.x for update', 'ok ok 42501 42501 42501 ok'],
  ['lock table gold.x in access share mode', 'ok ok 42501 42501 42501 ok'],
  // Writing
  [`insert into gold.x values (9, 'n')`, 'ok ok 42501 42501 42501 ok'],
  [`update gold.x set note = 'n'`, 'ok ok 42501 42501 42501 ok'],
  ['delete from gold.x', 'ok ok 42501 42501 42501 ok'],
  [
    `merge into gold.x t using (values (1)) s (id) on t.id = s.id when matched then update set note = 'm'`,
    'ok ok 42501 42501 42501 ok',
  ],
  ['truncate gold.x', 'ok 42501 42501 42501 42501 25006', 'files'],
  ['truncate gold.x, gold.y', 'ok 42501 42501 42501 42501 25006', 'files'],
  // Permitted to managers
  ['create index on gold.x (note)', 'ok ok ok 42501 42501 ok', 'indexes'],
  ['create index named on gold.x using hash (note)', 'ok ok ok 42501 42501 ok', 'indexes'],
  ['create index on gold.x (lower(note)) where id > 0', 'ok ok ok 42501 42501 ok', 'indexes'],
  ['create index if not exists x_note on gold.x (note)', 'ok ok ok 42501 42501 ok'],
  ['do $$ begin create index on gold.x (note); end $$', 'ok ok ok 42501 42501 ok', 'indexes'],
  [`do $$ begin execute 'create index on gold.x (note)'; end $$`, 'ok ok ok 42501 42501 ok', 'indexes'],
  ['alter index gold.x_note rename to x_note_2', 'ok ok ok 42501 42501 ok', 'indexes'],
  ['alter index if exists gold.x_note rename to x_note_2', 'ok ok ok 42501 42501 ok', 'indexes'],
  ['alter index gold.x_note set tablespace pg_default', 'ok ok ok 42501 42501 ok'],
  ['alter index gold.x_note depends on extension plpgsql', 'ok ok ok 42501 42501 ok', 'dependencies'],
  ['alter index gold.x_note set (fillfactor = 70)', '42809 42809 42809 42501 42501 42809'],
  ['drop index gold.x_note', 'ok ok ok 42501 42501 ok', 'indexes'],
  ['drop index gold.x_note cascade', 'ok ok ok 42501 42501 ok', 'indexes'],
  ['drop table gold.x', 'ok ok ok 42501 42501 ok', ENTIRELY],
  ['drop table if exists gold.x cascade', 'ok ok ok 42501 42501 ok', ENTIRELY],
  // Near misses of these
  ['create index on only gold.x (note)', 'ok 0A000 0A000 42501 42501 ok', 'indexes'],
  ['create unique index on gold.x (id, note)', 'ok 0A000 0A000 42501 42501 ok', 'indexes'],
  ['create unique index on gold.x (note)', '0A000 0A000 0A000 42501 42501 0A000'],
  ['create index concurrently on gold.x (note)', '25001 0A000 0A000 42501 42501 25001'],
  ['drop index concurrently gold.x_note', '25001 0A000 0A000 42501 42501 25001'],
  ['alter index gold.x_pkey rename to p', 'ok 0A000 0A000 42501 42501 ok', 'indexes'],
  ['alter index gold.x rename to z', 'ok ok ok 42501 42501 ok', 'tables, managers'],
  ['drop index gold.x_pkey', '2BP01 2BP01 2BP01 42501 42501 2BP01'],
  ['drop table gold.x, gold.y', 'ok ok 42501 42501 42501 ok', ENTIRELY],
  ['drop view gold.x', '42809 42809 42809 42809 42809 42809'],
  // ALTER TABLE
  ...(
    [
      ['add column more int', 'columns'],
      ['drop column note', 'columns, indexes'],
      ['alter column note type varchar', 'columns, indexes'],
      [`alter column note set default 'd'`, 'defaults'],
      ['alter column note set not null', 'columns'],
      ['rename column note to n', 'columns'],
      ['owner to {me}', 'tables, rights'],
      ['add constraint c check (id > 0)', 'constraints'],
      ['drop constraint x_pkey', 'indexes, constraints'],
      ['disable trigger databricks_write_guard', 'triggers'],
      ['enable replica trigger databricks_write_guard', 'triggers'],
      ['enable row level security', 'tables'],
      ['force row level security', 'tables'],
      ['replica identity nothing', 'tables'],
      ['alter column note set statistics 10', 'columns'],
      ['detach partition {part}', 'partitions'],
    ] as const
  ).map(([change, effect]): Row => [`alter table gold.x ${change}`, 'ok 42501 42501 42501 42501 0A000', effect]),
  ['alter table gold.x rename to z', 'ok ok ok 42501 42501 ok', 'tables, managers'],
  ['alter table gold.x set schema app', 'ok ok ok 42501 42501 ok', 'tables, files, rights, schemas'],
  ['alter table gold.x rename to z; select 1', 'ok 42501 42501 42501 42501 ok', 'tables, managers'],
  ['do $$ begin alter table gold.x rename to z; end $$', 'ok 42501 42501 42501 42501 ok', 'tables, managers'],
  [
    `select synced_tables.rename_synced_table('gold.x', 'app.z')`,
    'ok ok ok 42501 42501 ok',
    'tables, files, rights, schemas, managers',
  ],
  // databricks_sync may not use schemas of others: USAGE of gold was given to the owner role.
  ['alter table gold.x add foreign key (id) references gold.y', '42501 42501 42501 42501 42501 0A000'],
  ['do $$ begin alter table gold.x add column more int; end $$', 'ok 42501 42501 42501 42501 0A000', 'columns'],
  ['alter table only gold.x add column more int', '42P16 42501 42501 42501 42501 0A000'],
  ['alter table gold.x attach partition own.p default', '42P01 42501 42501 42501 42501 0A000'],
  [
    'create table app.p partition of gold.x for values from (100) to (200)',
    'ok 42501 42501 42501 42501 0A000',
    'tables, columns, indexes, constraints, partitions',
  ],
  ['create table app.child () inherits (gold.x)', '42809 42809 42809 42809 42809 42809'],
  // Objects on the table
  [
    'create trigger t before insert on gold.x for each row execute function tsvector_update_trigger()',
    '42501 42501 42501 42501 42501 0A000',
  ],
  ['drop trigger databricks_write_guard on gold.x', 'ok 42501 42501 42501 42501 42501', 'triggers'],
  ['alter trigger databricks_write_guard on gold.x rename to t', 'ok 42501 42501 42501 42501 0A000', 'triggers'],
  ['create rule r as on insert to gold.x do instead nothing', 'ok 42501 42501 42501 42501 0A000', 'rules'],
  ['create policy p on gold.x using (true)', 'ok 42501 42501 42501 42501 0A000', 'policies'],
  ['create statistics app.s on id, note from gold.x', 'ok 42501 42501 42501 42501 ok', 'statistics'],
  [`comment on table gold.x is 'mine'`, 'ok 42501 42501 42501 42501 ok', 'comments'],
  [`comment on column gold.x.note is 'mine'`, 'ok 42501 42501 42501 42501 ok', 'comments'],
  [`security label on table gold.x is 'l'`, '22023 22023 22023 22023 22023 22023'],
  // Upkeep
  ['cluster gold.x using x_note', '25001 42501 42501 42501 42501 25001'],
  ['reindex table gold.x', '25001 42501 42501 42501 42501 25001'],
  ['analyze gold.x', 'ok ok ok ok ok ok'],
  // Rights
  ['grant select on gold.x to {other}', 'ok ok 42501 42501 42501 ok', 'rights'],
  ['revoke select on gold.x from {other}', 'ok ok 42501 42501 42501 ok'],
  ['grant insert, update, delete on gold.x to {other}', 'ok none 42501 42501 42501 ok', 'rights'],
  ['grant all on gold.x to {me}', 'ok ok 42501 42501 42501 ok', 'rights'],
  ['grant usage on schema gold to {other}', 'none ok none none none none', 'schemas'],
  // The partition
  ['select * from {part}', 'ok ok 42501 42501 42501 ok'],
  [`insert into {part} values (9, 'n')`, 'ok 25006 42501 42501 42501 25006'],
  ['delete from {part}', 'ok 25006 42501 42501 42501 25006'],
  [`update {part} set note = 'n'`, 'ok 25006 42501 42501 42501 25006'],
  ['truncate {part}', 'ok 42501 42501 42501 42501 25006', 'files'],
  ['alter table {part} add column more int', '42809 42501 42501 42501 42501 42809'],
  ['alter table {part} disable trigger databricks_write_guard', 'ok 42501 42501 42501 42501 0A000', 'triggers'],
  [
    'drop table {part}',
    'ok 42501 42501 42501 42501 42501',
    'tables, files, columns, indexes, constraints, triggers, partitions, rights',
  ],
  ['create index on {part} (note)', 'ok 42501 42501 42501 42501 ok', 'indexes'],
  ['create table __db_system.mine (id int)', 'ok 42501 42501 42501 42501 ok', 'tables, files, columns, rights'],
  ['grant select on {part} to {me}', 'none none 42501 42501 42501 ok', 'rights'],
  // The schema
  [
    'alter schema gold rename to gone',
    '42501 42501 42501 42501 42501 ok',
    'tables, files, columns, indexes, constraints, triggers, partitions, rights, schemas',
  ],
  ['alter schema gold owner to {me}', '42501 42501 42501 42501 0A000 0A000'],
  ['drop schema gold cascade', '42501 42501 42501 42501 42501 ok', ENTIRELY],
  ['drop schema __db_system cascade', '55006 55006 55006 55006 55006 55006'],
  ['alter schema __db_system rename to mine', '42501 42501 42501 42501 42501 0A000'],
  ['grant all on schema __db_system to {me}', 'none none 42501 42501 42501 ok', 'schemas'],
  // The owner role
  ['set local role {owner}', 'ok 42501 42501 42501 42501 ok'],
  ['grant {owner} to {me}', '42501 42501 42501 42501 42501 ok', 'members'],
  ['reassign owned by {owner} to {me}', 'ok 42501 42501 42501 42501 ok', 'tables, rights'],
  [
    'alter default privileges for role {owner} grant all on tables to {me}',
    'ok 42501 42501 42501 42501 ok',
    'default rights',
  ],
  // Publications
  ['create publication p for table gold.x', '42501 42501 42501 42501 42501 ok', 'publications'],
  ['create publication p for all tables', '42501 42501 42501 42501 42501 ok', 'publications'],
  // Harmless
  ['create view app.v as select * from gold.x', 'ok ok ok ok ok ok', 'tables'],
  ['create materialized view app.m as select * from gold.x', 'ok ok 42501 42501 42501 ok', 'tables'],
  ['create table app.copy as select * from gold.x', 'ok ok 42501 42501 42501 ok', 'tables, columns'],
  ['create table app.twin (like gold.x)', 'ok ok 42501 42501 42501 ok', 'tables, columns'],
  [
    'create table app.orders (x bigint references gold.x)',
    '42501 ok 42501 42501 42501 ok',
    'tables, columns, constraints',
  ],
  // Managers
  [`select databricks_synced_table_add_manager('gold.x', '{other}')`, '42501 ok 42501 42501 42501 ok', 'managers'],
  [`select databricks_synced_table_remove_manager('gold.x', '{manager}')`, '42501 ok 42501 42501 42501 ok', 'managers'],
  ['select user_name from databricks_synced_table_managers', 'ok ok ok ok ok ok'],
  [
    `insert into databricks_auth.managers (synced_table, manager, manager_oid) select 'gold.x', rolname, oid from pg_roles where rolname = '{me}'`,
    '42501 ok 42501 42501 42501 ok',
    'managers',
  ],
  ['delete from databricks_auth.managers', '42501 ok 42501 42501 42501 ok', 'managers'],
  // Syncing
  [`select synced_tables.sync_now('gold.x')`, 'ok ok ok 42501 42501 ok'],
  // It becomes a table of its creator, without anything of ours.
  [
    `select synced_tables.delete_synced_table('gold.x')`,
    'ok ok ok 42501 42501 ok',
    'tables, triggers, rights, schemas, members, managers',
  ],
  [`select synced_tables.delete_synced_table('gold.x', purge => true)`, 'ok ok ok 42501 42501 ok', ENTIRELY],
  // The guard itself
  ['alter event trigger databricks_auth_drop disable', '42501 42501 42501 42501 42501 ok', 'event triggers'],
  ['drop event trigger databricks_auth_1_guard', '42501 42501 42501 42501 42501 ok', 'event triggers'],
  [`set local session_replication_role = replica`, '42501 42501 42501 42501 42501 ok'],
  ['select * from synced_tables.repair()', '42501 42501 42501 42501 42501 ok', 'rights'],
  [`select databricks_auth.register('gold.x')`, 'ok 42501 42501 42501 42501 ok', 'rights'],
  ['insert into databricks_auth.open_windows values (1, null, null, null)', '42501 42501 42501 42501 42501 23502'],
];

describe.each(everyPostgresServer())('statements on a synced table on $name', (server) => {
  let guarded: GuardedDatabase;
  let before: string;
  beforeAll(async () => {
    guarded = await createGuardedDatabase(server);
    before = await fingerprint(guarded.database.admin);
  });
  afterAll(() => guarded?.[Symbol.asyncDispose]());

  it.each(rows.map(([statement, outcomes, effect = '']) => [statement, outcomes, effect] as const))(
    '%s',
    async (statement, outcomes, effect) => {
      const found: string[] = [];
      const effects = new Set<string>();
      for (const actor of actors) {
        const sql = statement
          .replaceAll('{part}', guarded.part)
          .replaceAll('{owner}', guarded.owner)
          .replaceAll('{other}', guarded.roles.other)
          .replaceAll('{manager}', guarded.roles.manager)
          .replaceAll('{me}', guarded.roles[actor]);
        const { code, changed } = await effectOf(guarded.sessions[actor], sql);
        found.push(code === 'ok' && changed === '' && effect !== '' ? 'none' : code);
        if (changed !== '') effects.add(changed);
      }
      expect(found.join(' ')).toBe(outcomes);
      // From 18 on NOT NULL is a constraint.
      const wanted = /set not null$|\(like /.test(statement) && server.major >= 18 ? `${effect}, constraints` : effect;
      expect([...effects].join(' | ')).toBe(wanted);
      expect(await fingerprint(guarded.database.admin)).toBe(before);
    },
  );
});
