import type { Actor } from './guarded-database.js';

/** One statement and who runs it; `superuser` is the victim who happens to run code of others. */
type Step = readonly [Actor, string];

/** `{name}` stands for a role, a pipeline or a relation of the test. */
export interface SidecarAttack {
  readonly name: string;
  readonly steps: readonly Step[];
}

const as = (actor: Actor, ...statements: string[]): Step[] => statements.map((sql) => [actor, sql] as const);

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
  column('DEFAULT_VALUE', `synced_tables_internal._set_credential('x', 'SCRAM-SHA-256$1:a$b:c', now(), now())::text`),
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

/** What is tried by way of what the sidecar and the HTTP API brought; see guard-sidecar-attacks.test.ts. */
export const sidecarAttacks: readonly SidecarAttack[] = [
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
      `select synced_tables_internal._start_update('{pipeline}', true, null, 'x')`,
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
        `create or replace function own.call_all() returns void language plpgsql as $f$ begin
           begin perform synced_tables.stop_pipeline('{pipeline}'); exception when others then null; end;
           begin perform synced_tables.sync_now('gold.x'); exception when others then null; end;
           begin insert into own.loot select row_data::text from synced_tables.table_changes('app.stream', 1); exception when others then null; end;
           begin insert into own.loot select to_jsonb(s)::text from synced_tables.status s where synced_table = 'gold.x'; exception when others then null; end;
           end $f$`,
        // The index wants an immutable function, which may not write; what it calls may.
        `create or replace function own.call(text) returns text language plpgsql immutable as $f$ begin perform own.call_all(); return $1; end $f$`,
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
      `insert into own.loot select c.row_data::text from synced_tables._signed_caller s cross join lateral synced_tables_internal._table_changes('{superuser}', s.signature, 'app.stream', 1, null) c`,
      `insert into own.loot select row_data::text from synced_tables_internal._table_changes('databricks_sync', sha256(''), 'app.stream', 1, null)`,
      `insert into own.loot select row_data::text from synced_tables_internal._table_changes('{other}', null, 'app.stream', 1, null)`,
      `insert into own.loot select synced_tables_internal._call_signature('{superuser}', call_secret)::text from synced_tables._service`,
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
        `create or replace function own.unmask(own.disguise) returns bigint language plpgsql as $f$ begin
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
      `select synced_tables_internal._current_credential('{caller}')`,
      `select synced_tables_internal._set_credential('{caller}', 'SCRAM-SHA-256$4096:YQ==$YQ==:YQ==', now(), now() + interval '1 hour')`,
      `select synced_tables_internal._may_act_for('{caller}')`,
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
        `create or replace function synced_tables_internal._acting_role() returns name language sql as 'select ''postgres''::name'`,
        `alter function synced_tables.sync_now(text, boolean, text) security definer`,
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
