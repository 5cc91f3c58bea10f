import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Attack, armAttackers, changes, itWithstands } from '../support/attack.js';
import { createGuardedDatabase, fingerprint, type GuardedDatabase } from '../support/guarded-database.js';
import { everyPostgresServer } from '../support/postgres.js';

// Goal: whatever a role tries with what it may do, nothing of a synced table changes: not the catalog, not a row, not a
// membership, not a registration.

const attacks: readonly Attack[] = [
  // Disguise and names
  {
    name: 'CONCURRENTLY hidden by comments',
    as: 'manager',
    statements: ['create index /**/concurrently/**/ mine on gold.x (id)', 'drop index /* */ concurrently gold.x_note'],
  },
  {
    name: 'ALTER INDEX on the table and on its key',
    as: 'manager',
    statements: [
      'alter index gold.x rename to "y 2"',
      'alter index gold.x_pkey rename to p',
      'alter index gold.x_pkey set tablespace pg_default',
    ],
  },
  {
    name: 'ALTER INDEX ALL IN TABLESPACE',
    as: 'manager',
    statements: [
      'alter index all in tablespace pg_default set tablespace pg_default',
      'alter table all in tablespace pg_default owned by {owner} set tablespace pg_default nowait',
    ],
  },
  {
    name: 'partition by search_path',
    as: 'manager',
    statements: [
      'set search_path = __db_system, gold',
      'drop table {bare} /* x */',
      'create index mine on {bare} (id) /* x */',
      'reset search_path',
    ],
  },
  {
    name: 'partition in a window that a comment opens',
    as: 'manager',
    statements: [
      'drop table {part} /* gold.x */',
      'create index on {part} (id) -- x',
      'drop table /* x */ {part} cascade',
    ],
  },
  {
    name: 'keeper: partition in a window that a comment opens',
    as: 'keeper',
    statements: [
      'drop table {part} /* gold.x */',
      'create index mine on {part} (id) -- x',
      'drop table own.none, {part} /* x */',
    ],
  },
  {
    name: 'partition together with an own table',
    as: 'manager',
    statements: ['create table own.z (id int)', 'drop table own.z, {part} /* x */', 'drop table own.z'],
  },
  {
    name: 'another table together with the own one',
    as: 'manager',
    statements: ['drop table gold.x, gold.y', 'drop index gold.x_note, gold.y_pkey'],
  },
  {
    name: 'index of the partition',
    as: 'keeper',
    statements: [
      'do $$ declare i text; begin select indexrelid::regclass into i from pg_index where indrelid = $${part}$$::regclass limit 1; execute $e$drop index /* x */ $e$ || i; end $$'.replaceAll(
        '$${part}$$',
        "'{part}'",
      ),
    ],
  },
  {
    name: 'objects that shadow the catalog',
    as: 'manager',
    statements: [
      'create schema if not exists {actor}_s',
      `create function own.format(text, text) returns text language sql as 'select ''drop table gold.y'''`,
      'set search_path = own, pg_catalog',
      'create index mine2 on gold.y (id)',
      'reset search_path',
      'drop function own.format(text, text)',
    ],
  },
  {
    name: 'temporary tables of the same name',
    as: 'manager',
    statements: [
      'create temp table x (id int)',
      'create index mine on x (id)',
      'alter table x rename to synced_tables',
      'drop table synced_tables',
    ],
  },
  {
    name: 'own table of the same name',
    as: 'manager',
    statements: ['create table own.x (id int)', 'create index x_own on own.x (id)', 'drop table own.x'],
  },
  {
    name: 'IF NOT EXISTS and IF EXISTS leave nothing lent',
    as: 'manager',
    statements: [
      'create index if not exists x_note on gold.x (note)',
      'drop index if exists gold.none /* x */',
      'drop table if exists gold.none /* x */',
      'alter table gold.x add column mine int',
    ],
  },
  {
    name: 'swallowed errors, then leftovers',
    as: 'manager',
    statements: [
      `do $$ begin begin create index on gold.x (no_such); exception when others then null; end; alter table gold.x add column mine int; end $$`,
      `do $$ begin for i in 1..3 loop begin create index on gold.x (none); exception when others then null; end; end loop; truncate gold.x; end $$`,
    ],
  },
  {
    name: 'savepoints around a window',
    as: 'manager',
    statements: [
      'begin',
      'savepoint a',
      'create index mine on gold.x (nothing)',
      'rollback to a',
      'truncate gold.x',
      'rollback',
    ],
  },
  {
    name: 'a command that fails in the window, then the next',
    as: 'manager',
    statements: ['drop table gold.x, gold.nonesuch', 'alter table gold.x owner to {me}'],
  },
  {
    name: 'CREATE SCHEMA with elements',
    as: 'manager',
    statements: ['create schema authorization {me} create index mine on gold.x (id)'],
  },
  {
    name: 'Unicode escapes',
    as: 'other',
    statements: ['drop table U&"gold".U&"\\0078"', 'create index on gold.U&"\\0078" (id)'],
  },
  {
    name: 'indexes on ONLY and unique ones',
    as: 'manager',
    statements: ['create index mine on only gold.x (id)', 'create unique index mine on gold.x (id)'],
  },
  {
    name: 'rename into the partition’s place',
    as: 'manager',
    statements: ['alter index gold.x_note rename to {bare}', 'alter index gold.{bare} rename to x_note'],
  },
  {
    name: 'DISCARD ALL and RESET do not open anything',
    as: 'manager',
    statements: ['discard all', 'reset all', 'alter table gold.x add column mine int'],
  },
  {
    name: 'role changed in the window',
    as: 'manager',
    statements: [
      `create or replace function own.f(text) returns text language plpgsql immutable as $f$ begin begin perform set_config('role', '{owner}', false); exception when others then null; end; return $1; end $f$`,
      'create index mine on gold.x (own.f(note))',
      'create index mine on own.manager_t (own.f(note)) /* x */',
      'reset role',
      'drop index own.mine',
    ],
  },
  {
    name: 'parse-time code: a domain check',
    as: 'manager',
    statements: [
      `create function own.chk(text) returns boolean language plpgsql as $$ begin begin execute 'set role {owner}'; exception when others then null; end; begin execute 'truncate gold.x'; exception when others then null; end; return true; end $$`,
      'create domain own.d as text check (own.chk(value))',
      `create index mine on gold.x ((note::own.d))`,
      `create index mine on own.manager_t ((note::own.d)) /* x */`,
      `create index mine on gold.x (id) where 'a'::own.d = 'a'`,
      'reset role',
      'drop domain own.d cascade',
      'drop function own.chk(text)',
    ],
  },
  {
    name: 'own operator class',
    as: 'manager',
    statements: [
      'create function own.cmp(text, text) returns int language plpgsql immutable as $$ begin begin execute $e$truncate gold.x$e$; exception when others then null; end; return case when $1 < $2 then -1 when $1 > $2 then 1 else 0 end; end $$',
      'create operator class own.ops for type text using btree as operator 1 <, operator 3 =, function 1 own.cmp(text, text)',
      'create index mine on gold.x (note own.ops)',
      'drop function own.cmp(text, text) cascade',
    ],
  },
  {
    name: 'own collation and own type',
    as: 'manager',
    statements: [
      `create collation own.c (locale = 'C')`,
      'create index mine on gold.x (note collate own.c)',
      'drop collation own.c',
    ],
  },
  {
    name: 'own text search configuration',
    as: 'manager',
    statements: [
      'create text search configuration own.words (copy = pg_catalog.english)',
      `create index mine on gold.x using gin (to_tsvector('own.words'::regconfig, note))`,
      'drop text search configuration own.words',
    ],
  },
  {
    name: 'SQL function that hides the command',
    as: 'other',
    statements: [
      `create function own.s() returns void language sql as 'create index mine on gold.x (id)'`,
      'select own.s()',
      `create function own.s2() returns void begin atomic; select own.s(); end`,
      'select own.s2()',
      'drop function own.s2()',
      'drop function own.s()',
    ],
  },
  {
    name: 'extension script of a trusted extension',
    as: 'manager',
    statements: [
      'create extension if not exists pg_trgm schema gold',
      'create extension if not exists pg_trgm schema own',
      'alter extension plpgsql add table gold.x',
      'drop extension if exists pg_trgm',
    ],
  },
  {
    name: 'membership of the extension in the table',
    as: 'superuser',
    statements: ['alter extension plpgsql drop function databricks_auth.refuse(text, text, text, text)'],
  },
  {
    name: 'publications and subscriptions',
    as: 'manager',
    statements: [
      'create publication mine for table gold.x',
      'create publication mine for tables in schema gold',
      'create publication mine for all tables',
      `create subscription mine connection 'dbname=x' publication p with (connect = false)`,
    ],
  },
  {
    name: 'event triggers and functions of the guard replaced',
    as: 'keeper',
    statements: [
      'create or replace function databricks_auth.refuse(text, text, text, text) returns void language sql as $$ $$',
      'alter function databricks_auth.ev_guard() owner to {me}',
      'drop function databricks_auth.ev_guard() cascade',
      'alter event trigger databricks_auth_drop disable',
      'drop schema databricks_auth cascade',
      'create table databricks_auth.mine (id int)',
    ],
  },
  {
    name: 'domain, type and sequence in the table’s way',
    as: 'schemaOwner',
    statements: [
      'alter type gold.x rename to z',
      'drop type gold.x cascade',
      'alter type gold.x owner to {me}',
      'alter table gold.x rename to z',
      'comment on type gold.x is $$mine$$',
    ],
  },
  {
    name: 'large copies of rights by default privileges',
    as: 'manager',
    statements: [
      'alter default privileges in schema __db_system grant all on tables to {me}',
      'alter default privileges for role databricks_sync grant all on tables to {me}',
      'alter default privileges for role {owner} grant all on tables to {me}',
    ],
  },
  {
    name: 'CREATEROLE user helps himself',
    as: 'other',
    succeedsBefore16: true,
    setup: ['alter role {other} createrole'],
    cleanup: [
      'alter role {other} nocreaterole',
      'do $$ begin execute $e$revoke {owner}, databricks_sync, databricks_superuser from {other}$e$; exception when others then null; end $$',
    ],
    statements: ['grant {owner} to {me}', 'grant databricks_sync to {me}', 'grant databricks_superuser to {me}'],
  },
  {
    name: 'LOCK, COMMENT, SECURITY LABEL and STATISTICS',
    as: 'manager',
    statements: [
      'lock table gold.x',
      `comment on index gold.x_note is 'mine'`,
      `security label on table gold.x is 'mine'`,
      'create statistics own.s on id, note from gold.x',
      `comment on table gold.x is 'mine'`,
    ],
  },
  {
    name: 'COPY into the table',
    as: 'keeper',
    statements: [`copy {part} from program 'echo 1'`, 'truncate only gold.x'],
  },
  {
    name: 'MERGE and writable CTEs',
    as: 'other',
    setup: ['grant all on gold.x to {other}'],
    cleanup: ['revoke all on gold.x from {other}'],
    statements: [
      `with d as (delete from gold.x returning *) select * from d`,
      `merge into gold.x t using gold.y s on t.id = s.id when matched then delete`,
      `insert into gold.x values (1, 'm') on conflict (id) do update set note = 'm'`,
      `do $$ begin update gold.x set note = 'm'; end $$`,
      `prepare w as update gold.x set note = 'm'`,
      'execute w',
      'deallocate w',
    ],
  },
];

