import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { propertySeed } from '../support/property-seed.js';
import { publishByHand } from '../support/synced-table-fixture.js';

// Goal: the views of history list exactly what their rule says, for every kind of role and row, and find the newest rows
// and those of one table or pipeline by an index.

/** The rule, asked for each row: `$1` is the role. */
const MAY_SEE = `synced_tables_internal._role_may_control($1, coalesce(t.created_by, $2)) or synced_tables_internal._role_may_see($1, t.created_by, t.relation)`;
const UPDATES_BY_RULE = `
  select u.update_id::text || coalesce(r.synced_table, t.synced_table, '') || coalesce(r.state, u.state) || u.created_at as row
    from synced_tables._updates u
    left join synced_tables._table_updates r using (update_id)
    left join synced_tables._known_tables t
      on t.table_id = r.table_id or (r.table_id is null and t.pipeline_id = u.pipeline_id and u.state in ('QUEUED', 'RUNNING'))
   where synced_tables_internal._role_may_control($1, u.requested_by) or synced_tables_internal._role_may_see($1, t.created_by, t.relation)
   order by 1`;
const EVENTS_BY_RULE = `
  select e.event_id::text as row from synced_tables._events e
    left join synced_tables._known_tables t on t.synced_table = e.synced_table and t.pipeline_id = e.pipeline_id
    left join synced_tables._updates u on u.update_id = e.update_id
   where ${MAY_SEE.replace('$2', 'u.requested_by')} order by 1`;

async function createTables(client: pg.Client, schema: string): Promise<void> {
  for (const name of ['a', 'b']) {
    await client.query(`select synced_tables.create_synced_table($1, 'l.s.t', array['id'])`, [`${schema}.${name}`]);
  }
}

/** Updates in every state, of pipelines known and gone, with rows for their tables and without; and events of all of it. */
function fill(creators: readonly string[], seed: number): string {
  return `
    select setseed(${(seed % 1000) / 1000});
    update synced_tables._updates set state = 'COMPLETED', finished_at = now();
    insert into synced_tables._updates (pipeline_id, state, requested_by, created_at, mode)
    select coalesce((select p.pipeline_id from synced_tables._pipelines p order by random() + i limit 1), gen_random_uuid()),
           (array['COMPLETED', 'FAILED', 'CANCELED', 'QUEUED', 'RUNNING'])[1 + floor(random() * 5)::int],
           (array[${creators.map((name) => `'${name}'`).join(', ')}, 'nobody_known', null])[1 + floor(random() * ${creators.length + 2})::int],
           now() - random() * interval '10 days', 'DEFAULT'
      from generate_series(1, 300) i;
    insert into synced_tables._table_updates (update_id, table_id, synced_table, source_table_full_name, state)
    select u.update_id, coalesce(t.table_id, gen_random_uuid()), coalesce(t.synced_table, 'gone.x'), 'l.s.t', u.state
      from synced_tables._updates u left join synced_tables._tables t using (pipeline_id)
     where u.update_id::text < 'b' on conflict do nothing;
    update synced_tables._updates set state = 'COMPLETED' where state = 'RUNNING' and random() < 0.5;
    insert into synced_tables._updates (pipeline_id, state, requested_by)
    select gen_random_uuid(), 'FAILED', requested_by from synced_tables._updates limit 20;
    insert into synced_tables._events (event_type, synced_table, pipeline_id, update_id, message)
    select 'x', case when random() < 0.3 then null else coalesce(t.synced_table, 'gone.x') end, u.pipeline_id,
           case when random() < 0.8 then u.update_id end, 'm'
      from synced_tables._updates u left join synced_tables._tables t using (pipeline_id)`;
}

