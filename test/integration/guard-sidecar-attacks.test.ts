import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStreamingTarget } from '../../src/cdc/streaming-target.js';
import type { AutoCdcFlow } from '../../src/core/auto-cdc-flow.js';
import { applyRows } from '../support/auto-cdc-run.js';
import { type Actor, createGuardedDatabase, fingerprint, type GuardedDatabase } from '../support/guarded-database.js';
import { postgresServers } from '../support/postgres.js';

// Goal: nobody gets at streaming tables, pipelines, schedules, tokens and secrets that are not his, and nobody holds
// others up, by way of what the sidecar and the HTTP API brought. `other` manages gold.y, and was given by hand all
// that operators may call; `keeper` is in databricks_superuser; app.stream and its pipeline belong to somebody else.

/** One statement and who runs it; `superuser` is the victim who happens to run code of others. */
type Step = readonly [Actor, string];

interface SidecarAttack {
  readonly name: string;
  readonly steps: readonly Step[];
}

const flow: AutoCdcFlow = {
  flowName: 'flow',
  source: 'changes',
  schema: 'app',
  table: 'stream',
  fullName: 'app.stream',
  createdBy: 'databricks_sync',
  scdType: 1,
  keyColumns: ['id'],
  columns: [
    { name: 'id', postgresType: 'bigint', struct: null },
    { name: 'v', postgresType: 'text', struct: null },
  ],
  sequence: { kind: 'column', fields: [{ name: 'at', postgresType: 'integer' }] },
  trackedColumns: [],
  ignoreNullColumns: [],
  columnsToUpdate: false,
  sourceColumns: ['id', 'v', 'at'],
  tombstoneRetentionSeconds: 172_800,
  changeFeedRetentionSeconds: 604_800,
};

const as = (actor: Actor, ...statements: string[]): Step[] => statements.map((sql) => [actor, sql] as const);

/** Whether code runs as the sidecar cannot be rolled back: sequences are not. */
const evil = `create or replace function own.evil(text) returns text language plpgsql immutable as $f$
  begin if current_user <> session_user or current_user = 'databricks_sync' then perform nextval('own.proof'); end if; return $1; end $f$`;

const column = (kind: string, compute: string, type = 'text') =>
  `select synced_tables.create_synced_table('own.mine', 'a.b.c', array['id'], extra_columns => jsonb_build_array(jsonb_build_object(
     'column_name', 'x', 'column_type', $t$${type}$t$, 'compute', $c$${compute}$c$, 'maintenance', '${kind}')))`;
const index = (definition: string) =>
  `select synced_tables.create_synced_table('own.mine', 'a.b.c', array['id'], extra_index_definitions => jsonb_build_array(jsonb_build_object(
     'name', 'x', 'definition', $c$${definition}$c$)))`;

const definitions: readonly string[] = [
  column('DEFAULT_VALUE', `set_config('role', 'x', false)`),
  column('DEFAULT_VALUE', `pg_catalog.set_config('search_path', 'own', false)`),
  column('DEFAULT_VALUE', `query_to_xml('select * from synced_tables._service', true, false, '')::text`),
  column('DEFAULT_VALUE', `"query_to_xml" ('select * from synced_tables._tokens', true, false, '')::text`),
  column('DEFAULT_VALUE', `table_to_xml('synced_tables._service', true, false, '')::text`),
  column('DEFAULT_VALUE', `(pg_catalog . schema_to_xml('synced_tables', true, false, ''))::text`),
  column('DEFAULT_VALUE', `synced_tables._set_credential('x', 'SCRAM-SHA-256$1:a$b:c', now(), now())::text`),
  column('DEFAULT_VALUE', `"synced_tables"._cancel_updates(null, '', '')::text`),
  column('DEFAULT_VALUE', `databricks_auth.register('gold.x')::text`),
  column('DEFAULT_VALUE', `own.evil('x')`),
  column('DEFAULT_VALUE', `"own" . "evil"('x')`),
  column('STORED_GENERATED', `own.evil(note)`),
  column('STORED_GENERATED', `'x'::own.checked`),
  column('STORED_GENERATED', `('(x)'::own.pair).a`),
  column('STORED_GENERATED', `note operator(own.|||) 'x'`),
  column('DEFAULT_VALUE', `'x'`, 'own.checked'),
  column('DEFAULT_VALUE', `'x'`, 'own.mood'),
  column('DEFAULT_VALUE', `pg_terminate_backend(1)::text`),
  column('DEFAULT_VALUE', `lo_import('/etc/passwd')::text`),
  index('(own.evil(note))'),
  index('(note) where own.evil(note) is not null'),
  index('(note own.mine_ops)'),
  index('(note collate own.mine)'),
  index(`((note::own.checked))`),
];