describe.each(everyPostgresServer())('attacks on $name', (server) => {
  let guarded: GuardedDatabase;
  beforeAll(async () => {
    guarded = await createGuardedDatabase(server);
    await armAttackers(guarded);
  });
  afterAll(() => guarded?.[Symbol.asyncDispose]());

  itWithstands(attacks, server, () => guarded);

  it('shows no lent right to other sessions, and lends none while a transaction is open', async () => {
    const { manager, other, keeper } = guarded.sessions;
    const members = async (client: pg.Client) =>
      (
        await client.query(
          `select member::regrole::text from pg_auth_members where roleid = '${guarded.owner}'::regrole`,
        )
      ).rows;
    const before = await fingerprint(guarded.database.admin);
    await manager.query('begin; create index mine on gold.x (id)');
    expect(await members(manager)).toEqual([{ member: 'databricks_sync' }]);
    expect(await members(other)).toEqual([{ member: 'databricks_sync' }]);
    await manager.query('savepoint a');
    await expect(manager.query('alter table gold.x add column mine int')).rejects.toMatchObject({
      code: '42501',
    });
    await manager.query('rollback');
    // Three at once: a manager, a keeper, and one who appoints.
    await Promise.allSettled(
      [1, 2, 3, 4, 5].flatMap((n) => [
        manager.query(`create index race_${n} on gold.x (id)`),
        keeper.query(`drop index gold.race_${n}`),
        other.query(`drop index gold.race_${n}`),
      ]),
    );
    for (const n of [1, 2, 3, 4, 5]) await keeper.query(`drop index if exists gold.race_${n}`);
    expect(changes(before, await fingerprint(guarded.database.admin))).toEqual([]);
  });

  it('leaves nothing lent in a prepared transaction', async () => {
    const { manager } = guarded.sessions;
    const { admin } = guarded.database;
    const before = await fingerprint(admin);
    await manager.query(`begin; create index prepared on gold.x (id); prepare transaction 'p_${server.major}'`);
    await expect(manager.query('alter table gold.x add column mine int')).rejects.toMatchObject({ code: '42501' });
    expect(changes(before, await fingerprint(admin))).toEqual([]);
    await manager.query(`commit prepared 'p_${server.major}'`);
    await expect(manager.query('truncate gold.x')).rejects.toMatchObject({ code: '42501' });
    await manager.query('drop index gold.prepared');
    expect(changes(before, await fingerprint(admin))).toEqual([]);
  });

  it.each([
    ['databricks_auth_0_close'],
    ['databricks_auth_1_guard'],
    ['databricks_auth_2_open'],
    ['databricks_auth_drop'],
  ])('gives managers nothing while %s is off', async (trigger) => {
    const { admin } = guarded.database;
    await admin.query(`alter event trigger ${trigger} disable`);
    const before = await fingerprint(admin);
    for (const sql of [
      'create index mine on gold.x (id)',
      'drop table gold.x',
      'alter table gold.x add column mine int',
    ]) {
      await expect(guarded.sessions.manager.query(sql)).rejects.toMatchObject({ code: '42501' });
    }
    expect(changes(before, await fingerprint(admin))).toEqual([]);
    await admin.query(`alter event trigger ${trigger} enable always`);
  });
});
