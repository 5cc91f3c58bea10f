import { describe, expect, it } from 'vitest';
import { deleteBesideAnUpdate } from '../support/lock-order.js';
import { createMigratedDatabase, type MigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { publishByHand, refusalOf } from '../support/synced-table-fixture.js';

// Goal: delete_synced_table stops syncing, drops the table only when asked to purge, and leaves nothing behind and
// everything else alone.

async function createPublished(database: MigratedDatabase, name = 'gold.x', pipeline: string | null = null) {
  const sidecar = await database.connectAsSidecar();
  const { rows } = await database.admin.query<{ id: string }>(
    `select synced_tables.create_synced_table($1, 'a.b.c', array['id'], existing_pipeline_id => $2) as id`,
    [name, pipeline],
  );
  const table = await publishByHand(sidecar, name);
  await sidecar.end();
  return { ...table, updateId: rows[0]?.id ?? '' };
}

/** What is there of a table: registry, ownership, owner roles of this database, partitions. */
async function leftOf(database: MigratedDatabase): Promise<Record<string, number>> {
  const { rows } = await database.admin.query<Record<string, number>>(
    `select (select count(*)::int from synced_tables._tables) as tables,
            (select count(*)::int from synced_tables._pipelines) as pipelines,
            (select count(*)::int from databricks_auth.synced_tables) as owned,
            (select count(*)::int from pg_roles, pg_database d where datname = current_database()
                and rolname like format('databricks\\_st\\_%s\\_%%', d.oid)) as roles,
            (select count(*)::int from pg_class where relnamespace = '__db_system'::regnamespace and relkind = 'r') as partitions`,
  );
  return rows[0] ?? {};
}

describe.each(postgresServers())('delete_synced_table on $name', (server) => {
  it('stops syncing and leaves the table and its history; a later purge drops what was left', async () => {
    await using database = await createMigratedDatabase(server);
    const { updateId } = await createPublished(database);
    await database.admin.query(`select synced_tables.delete_synced_table('gold.x')`);
    expect(await leftOf(database)).toEqual({ tables: 0, pipelines: 0, owned: 0, roles: 0, partitions: 0 });
    expect((await database.admin.query('select from gold.x')).rowCount).toBe(3);
    const history = await database.admin.query(
      'select update_id, synced_table, state, error_code from synced_tables.updates',
    );
    expect(history.rows).toEqual([
      { update_id: updateId, synced_table: 'gold.x', state: 'CANCELED', error_code: 'SYNCED_TABLE_DELETED' },
    ]);
    expect(await refusalOf(database.admin.query(`select synced_tables.delete_synced_table('gold.x')`))).toMatchObject({
      code: 'SYNCED_TABLE_NOT_FOUND',
      hint: expect.stringContaining('purge => true'),
    });
    await database.admin.query(`select synced_tables.delete_synced_table('gold.x', purge => true)`);
    expect(await leftOf(database)).toEqual({ tables: 0, pipelines: 0, owned: 0, roles: 0, partitions: 0 });
    const events = await database.admin.query('select event_type from synced_tables.events order by event_id');
    expect(events.rows.map(({ event_type }) => event_type)).toEqual([
      'synced_table_created',
      'synced_table_deleted',
      'synced_table_dropped',
    ]);
  });

  it('drops the table at once with purge, and the name is free again', async () => {
    await using database = await createMigratedDatabase(server);
    await createPublished(database);
    await database.admin.query(`select synced_tables.delete_synced_table('gold.x', true)`);
    expect(await leftOf(database)).toEqual({ tables: 0, pipelines: 0, owned: 0, roles: 0, partitions: 0 });
    await createPublished(database);
    expect((await database.admin.query('select from gold.x')).rowCount).toBe(3);
  });

  it('removes a table that was never loaded, and one that was dropped while the guard was off', async () => {
    await using database = await createMigratedDatabase(server);
    await database.admin.query(`select synced_tables.create_synced_table('gold.x', 'a.b.c', array['id'])`);
    await database.admin.query(`select synced_tables.delete_synced_table('gold.x', true)`);
    await createPublished(database);
    await database.admin.query(`alter event trigger databricks_auth_drop disable; drop table gold.x;
      alter event trigger databricks_auth_drop enable always`);
    await database.admin.query(`select synced_tables.delete_synced_table('gold.x')`);
    expect(await leftOf(database)).toEqual({ tables: 0, pipelines: 0, owned: 0, roles: 0, partitions: 0 });
  });

  it('keeps a pipeline, and what waits in it, for its other tables', async () => {
    await using database = await createMigratedDatabase(server);
    const { pipeline_id, updateId } = await createPublished(database, 'gold.a');
    await createPublished(database, 'gold.b', pipeline_id);
    await database.admin.query(`select synced_tables.delete_synced_table('gold.a')`);
    const { rows } = await database.admin.query(
      'select synced_table, state from synced_tables.updates where update_id = $1',
      [updateId],
    );
    expect(rows).toEqual([{ synced_table: 'gold.b', state: 'QUEUED' }]);
    await database.admin.query(`select synced_tables.delete_synced_table('gold.b')`);
    expect(await leftOf(database)).toMatchObject({ tables: 0, pipelines: 0, owned: 0 });
  });

  it('leaves no pipeline behind when the last two tables go at once', async () => {
    await using database = await createMigratedDatabase(server);
    const { pipeline_id } = await createPublished(database, 'gold.a');
    await createPublished(database, 'gold.b', pipeline_id);
    const [one, two] = [await database.connect(), await database.connect()];
    await one.query('begin');
    await one.query(`select synced_tables.delete_synced_table('gold.a')`);
    const second = two.query(`select synced_tables.delete_synced_table('gold.b')`);
    await one.query('select pg_sleep(0.1)');
    await one.query('commit');
    await second;
    expect(await leftOf(database)).toMatchObject({ tables: 0, pipelines: 0 });
  });

  it('cancels a running update of a pipeline that goes, and its commits find no lease any more', async () => {
    await using database = await createMigratedDatabase(server);
    const { updateId } = await createPublished(database);
    const sidecar = await database.connectAsSidecar();
    await sidecar.query(`update synced_tables._updates set state = 'RUNNING'`);
    await database.admin.query(`select synced_tables.delete_synced_table('gold.x')`);
    expect((await sidecar.query('select from synced_tables._pipelines for share')).rowCount).toBe(0);
    const { rows } = await sidecar.query('select state, error_code from synced_tables._updates where update_id = $1', [
      updateId,
    ]);
    expect(rows).toEqual([{ state: 'CANCELED', error_code: 'SYNCED_TABLE_DELETED' }]);
  });

  it('names the view that keeps a purge from dropping the table, and changes nothing then', async () => {
    await using database = await createMigratedDatabase(server);
    await createPublished(database);
    await database.admin.query('create view public.dashboard as select * from gold.x');
    const before = await leftOf(database);
    const refusal = await refusalOf(database.admin.query(`select synced_tables.delete_synced_table('gold.x', true)`));
    expect(refusal).toMatchObject({ code: 'SYNCED_TABLE_HAS_DEPENDENTS', sqlState: '2BP01' });
    expect(refusal.message).toContain('view public.dashboard depends on table gold.x');
    expect(await leftOf(database)).toEqual(before);
  });

  it('gives a purge up after a while when a reader holds the table', async () => {
    await using database = await createMigratedDatabase(server);
    await createPublished(database);
    const reader = await database.connect();
    await reader.query('begin; select * from gold.x');
    const refusal = await refusalOf(database.admin.query(`select synced_tables.delete_synced_table('gold.x', true)`));
    expect(refusal).toMatchObject({ code: 'SYNCED_TABLE_IN_USE', sqlState: '55P03' });
    await reader.query('rollback');
  });

  it('takes the locks of a table and its pipeline in the order of sidecars, which therefore end what they began', async () => {
    await using database = await createMigratedDatabase(server);
    await createPublished(database);
    const sidecar = await database.connectAsSidecar();
    await deleteBesideAnUpdate(sidecar, 'gold.x', () =>
      database.admin.query(`select synced_tables.delete_synced_table('gold.x', true)`),
    );
    expect(await leftOf(database)).toEqual({ tables: 0, pipelines: 0, owned: 0, roles: 0, partitions: 0 });
  });

  it('lets the creator purge later what he left behind, and nobody else', async () => {
    await using database = await createMigratedDatabase(server);
    const [alice, bob] = [await database.createRole('alice'), await database.createRole('bob')];
    await database.admin.query(`grant usage on schema synced_tables to ${alice}, ${bob};
      grant execute on function synced_tables.create_synced_table, synced_tables.delete_synced_table to ${alice}, ${bob};
      create schema hers authorization ${alice}`);
    const [asAlice, asBob] = [await database.connectAs(alice), await database.connectAs(bob)];
    await asAlice.query(`select synced_tables.create_synced_table('hers.x', 'a.b.c', array['id'])`);
    await publishByHand(await database.connectAsSidecar(), 'hers.x');
    await asAlice.query(`select synced_tables.delete_synced_table('hers.x')`);
    const purge = `select synced_tables.delete_synced_table('hers.x', true)`;
    expect(await refusalOf(asBob.query(purge))).toMatchObject({ code: 'PERMISSION_DENIED', sqlState: '42501' });
    await asAlice.query(purge);
    expect(await leftOf(database)).toMatchObject({ owned: 0, roles: 0 });
  });

  it('drops nothing that merely stands in the registry', async () => {
    await using database = await createMigratedDatabase(server);
    await database.admin.query(`create table public.precious (id int);
      insert into databricks_auth.synced_tables values ('public.precious', 'pg_monitor')`);
    expect(
      await refusalOf(database.admin.query(`select synced_tables.delete_synced_table('public.precious', true)`)),
    ).toMatchObject({ code: 'NOT_A_SYNCED_TABLE', sqlState: '42809' });
    await database.admin.query('select from public.precious');
    await database.admin.query('drop table public.precious');
  });
});