const attacks: readonly SidecarAttack[] = [
  { name: 'stops somebody else’s flows', steps: as('other', `select synced_tables.stop_pipeline('{pipeline}')`) },
  {
    name: 'schedules somebody else’s flows',
    steps: as(
      'other',
      `select synced_tables.set_schedule('{pipeline}', '* * * * *')`,
      `select synced_tables.set_schedule('app.stream', '* * * * *')`,
      `select synced_tables.set_schedule('gold.x', '* * * * *')`,
    ),
  },
  {
    name: 'takes a schedule away',
    steps: as(
      'other',
      `select synced_tables.remove_schedule('{scheduled}')`,
      `select synced_tables.remove_schedule('gold.x')`,
    ),
  },
  {
    name: 'runs, changes or deletes somebody else’s flows',
    steps: as(
      'other',
      `select synced_tables.start_update('{pipeline}', true)`,
      `select synced_tables.sync_now('app.stream')`,
      `select synced_tables._start_update('{pipeline}', true, null, 'x')`,
      `select synced_tables.delete_streaming_table('app.stream', true)`,
      `select synced_tables.apply_changes('app.stream', 'own.other_t', array['note'], 'note')`,
      `select synced_tables.apply_changes_from_snapshot('app.stream', 'own.other_t', array['note'])`,
    ),
  },
  {
    name: 'declares a pipeline that writes into somebody else’s table',
    steps: as(
      'other',
      `select synced_tables.declare_pipeline('Streaming table: app.stream', '{"tables": [{"name": ["app", "stream"]}], "views": [], "flows": []}')`,
      `select synced_tables.declare_pipeline('p', '{"tables": [], "views": [], "flows": [{"name": "f", "target": ["app", "stream"], "kind": "changes", "source": {"kind": "name", "parts": ["own", "other_t"]}, "options": {"keys": ["note"], "sequence_by": "note"}}]}')`,
    ),
  },
  {
    name: 'takes the name of a table that is there',
    steps: as(
      'other',
      `select synced_tables.create_streaming_table('gold.x')`,
      `select synced_tables.create_streaming_table('app.stream')`,
      `select synced_tables.create_streaming_table('synced_tables._tokens')`,
      `select synced_tables.create_synced_table('app.stream', 'a.b.c', array['id'])`,
    ),
  },
  {
    name: 'joins a pipeline that is not his',
    steps: as(
      'other',
      `select synced_tables.create_synced_table('own.mine', 'a.b.c', array['id'], existing_pipeline_id => '{scheduled}')`,
      `select synced_tables.create_synced_table('own.mine', 'a.b.c', array['id'], 'TRIGGERED', existing_pipeline_id => '{pipeline}')`,
    ),
  },
  {
    name: 'signs calls as somebody else',
    steps: as(
      'other',
      `insert into synced_tables._calls (routine, arguments, asked_by) values ('stop_pipeline', array['{pipeline}'], '{superuser}')`,
      `insert into synced_tables._calls (routine, arguments) values ('stop_pipeline', array['{pipeline}'])`,
      `insert into synced_tables._calls (routine, arguments) values ('_set_credential', array['{keeper}'])`,
      `insert into synced_tables._calls (routine, arguments) values ('create_token', array['{keeper}', '\\x${'ab'.repeat(32)}'])`,
      `with c as (insert into synced_tables._calls_under_way (asked_by) values ('{superuser}') returning 1) select synced_tables.stop_pipeline('{pipeline}') from c`,
    ),
  },
  {
    name: 'has a superuser’s ANALYZE call for him',
    steps: [
      ...as(
        'other',
        `create or replace function own.call(text) returns text language plpgsql immutable as $f$ begin
           begin perform synced_tables.stop_pipeline('{pipeline}'); exception when others then null; end;
           begin perform synced_tables.sync_now('gold.x'); exception when others then null; end;
           begin insert into own.loot select row_data::text from synced_tables.table_changes('app.stream', 1); exception when others then null; end;
           begin insert into own.loot select to_jsonb(s)::text from synced_tables.status s where synced_table = 'gold.x'; exception when others then null; end;
           return $1; end $f$`,
        'create index bait on own.other_t (own.call(note))',
      ),
      ...as('superuser', 'analyze own.other_t', 'vacuum own.other_t', 'reindex table own.other_t'),
      ...as('other', 'drop index own.bait'),
    ],
  },
  {
    name: 'has a superuser run a SECURITY DEFINER function',
    steps: [
      ...as(
        'other',
        `create or replace function own.steal() returns void language plpgsql security definer as $f$ begin
           insert into own.loot select row_data::text from synced_tables.table_changes('app.stream', 1);
         exception when others then null; end $f$`,
        `create or replace function own.stop() returns void language sql security definer as $f$ select synced_tables.stop_pipeline('{pipeline}') $f$`,
      ),
      ...as('superuser', 'select own.steal()', 'select own.stop()'),
    ],
  },
  {
    name: 'shows a signature of somebody else',
    steps: as(
      'other',
      `insert into own.loot select c.row_data::text from synced_tables._signed_caller s cross join lateral synced_tables._table_changes('{superuser}', s.signature, 'app.stream', 1, null) c`,
      `insert into own.loot select row_data::text from synced_tables._table_changes('databricks_sync', sha256(''), 'app.stream', 1, null)`,
      `insert into own.loot select row_data::text from synced_tables._table_changes('{other}', null, 'app.stream', 1, null)`,
      `insert into own.loot select synced_tables._call_signature('{superuser}', call_secret)::text from synced_tables._service`,
    ),
  },
  {
    name: 'reads and writes state behind a streaming table',
    steps: [
      ...(['other', 'keeper'] as const).flatMap((actor) =>
        as(
          actor,
          `insert into own.loot select f::text from app.__apply_changes_storage_stream f`,
          `insert into own.loot select f::text from app.__apply_changes_feed_stream f`,
          `update app.__apply_changes_storage_stream set v = 'mine'`,
          `delete from app.__apply_changes_feed_stream`,
          `insert into app.__apply_changes_storage_stream (id, v) values (9, 'mine')`,
          `copy app.__apply_changes_storage_stream to stdout`,
          `truncate app.__apply_changes_storage_stream`,
        ),
      ),
      ...as(
        'other',
        `insert into own.loot select v from app.stream`,
        `update app.stream set v = 'mine'`,
        `delete from app.stream`,
      ),
    ],
  },
  {
    name: 'puts something in the place of a streaming table',
    steps: as(
      'other',
      `create or replace view app.stream as select 1::bigint as id, 'mine'::text as v`,
      `create or replace rule mine as on insert to app.stream do instead nothing`,
      `create trigger mine instead of insert on app.stream for each row execute function own.tf()`,
      `alter view app.stream owner to {other}`,
      `alter view app.stream set (security_barrier = false)`,
      `alter table app.__apply_changes_storage_stream disable row level security`,
      `create policy mine on app.__apply_changes_storage_stream using (true)`,
      `drop view app.stream cascade`,
      `drop table app.__apply_changes_storage_stream cascade`,
      `grant all on app.stream to {other}`,
      `create index mine on app.__apply_changes_storage_stream (v)`,
    ),
  },
  {
    name: 'uses the function behind somebody else’s streaming table',
    steps: as(
      'other',
      `create view own.fake as select 1::bigint as id, 'x'::text as v`,
      `do $d$ declare f text; begin
         select format('create trigger t instead of insert on own.fake for each row execute function __db_system.%I()', proname) into f from pg_proc where proname like 'cdc_dml_%' limit 1;
         execute f; end $d$`,
      `insert into own.fake values (9, 'mine')`,
      `drop view own.fake cascade`,
    ),
  },
  {
    name: 'lets code of his look at rows of views before they are filtered',
    steps: as(
      'other',
      `create or replace function own.look(text) returns boolean language plpgsql cost 0.0000001 as $f$ begin
         if $1 ~ 'gold.x|app.stream' then insert into own.loot values ($1); end if; return true; end $f$`,
      ...['status', 'updates', 'events', 'schedules', 'verifications'].map(
        (view) => `select count(*) from synced_tables.${view} v where own.look(v::text)`,
      ),
      `select count(*) from synced_tables.events where own.look(message)`,
      `select count(*) from synced_tables.updates where own.look(message) and own.look(synced_table)`,
      `select count(*) from synced_tables.tokens t where own.look(t::text)`,
    ),
  },
  {
    name: 'makes a flow read what he may not read',
    steps: as(
      'other',
      ...['own_closed.secret', 'own.with_policy', 'gold.x', 'app.__apply_changes_storage_stream', '{part}'].map(
        (source) => `select synced_tables.apply_changes('own.copy', '${source}', array['id'], 'id')`,
      ),
    ),
  },
  {
    name: 'makes a flow read what the sidecar alone may read',
    steps: as(
      'keeper',
      `select synced_tables.create_streaming_table('own.keepers')`,
      ...[
        'synced_tables._service',
        'synced_tables._tokens',
        'databricks_auth.managers',
        'app.__apply_changes_storage_stream',
        'pg_catalog.pg_authid',
        '{part}',
      ].map((source) => `select synced_tables.apply_changes('own.keepers', '${source}', array['id'], 'id')`),
      `select synced_tables.delete_streaming_table('own.keepers')`,
    ),
  },
  {
    name: 'makes a flow read a table that runs code',
    steps: [
      ...as(
        'other',
        `create table own.indexed (id int, note text)`,
        `create index on own.indexed ((own.evil('x') || note))`,
        `select synced_tables.apply_changes('own.copy', 'own.indexed', array['id'], 'id')`,
        `create table own.measured (id int, note text)`,
        `create statistics own.measured_note on (own.evil('x') || note) from own.measured`,
        `select synced_tables.apply_changes('own.copy', 'own.measured', array['id'], 'id')`,
        `create view own.seen as select id, own.evil(note) as note from own.indexed`,
        `select synced_tables.apply_changes('own.copy', 'own.seen', array['id'], 'id')`,
        `create table own.parent (id int, note text)`,
        `create table own.child () inherits (own.parent)`,
        `create index on own.child ((own.evil('x') || note))`,
        `select synced_tables.apply_changes('own.copy', 'own.parent', array['id'], 'id')`,
        `create table own.split (id int, note text) partition by list (own.evil('x'))`,
        `create table own.split (id int, note text) partition by list ((own.evil(note)))`,
        `select synced_tables.apply_changes('own.copy', 'own.split', array['id'], 'id')`,
        `drop view own.seen`,
        `drop table own.indexed, own.measured, own.child, own.parent`,
        `drop table own.split`,
      ),
    ],
  },
  {
    name: 'has foreign keys run his casts as the owner of a synced table',
    steps: [
      ...as('superuser', `grant references on gold.x to {other}`),
      ...as(
        'other',
        `create type own.disguise as (n bigint)`,
        `create or replace function own.unmask(own.disguise) returns bigint language plpgsql immutable as $f$ begin
           insert into own.loot select current_user || ' reads ' || x.note from gold.x limit 1;
           begin execute 'reassign owned by ' || quote_ident(current_user) || ' to ' || quote_ident('{other}'); exception when others then null; end;
           return $1.n; end $f$`,
        `create cast (own.disguise as bigint) with function own.unmask(own.disguise) as implicit`,
        `create table own.referring (id own.disguise references gold.x)`,
        `create table own.referring (id bigint references gold.x)`,
        `alter table own.referring alter id type own.disguise using row(id)::own.disguise`,
        `create table own.later (id own.disguise)`,
        `alter table own.later add foreign key (id) references gold.x (id)`,
        `do $d$ begin execute 'create schema own_made authorization {other} create table own_made.t (id own.disguise references gold.x)'; end $d$`,
        `insert into own.later values (row(1))`,
        `insert into own_made.t values (row(1))`,
        `drop table if exists own.referring, own.later`,
        `drop schema if exists own_made cascade`,
        `drop type own.disguise cascade`,
      ),
      ...as('superuser', `revoke references on gold.x from {other}`),
    ],
  },
  {
    name: 'makes tokens for others',
    steps: [
      ...as(
        'other',
        ...[
          '{keeper}',
          '{manager}',
          'databricks_superuser',
          'databricks_sync',
          'databricks_gateway',
          '{superuser}',
        ].map((role) => `select synced_tables.create_token('${role}', '\\x${'cd'.repeat(32)}')`),
      ),
      // What a group's member made would outlast his membership.
      ...as(
        'keeper',
        `set role databricks_superuser`,
        `select synced_tables.create_token('databricks_superuser', '\\x${'ce'.repeat(32)}')`,
        `reset role`,
        `select synced_tables.create_token('{manager}', '\\x${'cf'.repeat(32)}')`,
      ),
    ],
  },
  {
    name: 'takes on roles by way of the gateway',
    steps: as(
      'other',
      `set role databricks_gateway`,
      `grant databricks_gateway to {other}`,
      `grant {keeper} to databricks_gateway`,
      `grant {manager} to {other}`,
      `set role {caller}`,
      `reset role`,
      `alter role databricks_gateway login`,
      `grant databricks_superuser to databricks_gateway`,
      `select synced_tables._current_credential('{caller}')`,
      `select synced_tables._set_credential('{caller}', 'SCRAM-SHA-256$4096:YQ==$YQ==:YQ==', now(), now() + interval '1 hour')`,
      `select synced_tables._may_act_for('{caller}')`,
    ),
  },
  {
    name: 'writes registries with pg_write_all_data',
    steps: (['keeper', 'other'] as const).flatMap((actor) =>
      as(
        actor,
        `update synced_tables._pipelines set created_by = '{other}'`,
        `update synced_tables._streaming_tables set created_by = '{other}'`,
        `update synced_tables._flows set source = '{}'`,
        `update synced_tables._schedules set cron = '* * * * * *'`,
        `insert into synced_tables._schedules (pipeline_id, cron, time_zone, created_by) values ('{pipeline}', '* * * * *', 'UTC', 'x')`,
        `insert into synced_tables._updates (pipeline_id, full_refresh) values ('{pipeline}', true)`,
        `insert into synced_tables._operations (resource_name, action, role_name) values ('x', 'CREATE', '{keeper}')`,
        `update synced_tables._operations set role_name = '{other}'`,
        `update synced_tables._tokens set role_name = '{other}'`,
        `update synced_tables._credentials set verifier_hash = ''`,
        `update synced_tables._cdc_targets set shape = '{"relations": {"view": "gold.x"}}'`,
        `update synced_tables._service set call_secret = ''`,
        `update synced_tables._served_routines set statement = 'drop table gold.x'`,
        `delete from synced_tables._locks`,
        `insert into own.loot select encode(call_secret, 'hex') || ' secret' from synced_tables._service`,
        `insert into own.loot select encode(token_hash, 'hex') || ' secret' from synced_tables._tokens`,
      ),
    ),
  },
  {
    name: 'makes objects in schemas of ours',
    steps: (['keeper', 'other', 'schemaOwner'] as const).flatMap((actor) =>
      as(
        actor,
        `create function synced_tables_served.mine() returns int language sql as 'select 1'`,
        `create function synced_tables.format(text) returns text language sql as 'select 1'`,
        `create table synced_tables.mine (id int)`,
        `create table __db_system.mine (id int)`,
        `create view databricks_auth.mine as select 1`,
        `create or replace function synced_tables._acting_role() returns name language sql as 'select ''postgres''::name'`,
        `alter function synced_tables.sync_now(text, boolean) security definer`,
        `create trigger mine instead of insert on synced_tables._calls for each row execute function own.tf()`,
        `create rule mine as on insert to synced_tables._calls do instead nothing`,
        `alter default privileges for role databricks_sync grant all on tables to {other}`,
      ),
    ),
  },
  {
    name: 'shadows what functions use',
    steps: as(
      'other',
      `create temp table _tables (synced_table text)`,
      `create temp table _calls (routine text, arguments text[], answer text)`,
      `create function pg_temp.current_setting(text) returns text language sql as $f$ select '{superuser}' $f$`,
      `create function pg_temp.has_function_privilege(name, oid, text) returns boolean language sql as 'select true'`,
      `create function own.eq(name, name) returns boolean language sql as 'select true'`,
      `create operator own.= (leftarg = name, rightarg = name, function = own.eq)`,
      `create cast (text as name) with function own.evil(text) as implicit`,
      `set search_path = own, pg_temp, pg_catalog`,
      `select synced_tables.stop_pipeline('{pipeline}')`,
      `select synced_tables.sync_now('gold.x')`,
      `select synced_tables.delete_synced_table('gold.x', true)`,
      `insert into own.loot select row_data::text from synced_tables.table_changes('app.stream', 1)`,
      `reset search_path`,
      `drop operator own.= (name, name)`,
      `discard temp`,
    ),
  },
  {
    name: 'gives names and texts that are more than that',
    steps: as(
      'other',
      `select synced_tables.set_schedule('gold.x; drop table gold.x', '* * * * *')`,
      `select synced_tables.set_schedule('gold.x', $s$0 9 * * *'; drop table gold.x; --$s$)`,
      `select synced_tables.create_streaming_table('own."x; drop table gold.x; --"')`,
      `select synced_tables.create_streaming_table('own.' || repeat('x', 64))`,
      `select synced_tables.create_streaming_table('own.t', comment => repeat('x', 100000), table_properties => '{"pipelines.cdc.tombstoneGCThresholdInSeconds": "1; drop table gold.x"}')`,
      `select synced_tables.apply_changes('own.copy', 'own."t'' ; drop table gold.x"', array['id'], 'id')`,
      `select synced_tables.start_update(null)`,
      `select synced_tables.stop_pipeline(null)`,
      `select synced_tables.table_changes(null, null)`,
      `select synced_tables.delete_streaming_table('gold.x', true)`,
      `select synced_tables.delete_streaming_table('app.__apply_changes_storage_stream', true)`,
    ),
  },
  ...definitions.map((sql, nth) => ({
    name: `has the sidecar run an expression (${nth + 1}): ${/\$c\$(.*?)\$c\$/.exec(sql)?.[1]}`,
    steps: as('other', sql),
  })),
];