describe.each(postgresServers())('the views of history on $name', (server) => {
  it('list what the role may see, and nothing else', { timeout: 60_000 }, async () => {
    await using database = await createMigratedDatabase(server);
    const sidecar = await database.connectAsSidecar();
    const creator = await database.createRole('creator', 'databricks_superuser');
    const member = await database.createRole('member', creator);
    const [reader, manager, stranger] = [
      await database.createRole('reader'),
      await database.createRole('manager'),
      await database.createRole('stranger'),
    ];
    await createTables(database.admin, 'ours');
    const client = await database.connectAs(creator);
    await createTables(client, 'hers');
    await client.end();
    await database.admin.query(`revoke databricks_superuser from ${creator}`);
    for (const name of ['ours.a', 'hers.b']) await publishByHand(sidecar, name);
    await database.admin.query(`grant select on ours.a to ${reader};
      select databricks_synced_table_add_manager('ours.a', '${manager}')`);
    await database.admin.query(fill(['postgres', creator, reader, stranger], propertySeed('views of history')));
    const keeper = await database.createRole('keeper', 'databricks_superuser');
    const roles = [keeper, creator, member, reader, manager, stranger];
    await database.admin.query(`grant usage on schema synced_tables to ${roles.join(', ')};
      grant select on synced_tables.updates, synced_tables.events to ${roles.join(', ')}`);

    const counts: number[] = [];
    for (const role of ['postgres', ...roles]) {
      const session = await database.connectAs(role);
      const rule = async (query: string) => (await database.admin.query(query, [role])).rows;
      const { rows: updates } = await session.query(
        `select update_id::text || coalesce(synced_table, '') || state || created_at as row from synced_tables.updates order by 1`,
      );
      const { rows: events } = await session.query('select event_id::text as row from synced_tables.events order by 1');
      expect(updates, role).toEqual(await rule(UPDATES_BY_RULE));
      expect(events, role).toEqual(await rule(EVENTS_BY_RULE));
      counts.push(updates.length);
      await session.end();
    }
    expect(new Set(counts).size).toBeGreaterThan(4);
  });

  it('list the newest first', async () => {
    await using database = await createMigratedDatabase(server);
    await createTables(database.admin, 'ours');
    await database.admin.query(fill(['postgres'], 1));
    const { rows } = await database.admin.query(
      `select (select array_agg(created_at) = array_agg(created_at order by created_at desc) from synced_tables.updates) as updates,
              (select array_agg(event_id) = array_agg(event_id order by event_id desc) from synced_tables.events) as events`,
    );
    expect(rows).toEqual([{ updates: true, events: true }]);
  });

  it('find rows by an index, and stop at a LIMIT', async () => {
    await using database = await createMigratedDatabase(server);
    await createTables(database.admin, 'ours');
    await database.admin.query(`set session_replication_role = replica;
      insert into synced_tables._updates (pipeline_id, state, requested_by, created_at)
      select (select pipeline_id from synced_tables._pipelines limit 1), 'COMPLETED', 'postgres', now() - i * interval '1 s'
        from generate_series(20000, 1, -1) i;
      insert into synced_tables._table_updates (update_id, table_id, synced_table, source_table_full_name, state, pipeline_id, requested_at)
      select update_id, gen_random_uuid(), 't' || row_number() over (order by created_at) % 100, 's', 'COMPLETED', pipeline_id, created_at
        from synced_tables._updates order by created_at;
      insert into synced_tables._events (event_type, synced_table, pipeline_id, message)
      select 'x', synced_table, pipeline_id, 'm' from synced_tables._table_updates order by requested_at;
      reset session_replication_role`);
    await database.admin.query('vacuum analyze');
    const rowsRead = async (query: string): Promise<number> => {
      const { rows } = await database.admin.query(`explain (analyze, format json, timing off) ${query}`);
      const largest = (plan: { Plans?: never[]; [key: string]: unknown }): number =>
        Math.max(
          (Number(plan['Actual Rows']) + Number(plan['Rows Removed by Filter'] ?? 0)) * Number(plan['Actual Loops']),
          ...(plan.Plans ?? []).map(largest),
        );
      return largest(rows[0]['QUERY PLAN'][0].Plan);
    };
    for (const query of [
      'select * from synced_tables.updates order by created_at desc limit 20',
      `select * from synced_tables.updates where synced_table = 't7' order by created_at desc limit 20`,
      'select * from synced_tables.updates limit 20',
      'select * from synced_tables.events order by event_id desc limit 20',
      `select * from synced_tables.events where synced_table = 't7' order by event_id desc limit 20`,
    ]) {
      expect(await rowsRead(query), query).toBeLessThan(1000);
    }
  });
});
