import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Actor, createGuardedDatabase, fingerprint, type GuardedDatabase } from '../support/guarded-database.js';
import { everyPostgresServer } from '../support/postgres.js';

// Goal: whatever a role tries with what it may do, nothing of a synced table changes: not the catalog, not a row, not a
// membership, not a registration. Statements run one by one, each committed; what they answer does not matter.

interface Attack {
  readonly name: string;
  readonly as: Actor;
  /** Run by a superuser before the fingerprint is taken. */
  readonly setup?: readonly string[];
  readonly statements: readonly string[];
  /** Takes back what setup did. */
  readonly cleanup?: readonly string[];
  /** PostgreSQL before 16 lets it through; see docs/guides/permissions.md. */
  readonly succeedsBefore16?: boolean;
}

/** What code of a manager tries while a command of his holds the owner's rights. */
const payloads: Readonly<Record<string, string>> = {
  'REASSIGN OWNED to itself': 'reassign owned by {owner} to {me}',
  'REASSIGN OWNED of its own': 'reassign owned by {me} to {owner}',
  'GRANT of the owner role': 'grant {owner} to {me}',
  'GRANT with admin option': 'grant {owner} to {me} with admin option',
  'SET ROLE owner': 'set role {owner}',
  'GRANT on the table': 'grant all on gold.x to {me}',
  'GRANT on the partition': 'grant all on {part} to {me}',
  UPDATE: `update gold.x set note = 'mine'`,
  TRUNCATE: 'truncate gold.x',
  'ALTER TABLE': 'alter table gold.x add column mine int',
  'ALTER OWNER': 'alter table gold.x owner to {me}',
  DETACH: 'alter table gold.x detach partition {part}',
  'DROP of the partition': 'drop table {part} cascade',
  'TRUNCATE of the partition': 'truncate {part}',
  'DELETE in the partition': 'delete from {part}',
  'DROP of the gate': 'drop trigger databricks_write_guard on gold.x',
  'CREATE in __db_system': 'create table __db_system.mine (id int)',
  PUBLICATION: 'create publication mine for table gold.x',
  'CREATE TRIGGER': 'create trigger mine after insert on gold.x execute function own.tf()',
  'SECURITY DEFINER function': `create function gold.mine() returns void language sql security definer as 'truncate gold.x'`,
  'closing of the window': 'delete from databricks_auth.open_windows',
  'forging of a registration': `update databricks_auth.synced_tables set owner_role = '{me}'`,
  'CLUSTER of the partition': 'cluster {part} using x',
  'nested CREATE INDEX': 'create index mine on gold.x (id)',
  'nested DROP TABLE': 'drop table gold.y',
  'COMMENT on the table': `comment on table gold.x is 'mine'`,
  'appointing itself': `select databricks_synced_table_add_manager('gold.y', '{me}')`,
};

/** What databricks_superuser may do on purpose anyway, hence also in a function. */
const keepersRights = new Set(['UPDATE', 'GRANT on the table', 'appointing itself']);

function payloadFunction(payload: string): string[] {
  return [
    `create or replace function own.f(text) returns text language plpgsql immutable as $f$
       begin begin ${payload}; exception when others then null; end; return $1; end $f$`,
  ];
}

/** The two ways to have code run inside a window: an index of the table, and an own one whose text names the table. */
const windows: Readonly<Record<string, readonly string[]>> = {
  'an index of the synced table': [
    'create index mine on gold.x (own.f(note))',
    'create index mine on gold.x (note) where own.f(note) is not null',
  ],
  'an own index that names it': [
    'create index /* gold.x */ mine on own.{actor}_t (own.f(note))',
    'drop index own.mine',
  ],
  'a DO block': [`do $d$ begin create index /* x */ mine on own.{actor}_t (own.f(note)); drop index own.mine; end $d$`],
};

const codeInWindow: Attack[] = (['manager', 'keeper', 'other'] as const).flatMap((as) =>
  Object.entries(windows).flatMap(([window, commands]) =>
    Object.entries(payloads)
      .filter(([name]) => as !== 'keeper' || !keepersRights.has(name))
      .filter(([name]) => as !== 'other' || name !== 'nested DROP TABLE') // he manages gold.y
      .map(([name, payload]) => ({
        name: `${as}: ${name} from ${window}`,
        as,
        statements: [...payloadFunction(payload), ...commands],
      })),
  ),
);