/** What the fingerprint of synced tables does not hold. */
const REST = `select jsonb_pretty(jsonb_build_object(
  'pipelines', (select jsonb_agg(to_jsonb(p) - 'lease_expires_at' order by p.pipeline_id) from synced_tables._pipelines p),
  'streaming', (select jsonb_agg(to_jsonb(s) order by s.table_id) from synced_tables._streaming_tables s),
  'flows', (select jsonb_agg(to_jsonb(f) order by f.flow_id) from synced_tables._flows f),
  'schedules', (select jsonb_agg(to_jsonb(s) order by s.pipeline_id) from synced_tables._schedules s),
  'operations', (select jsonb_agg(to_jsonb(o) order by o.operation_id) from synced_tables._operations o),
  'tokens', (select jsonb_agg(to_jsonb(t) order by t.token_id) from synced_tables._tokens t),
  'credentials', (select jsonb_agg(to_jsonb(c) order by c.role_name) from synced_tables._credentials c),
  'service', (select jsonb_agg(md5(s::text)) from synced_tables._service s),
  'served', (select jsonb_agg(to_jsonb(s) order by s.routine) from synced_tables._served_routines s),
  'targets', (select jsonb_agg(to_jsonb(t) order by t.target_id) from synced_tables._cdc_targets t),
  'stored', (select jsonb_agg(to_jsonb(s) order by s.id) from app.__apply_changes_storage_stream s),
  'feed', (select jsonb_agg(to_jsonb(f) order by f._commit_version) from app.__apply_changes_feed_stream f),
  'functions', (select jsonb_agg(format('%s %s %s %s', p.oid::regprocedure, p.proowner, p.prosecdef, md5(p.prosrc)) order by p.oid) from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                 where n.nspname in ('synced_tables', 'synced_tables_served', 'databricks_auth', '__db_system')),
  'relations', (select jsonb_agg(format('%s %s %s %s', c.oid::regclass, c.relowner, c.relkind, c.relrowsecurity) order by c.oid) from pg_class c join pg_namespace n on n.oid = c.relnamespace
                 where n.nspname in ('synced_tables', 'synced_tables_served', 'databricks_auth', '__db_system', 'app')),
  'gateway', (select jsonb_agg(format('%s %s', roleid, member) order by roleid, member) from pg_auth_members
               where member in ('databricks_gateway'::regrole, 'databricks_sync'::regrole) or roleid in ('databricks_gateway'::regrole)),
  'defaults', (select count(*) from pg_default_acl),
  'loot', (select jsonb_agg(l.text) from own.loot l),
  'proof', (select is_called from own.proof)
)) as rest`;

