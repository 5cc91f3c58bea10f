import { describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: synced tables over HTTP, as the clients of Databricks call them.

const TABLES = '/api/2.0/database/synced_tables';

describe.each(eitherPostgresServer(import.meta.url))('$name', (server) => {
  it('creates, shows, lists and deletes a synced table in a standard catalog', async () => {
    await using synced = await SyncedLake.create(server);
    await synced.lake.createTable('gold.t', { id: 'long' }, 'select i as id from range(10) t(i)');
    const { url } = await synced.startSidecar();
    const keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    const api = new ApiClient(url, await createToken(synced, keeper));
    const database = await synced.value('select current_database()');
    const created = await api.post(TABLES, {
      name: 'standard.gold.t_synced',
      database_instance_name: 'local',
      logical_database_name: database,
      spec: {
        source_table_full_name: 'lake.gold.t',
        primary_key_columns: ['id'],
        scheduling_policy: 'SNAPSHOT',
        create_database_objects_if_missing: true,
      },
    });
    expect(created).toMatchObject({ status: 200, body: { name: 'standard.gold.t_synced' } });
    const state = () =>
      api.get(`${TABLES}/standard.gold.t_synced`).then(({ body }) => body.data_synchronization_status.detailed_state);
    await expect.poll(state, { timeout: 60_000 }).toBe('SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE');
    expect(await api.get(`${TABLES}/standard.gold.t_synced`)).toMatchObject({ status: 200 });
    expect(await api.get('/api/2.0/database/instances/local/synced_tables')).toMatchObject({
      body: { synced_tables: [{ name: 'standard.gold.t_synced' }] },
    });
    expect(await api.delete(`${TABLES}/standard.gold.t_synced`)).toMatchObject({ status: 200, body: {} });
    expect(await api.get(`${TABLES}/standard.gold.t_synced`)).toMatchObject({
      status: 404,
      body: { error_code: 'NOT_FOUND' },
    });
  });

  it('shows the options of a table that was created with SQL', async () => {
    await using synced = await SyncedLake.create(server);
    const columns = { id: 'long', note: 'string' } as const;
    await synced.lake.createTable('gold.t', columns, `select i as id, 'n' as note from range(3) t(i)`);
    const { url } = await synced.startSidecar();
    const keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    const api = new ApiClient(url, await createToken(synced, keeper));
    const plain = { source_table_full_name: 'lake.gold.t', primary_key_columns: ['id'], scheduling_policy: 'SNAPSHOT' };
    const options = {
      accelerated_sync: true,
      type_overrides: [{ column_name: 'note', pg_type: 'PG_SPECIFIC_TYPE_VARCHAR', size: 9 }],
      extra_columns: [
        { column_name: 'shout', column_type: 'text', compute: 'upper(note)', maintenance: 'STORED_GENERATED' },
      ],
      extra_index_definitions: [{ name: 'by_note', definition: '(note DESC)' }],
      columns: ['note', 'id'],
      row_filter: 'id >= 0',
    };
    // SQL takes numbers in quotes too.
    const overrides = JSON.stringify([{ ...options.type_overrides[0], size: '9' }]);
    await synced.admin.query(
      `select synced_tables.create_synced_table('gold.plain', 'lake.gold.t', array['id']),
              synced_tables.create_synced_table('gold.more', 'lake.gold.t', array['id'], accelerated_sync => true,
                type_overrides => $1, extra_columns => $2, extra_index_definitions => $3, columns => array['note', 'id'], row_filter => 'id >= 0')`,
      [overrides, JSON.stringify(options.extra_columns), JSON.stringify(options.extra_index_definitions)],
    );
    const database = await synced.value('select current_database()');
    const specOf = async (name: string) => (await api.get(`${TABLES}/${database}.gold.${name}`)).body.spec;
    expect(await specOf('plain')).toEqual(plain);
    expect(await specOf('more')).toEqual({ ...plain, ...options });
  });
});