const tricks: Attack[] = [
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
      'alter index gold.x rename to y2',
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
  // Rights
  {
    name: 'stray GRANT ALL',
    as: 'other',
    setup: ['grant all on gold.x to {other}'],
    cleanup: ['revoke all on gold.x from {other}'],
    statements: [
      `update gold.x set note = 'mine'`,
      'delete from gold.x',
      'truncate gold.x',
      `insert into gold.x values (7, 'm')`,
      `copy gold.x from program 'true'`,
      'create trigger mine after insert on gold.x execute function own.tf()',
    ],
  },
  {
    name: 'stray GRANT on partition and __db_system',
    as: 'other',
    setup: ['grant all on {part} to {other}', 'grant all on schema __db_system to {other}'],
    cleanup: ['revoke all on {part} from {other}', 'revoke all on schema __db_system from {other}'],
    statements: [
      `update {part} set note = 'mine'`,
      'truncate {part}',
      'drop table {part}',
      'create trigger mine before insert on {part} for each row execute function own.tf()',
    ],
  },
  {
    name: 'pg_write_all_data',
    as: 'other',
    setup: ['grant pg_write_all_data, pg_read_all_data to {other}'],
    cleanup: ['revoke pg_write_all_data, pg_read_all_data from {other}'],
    statements: [
      `update gold.x set note = 'mine'`,
      'delete from {part}',
      'truncate gold.x',
      'insert into databricks_auth.open_windows values (1, null, null, null)',
      `insert into databricks_auth.managers (synced_table, manager, manager_oid) select 'gold.x', '{me}', oid from pg_roles where rolname = '{me}'`,
      'delete from databricks_auth.managers',
      'delete from databricks_auth.parts',
      'update databricks_auth.synced_tables set owner_role = null',
      'delete from synced_tables._tables',
    ],
  },
  {
    name: 'updatable view of the schema owner’s',
    as: 'other',
    setup: ['create view own.v as select * from gold.x', 'grant all on gold.x, own.v to {other}'],
    cleanup: ['drop view own.v', 'revoke all on gold.x from {other}'],
    statements: [`update own.v set note = 'mine'`, 'delete from own.v', `insert into own.v values (8, 'm')`],
  },
  {
    name: 'foreign key that cascades',
    as: 'other',
    setup: ['grant references, select on gold.x to {other}'],
    cleanup: ['revoke all on gold.x from {other}'],
    statements: [
      'create table own.refs (x bigint references gold.x on delete cascade on update cascade)',
      'insert into own.refs values (1)',
      'truncate own.refs cascade',
      'drop table own.refs cascade',
    ],
  },
  {
    name: 'TRUNCATE CASCADE over a foreign key',
    as: 'superuser',
    setup: ['create table own.parent (id bigint primary key)'],
    cleanup: ['drop table own.parent cascade'],
    statements: ['truncate own.parent, gold.x cascade', 'truncate gold.x'],
  },
  {
    name: 'forged settings',
    as: 'manager',
    statements: [
      'set databricks_auth.allow_ddl = on',
      `select set_config('role', 'postgres', false)`,
      `set session_authorization = postgres`,
      'alter table gold.x add column mine int',
      'drop table {part} /* x */',
      `alter role {me} set databricks_auth.allow_ddl = on`,
      `alter role {me} reset databricks_auth.allow_ddl`,
      'reset databricks_auth.allow_ddl',
    ],
  },
  {
    name: 'keeper forges the override',
    as: 'keeper',
    statements: [
      'set databricks_auth.allow_ddl = on',
      'truncate gold.x',
      'alter table gold.x add column mine int',
      'delete from {part}',
      'reset databricks_auth.allow_ddl',
    ],
  },
  {
    name: 'replica mode of a role that may set it',
    as: 'other',
    setup: ['grant all on gold.x to {other}'],
    cleanup: ['revoke all on gold.x from {other}'],
    statements: ['set session_replication_role = replica', `update gold.x set note = 'mine'`],
  },
  {
    name: 'superuser in replica mode',
    as: 'superuser',
    statements: [
      'set session_replication_role = replica',
      'truncate gold.x',
      'alter table gold.x add column mine int',
      'drop table {part}',
      'delete from {part}',
      'reset session_replication_role',
    ],
  },
  {
    name: 'careless superuser',
    as: 'superuser',
    statements: [
      'alter table gold.x add column mine int',
      'alter table gold.x rename to z',
      'alter table gold.x detach partition {part}',
      'drop table {part} cascade',
      'alter schema gold rename to g',
      'drop trigger databricks_write_guard on gold.x',
      'alter table gold.x disable trigger all',
      'truncate gold.x',
      'delete from {part}',
      'alter table gold.x enable row level security',
      'create policy p on gold.x using (true)',
      'create rule r as on insert to gold.x do instead nothing',
      'create trigger t before insert on gold.x for each row execute function own.tf()',
      'alter index gold.x rename to z',
    ],
  },
  {
    name: 'override by ALTER DATABASE is not the session’s word',
    as: 'superuser',
    statements: [
      'do $$ begin execute format($f$alter database %I set databricks_auth.allow_ddl = on$f$, current_database()); end $$',
      'set databricks_auth.allow_ddl = on',
      'alter table gold.x add column mine int',
      'reset databricks_auth.allow_ddl',
      'do $$ begin execute format($f$alter database %I reset databricks_auth.allow_ddl$f$, current_database()); end $$',
    ],
  },
  {
    name: 'what an application’s migration tool does by accident',
    as: 'superuser',
    statements: [
      'begin; create table app.notes (id int); alter table gold.x add column note2 text; commit',
      'rollback',
      'do $$ declare t regclass; begin for t in select oid::regclass from pg_class where relname = $$x$$ loop execute format($$alter table %s owner to current_user$$, t); end loop; end $$'
        .replaceAll('$$x$$', `'x'`)
        .replaceAll('$$alter table %s owner to current_user$$', `'alter table %s owner to current_user'`),
      'alter table if exists gold.x drop column if exists note',
      'alter table only gold.x alter column note set not null',
    ],
  },
  {
    name: 'reassigning everything of the owner',
    as: 'manager',
    statements: [
      'reassign owned by {owner} to {me}',
      'drop owned by {owner}',
      'drop role {owner}',
      'alter role {owner} login',
      'alter role {owner} rename to mine',
      'set role {owner}',
      'set session authorization {owner}',
      'grant {owner} to {me}',
    ],
  },
  {
    name: 'schema owner drops and renames',
    as: 'schemaOwner',
    statements: [
      'drop table gold.x',
      'drop index gold.x_note',
      'drop schema gold cascade',
      'alter schema gold rename to mine',
      'drop owned by {me} cascade',
      'do $$ begin drop table gold.x; end $$',
      'alter schema gold owner to {me}',
      'create or replace view gold.x as select 1',
      'drop table gold.x cascade /* gold.x */',
    ],
  },
  {
    name: 'schema owner through a function of his own',
    as: 'schemaOwner',
    statements: [
      `create function gold.d() returns void language sql security definer as 'drop table gold.x'`,
      'select gold.d()',
      `create procedure gold.p() language plpgsql security definer as $$ begin execute 'drop schema gold cascade'; end $$`,
      'call gold.p()',
      'drop function gold.d()',
      'drop procedure gold.p()',
    ],
  },
  // Chains of SECURITY DEFINER
  {
    name: 'user calls a manager’s function',
    as: 'other',
    setup: [
      'create function own.m() returns void language plpgsql security definer as $$ begin create index mine on gold.x (id); end $$',
      'alter function own.m() owner to {manager}',
    ],
    cleanup: ['drop function own.m()'],
    statements: ['select own.m()'],
  },
  {
    name: 'manager calls a user’s function',
    as: 'manager',
    setup: [
      'create function own.u() returns void language plpgsql security definer as $$ begin execute $e$create index mine on gold.x (id)$e$; end $$',
      'alter function own.u() owner to {other}',
    ],
    cleanup: ['drop function own.u()'],
    statements: ['select own.u()', 'create index mine on own.{actor}_t (note) /* x */', 'drop index own.mine'],
  },
  {
    name: 'keeper calls a user’s function',
    as: 'keeper',
    setup: [
      'create function own.u() returns void language plpgsql security definer as $$ begin drop table gold.x; end $$',
      'alter function own.u() owner to {schemaOwner}',
    ],
    cleanup: ['drop function own.u()'],
    statements: ['select own.u()'],
  },
  {
    name: 'superuser calls a schema owner’s function',
    as: 'superuser',
    setup: [
      'create function own.u() returns void language plpgsql security definer as $$ begin drop table gold.x; end $$',
      'alter function own.u() owner to {schemaOwner}',
    ],
    cleanup: ['drop function own.u()'],
    statements: ['select own.u()'],
  },
  {
    name: 'a bait table’s index function under a superuser’s ANALYZE',
    as: 'superuser',
    setup: [
      'set role {schemaOwner}',
      'create function own.b(text) returns text language plpgsql immutable as $$ begin begin drop table gold.x; exception when others then null; end; begin perform synced_tables.delete_synced_table($q$gold.x$q$, true); exception when others then null; end; return $1; end $$',
      `create table own.bait as select 'n' as note`,
      'create index on own.bait (own.b(note))',
      'reset role',
    ],
    cleanup: ['drop table own.bait', 'drop function own.b(text)'],
    statements: ['analyze own.bait', 'reindex table own.bait', 'vacuum full own.bait'],
  },
  {
    name: 'a manager’s index function that deletes another table under a superuser’s maintenance',
    as: 'superuser',
    setup: [
      'set role {other}',
      'create function own.b(text) returns text language plpgsql immutable as $$ begin begin perform synced_tables.delete_synced_table($q$gold.x$q$, true); exception when others then null; end; begin perform synced_tables.sync_now($q$gold.x$q$, true); exception when others then null; end; return $1; end $$',
      `create table own.bait as select 'n' as note`,
      'create index on own.bait (own.b(note))',
      'reset role',
    ],
    cleanup: ['drop table own.bait', 'drop function own.b(text)'],
    statements: [
      'analyze own.bait',
      'reindex table own.bait',
      'vacuum full analyze own.bait',
      'create index on own.bait (own.b(note))',
    ],
  },
  // Internals
  {
    name: 'internal tables and functions',
    as: 'manager',
    statements: [
      'update databricks_auth.synced_tables set owner_role = null',
      'delete from databricks_auth.open_windows',
      `insert into databricks_auth.managers (synced_table, manager, manager_oid) values ('gold.y', '{me}', 1)`,
      `select databricks_auth.register('gold.x')`,
      `select databricks_auth.unregister(1)`,
      `select databricks_auth.open_window('gold.y'::regclass, '{owner}', '{me}')`,
      'select databricks_auth.close_windows()',
      `select databricks_auth.gate('gold.x')`,
      'select * from databricks_auth.repair()',
      'select * from synced_tables.repair()',
      `select databricks_auth.rebuild_parts('gold.x'::regclass)`,
      `select databricks_auth.after_drop('postgres', 'DROP TABLE')`,
      `select databricks_auth.check_altered('postgres', 'x')`,
      `select databricks_auth.ev_open()`,
      'select synced_tables._managers_changed()',
      `select synced_tables._table_was_dropped('gold.x'::regclass, 'me')`,
      `select synced_tables._grant_manager('{me}')`,
      'drop event trigger databricks_auth_1_guard',
      'create event trigger mine on ddl_command_start execute function databricks_auth.ev_open()',
      'create trigger managers_mine after insert on databricks_auth.managers execute function own.tf()',
    ],
  },
  {
    name: 'appointments with odd names',
    as: 'keeper',
    statements: [
      `select databricks_synced_table_add_manager('gold.x', 'no such')`,
      `select databricks_synced_table_add_manager('gold.x', '{owner}')`,
      `select databricks_synced_table_add_manager('gold.x', 'a"; drop table gold.x; --')`,
      `select databricks_synced_table_add_manager('gold.x', '')`,
      `select databricks_synced_table_add_manager('gold.x', null)`,
      `select databricks_synced_table_add_manager(null, '{me}')`,
      `select databricks_synced_table_add_manager('pg_class', '{me}')`,
      `select databricks_synced_table_add_manager('{part}', '{me}')`,
      `insert into databricks_auth.managers (synced_table, manager, manager_oid, granted_by) values ('gold.x', 'pg_monitor', 3373, 'postgres')`,
    ],
  },
  {
    name: 'a role made anew under a manager’s name',
    as: 'other',
    setup: [
      'create role ghost',
      `select databricks_synced_table_add_manager('gold.x', 'ghost')`,
      'drop owned by ghost',
      'drop role ghost',
      'create role ghost',
      'grant ghost to {other}',
    ],
    cleanup: ['drop role ghost', `delete from databricks_auth.managers where manager = 'ghost'`],
    statements: [
      'set role ghost',
      'create index mine on gold.x (id)',
      'drop table gold.x',
      'reset role',
      'drop table gold.x',
    ],
  },
  {
    name: 'a renamed manager does not pass his right on',
    as: 'other',
    setup: [
      'create role before_r',
      `select databricks_synced_table_add_manager('gold.x', 'before_r')`,
      'alter role before_r rename to after_r',
      'create role before_r',
      'grant before_r, after_r to {other}',
    ],
    cleanup: [
      `delete from databricks_auth.managers where manager = 'before_r'`,
      'drop owned by after_r',
      'drop role before_r',
      'drop role after_r',
    ],
    statements: [
      'set role before_r',
      'drop table gold.x',
      'create index mine on gold.x (id)',
      'set role after_r',
      'drop table gold.x',
      'reset role',
    ],
  },
  {
    name: 'a removed manager',
    as: 'other',
    setup: [
      `select databricks_synced_table_add_manager('gold.x', '{other}')`,
      `select databricks_synced_table_remove_manager('gold.x', '{other}')`,
    ],
    statements: [
      'create index mine on gold.x (id)',
      'drop table gold.x',
      `select synced_tables.delete_synced_table('gold.x')`,
      `select synced_tables.sync_now('gold.x')`,
    ],
  },
  {
    name: 'a pooler’s session that changes roles between commands',
    as: 'superuser',
    statements: [
      'set role {manager}',
      'begin',
      'set local role {other}',
      'create index mine on gold.x (id)',
      'rollback',
      'set role {other}',
      'drop table gold.x',
      'drop index gold.x_note',
      'reset role',
    ],
  },
  {
    name: 'a pooler that forgets to reset the override',
    as: 'superuser',
    statements: [
      'set databricks_auth.allow_ddl = on',
      'set role {manager}',
      'alter table gold.x add column mine int',
      'drop table {part} /* x */',
      'truncate gold.x',
      'reset role',
      'reset databricks_auth.allow_ddl',
    ],
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

const attacks = [...codeInWindow, ...tricks];

describe.each(everyPostgresServer())('attacks on $name', (server) => {
  let guarded: GuardedDatabase;
  beforeAll(async () => {
    guarded = await createGuardedDatabase(server);
    const { admin } = guarded.database;
    await admin.query(`create function own.tf() returns trigger language plpgsql as $$ begin return new; end $$`);
    for (const actor of ['manager', 'keeper', 'other'] as const) {
      await guarded.sessions[actor].query(`create table own.${actor}_t as select 'n'::text as note`);
    }
    await admin.query(
      `create function own.f(text) returns text language sql as 'select $1'; drop function own.f(text)`,
    );
  });
  afterAll(() => guarded?.[Symbol.asyncDispose]());

  const filled = (sql: string, actor: Actor): string => {
    const names: Record<string, string> = { ...guarded.roles, part: guarded.part, owner: guarded.owner, actor };
    names.bare = guarded.part.replace('__db_system.', '');
    names.me = guarded.roles[actor];
    return sql.replace(/\{(\w+)\}/g, (whole, name: string) => names[name] ?? whole);
  };

  it.each(attacks)('$name', async ({ as, setup = [], statements, cleanup = [], succeedsBefore16 }) => {
    const { admin } = guarded.database;
    const session = guarded.sessions[as];
    const untouched = await fingerprint(admin);
    for (const sql of setup) await admin.query(filled(sql, as));
    const before = await fingerprint(admin);
    for (const sql of statements) await session.query(filled(sql, as)).catch(() => {});
    await session.query('rollback').catch(() => {});
    const after = await fingerprint(admin);
    for (const sql of cleanup) await admin.query(filled(sql, as));
    await admin.query('drop index if exists own.mine; drop function if exists own.f(text) cascade');
    if (succeedsBefore16 && server.major < 16) expect(changes(before, after)).not.toEqual([]);
    else expect(changes(before, after)).toEqual([]);
    expect(changes(withoutRights(untouched), withoutRights(await fingerprint(admin)))).toEqual([]);
  });

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

/** Rights that setup and cleanup give and take may come back in another spelling (NULL or the default, spelled out). */
function withoutRights(text: string): string {
  return text.replace(/^\s*"relacl".*$/gm, '').replace(/^.*__db_system \S+ .*$/gm, '');
}

function lines(text: string): string[] {
  return text.split('\n').map((line) => line.replace(/,$/, ''));
}

/** Lines that only one of two fingerprints has. */
function changes(before: string, after: string): string[] {
  const [old, now] = [lines(before), lines(after)];
  return [
    ...old.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
  ];
}
