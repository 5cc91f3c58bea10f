import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AutoCdcFlow } from '../../src/core/flows/auto-cdc-flow.js';
import { changes } from '../support/attack.js';
import { applyRows, makeTarget } from '../support/auto-cdc-run.js';
import { createGuardedDatabase, fingerprint, type GuardedDatabase } from '../support/guarded-database.js';
import { postgresServers } from '../support/postgres.js';
import { sidecarAttacks } from '../support/sidecar-attacks.js';

// Goal: nobody gets at streaming tables, pipelines, schedules, tokens and secrets that are not his, and nobody holds
// others up, by way of what the sidecar and the HTTP API brought. `other` manages gold.y, and was given by hand all
// that operators may call; `keeper` is in databricks_superuser; app.stream and its pipeline belong to somebody else.

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

/** Whether code runs as the sidecar cannot be rolled back: sequences are not. */
const evil = `create or replace function own.evil(text) returns text language plpgsql immutable as $f$
  begin if current_user <> session_user or current_user = 'databricks_sync' then perform nextval('own.proof'); end if; return $1; end $f$`;

/** What the fingerprint of synced tables does not hold; $1: the roles that count, for tests beside this one have others. */
const REST = `select jsonb_pretty(jsonb_build_object(
  'pipelines', (select jsonb_agg(to_jsonb(p) order by p.pipeline_id) from synced_tables._pipelines p),
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
                 where n.nspname in ('synced_tables', 'synced_tables_internal', 'synced_tables_served', 'databricks_auth', '__db_system')),
  'relations', (select jsonb_agg(format('%s %s %s %s', c.oid::regclass, c.relowner, c.relkind, c.relrowsecurity) order by c.oid) from pg_class c join pg_namespace n on n.oid = c.relnamespace
                 where n.nspname in ('synced_tables', 'synced_tables_internal', 'synced_tables_served', 'databricks_auth', '__db_system', 'app')),
  'gateway', (select jsonb_agg(format('%s %s', roleid::regrole, member::regrole) order by roleid, member) from pg_auth_members
               where roleid::regrole::text = any ($1) and member::regrole::text = any ($1)),
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
    await makeTarget(sessions.sync, flow);
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
  const state = async (): Promise<string> => {
    const { admin } = guarded.database;
    const { rows } = await admin.query<{ rest: string }>(REST, [
      [...Object.values(names), 'databricks_gateway', 'databricks_superuser'],
    ]);
    return `${await fingerprint(admin)}\n${rows[0]?.rest}`;
  };

  it.each(sidecarAttacks)('nobody $name', async ({ steps }) => {
    const before = await state();
    for (const [actor, sql] of steps) {
      const session = guarded.sessions[actor];
      await session.query(`set statement_timeout = '20s'`);
      await session.query(fillIn(sql)).catch(() => {});
      await session.query('rollback').catch(() => {});
    }
    expect(changes(before, await state())).toEqual([]);
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
    await guarded.sessions.sync.query(`select synced_tables_internal._current_credential('${caller}')`);
    await admin.query(`select synced_tables.create_synced_table('gold.third', 'a.b.c', array['id'])`);
    await admin.query(`select databricks_synced_table_add_manager('gold.x', '${guarded.roles.schemaOwner}')`);
    await makeTarget(guarded.sessions.sync, flow);
    await other.query('rollback; select pg_advisory_unlock_all()');
  });
});
