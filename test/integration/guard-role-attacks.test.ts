import { afterAll, beforeAll, describe } from 'vitest';
import { type Attack, armAttackers, itWithstands } from '../support/attack.js';
import { createGuardedDatabase, type GuardedDatabase } from '../support/guarded-database.js';
import { everyPostgresServer } from '../support/postgres.js';

// Goal: whatever a role tries with what it may do, nothing of a synced table changes: not the catalog, not a row, not a
// membership, not a registration.

const attacks: readonly Attack[] = [
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
      'alter table gold.x rename to "z z"',
      'alter table gold.x set schema __db_system',
      'alter table gold.x detach partition {part}',
      'drop table {part} cascade',
      'alter schema gold rename to "g g"',
      'drop trigger databricks_write_guard on gold.x',
      'alter table gold.x disable trigger all',
      'truncate gold.x',
      'delete from {part}',
      'alter table gold.x enable row level security',
      'create policy p on gold.x using (true)',
      'create rule r as on insert to gold.x do instead nothing',
      'create trigger t before insert on gold.x for each row execute function own.tf()',
      'alter index gold.x rename to "z z"',
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
      'select synced_tables_internal._managers_changed()',
      `select synced_tables_internal._table_was_dropped('gold.x'::regclass, 'me')`,
      `select synced_tables_internal._grant_manager('{me}')`,
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
];

describe.each(everyPostgresServer())('attacks with rights and roles on $name', (server) => {
  let guarded: GuardedDatabase;
  beforeAll(async () => {
    guarded = await createGuardedDatabase(server);
    await armAttackers(guarded);
  });
  afterAll(() => guarded?.[Symbol.asyncDispose]());

  itWithstands(attacks, server, () => guarded);
});