describe.each(postgresServers())('by way of the sidecar on $name', (server) => {
  let guarded: GuardedDatabase;
  let names: Record<string, string>;
  beforeAll(async () => {
    guarded = await createGuardedDatabase(server);
    const { database, roles, sessions } = guarded;
    const { admin } = database;
    const caller = await database.createRole('caller');
    await admin.query(`
      grant usage, create on schema public to public; grant usage on schema synced_tables to public;
      alter schema app owner to current_user; revoke create on schema app from public;
      create schema own_closed; create table own_closed.secret (id int); grant select on own_closed.secret to public;
      create table own.loot (text text); grant all on own.loot to public;
      create sequence own.proof; grant all on own.proof to public;
      create function own.tf() returns trigger language plpgsql as $$ begin return new; end $$;
      create table own.with_policy (id int); alter table own.with_policy enable row level security;
      create policy first_row on own.with_policy to ${roles.other} using (id = 1); grant select on own.with_policy to ${roles.other};
      alter role ${caller} login; grant ${caller} to databricks_gateway`);
    for (const routine of [
      'create_synced_table',
      'create_streaming_table',
      'apply_changes',
      'apply_changes_from_snapshot',
      'declare_pipeline',
      'start_update',
      'delete_streaming_table',
      'create_token',
    ]) {
      await admin.query(`grant execute on function synced_tables.${routine} to ${roles.other}`);
    }
    await sessions.other.query(
      `create table own.other_t as select n::text as note from generate_series(1, 3) n; ${evil};
       create domain own.checked as text check (own.evil(value) is not null);
       create type own.pair as (a own.checked); create type own.mood as enum ('x');
       create function own.same(text, text) returns boolean language sql immutable as 'select own.evil($1) = $2';
       create function own.beside(text, text) returns text language sql immutable as 'select own.evil($1)';
       create operator own.||| (leftarg = text, rightarg = text, function = own.beside);
       create collation own.mine from "C"`,
    );
    await admin.query(
      'create operator class own.mine_ops for type text using hash as operator 1 =, function 1 hashtext(text)',
    );
    await admin.query(`alter operator class own.mine_ops using hash owner to ${roles.other}`);
    await sessions.other.query(`select synced_tables.create_streaming_table('own.copy')`);
    await createStreamingTarget(sessions.sync, flow);
    await applyRows(sessions.sync, flow, [{ id: 1, v: 'hidden', __autocdc_kind: 'U', __autocdc_seq1: 1 }], 1n);
    const { rows } = await admin.query<{ pipeline: string; scheduled: string }>(
      `select synced_tables.create_streaming_table('app.declared') as pipeline,
              (select pipeline_id from synced_tables._tables where synced_table = 'gold.x') as scheduled`,
    );
    await admin.query(
      `update synced_tables._streaming_tables set table_name = 'stream', relation = 'app.stream' where table_name = 'declared'`,
    );
    await admin.query(`select synced_tables.set_schedule('gold.x', '0 9 * * *')`);
    await admin.query(
      `insert into synced_tables._operations (resource_name, action, role_name) values ('r', 'CREATE', '${roles.keeper}')`,
    );
    await admin.query(`select synced_tables.create_token('${caller}', '\\x${'aa'.repeat(32)}')`);
    names = { ...guarded.roles, ...rows[0], part: guarded.part, owner: guarded.owner, caller };
    // Nothing of this is to be counted as an attack's.
    await admin.query(`select setval('own.proof', 1, false); truncate own.loot`);
  }, 180_000);
  afterAll(() => guarded?.[Symbol.asyncDispose]());

  const fillIn = (sql: string) => sql.replace(/\{(\w+)\}/g, (whole, name: string) => names[name] ?? whole);
  const state = async (): Promise<string[]> => {
    const { admin } = guarded.database;
    const { rows } = await admin.query<{ rest: string }>(REST);
    return `${await fingerprint(admin)}\n${rows[0]?.rest}`.split('\n').map((line) => line.replace(/,$/, ''));
  };

  it.each(attacks)('nobody $name', async ({ steps }) => {
    const before = await state();
    for (const [actor, sql] of steps) {
      const session = guarded.sessions[actor];
      await session.query(`set statement_timeout = '20s'`);
      await session.query(fillIn(sql)).catch(() => {});
      await session.query('rollback').catch(() => {});
    }
    const after = await state();
    expect(after.filter((line) => !before.includes(line))).toEqual([]);
    expect(before.filter((line) => !after.includes(line))).toEqual([]);
  });

  it('shows who may control a table, and nobody else, what is to be seen of it', async () => {
    const seen = (client: pg.Client) =>
      client.query('select from synced_tables.status where synced_table in ($1, $2)', ['gold.x', 'app.stream']);
    await guarded.database.admin.query(`grant select on synced_tables.status to ${guarded.roles.other}`);
    expect((await seen(guarded.sessions.other)).rowCount).toBe(0);
    expect((await seen(guarded.sessions.manager)).rowCount).toBe(1);
    expect((await seen(guarded.sessions.keeper)).rowCount).toBe(2);
    const changes = `select from synced_tables.table_changes('app.stream', 1)`;
    expect((await guarded.sessions.keeper.query(changes)).rowCount).toBe(1);
  });

  it('lets foreign keys be whose columns have types of superusers, domains over them too', async () => {
    const { admin } = guarded.database;
    const { other } = guarded.sessions;
    await admin.query(`grant references on gold.x to ${guarded.roles.other}`);
    await other.query(`create domain own.positive as bigint check (value > 0);
      create table own.fine (id own.positive references gold.x, n int references gold.x); insert into own.fine values (1, 2); drop table own.fine`);
    await admin.query(`revoke references on gold.x from ${guarded.roles.other}`);
  });

  it('holds nobody up who takes every lock that he can', async () => {
    const { admin } = guarded.database;
    const { other } = guarded.sessions;
    const { pipeline = '', scheduled = '', caller = '' } = names;
    await other.query('begin');
    for (const key of [
      'databricks_auth schema rights',
      `synced_tables pipeline ${pipeline}`,
      `synced_tables pipeline ${scheduled}`,
      'synced_tables source a.b.c',
      `synced_tables token ${caller}`,
      `synced_tables credential ${caller}`,
      `synced_tables cdc target ["app","stream"]`,
    ]) {
      await other.query(`select pg_advisory_lock(hashtextextended('${key}', 0))`);
    }
    for (const table of ['_locks', '_calls_under_way', '_service', '_updates', '_pipelines', '_calls', 'status']) {
      for (const sql of [
        `lock table synced_tables.${table} in access share mode`,
        `lock table synced_tables.${table} in exclusive mode`,
        `select from synced_tables.${table} for update`,
      ]) {
        await other.query(`savepoint s; ${sql}`).catch(() => other.query('rollback to s'));
      }
    }
    await other
      .query('savepoint s; lock table databricks_auth.schema_rights_lock')
      .catch(() => other.query('rollback to s'));
    await admin.query(`set lock_timeout = '5s'`);
    await admin.query(`select synced_tables.sync_now('gold.x')`);
    await admin.query(`select synced_tables.start_update('${pipeline}')`);
    await admin.query(`select synced_tables.create_token('${caller}', '\\x${'bb'.repeat(32)}')`);
    await guarded.sessions.sync.query(`select synced_tables._current_credential('${caller}')`);
    await admin.query(`select synced_tables.create_synced_table('gold.third', 'a.b.c', array['id'])`);
    await admin.query(`select databricks_synced_table_add_manager('gold.x', '${guarded.roles.schemaOwner}')`);
    await createStreamingTarget(guarded.sessions.sync, flow);
    await other.query('rollback; select pg_advisory_unlock_all()');
  });
});
