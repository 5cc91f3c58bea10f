import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { createToken } from '../support/api-client.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: the curl calls that Lakebase's documentation shows work when only host and token are changed, slips included:
// text/json, commas too many, new_pipeline_spec beside spec (docs/reference/databricks-api.md#database-service).

const run = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).status === 0;
if (!hasCurl) process.stderr.write('api-curl.test.ts is skipped: there is no curl here\n');

const HEADERS = `-H "Content-Type: text/json" -H "Authorization: Bearer \${DATABRICKS_TOKEN}"`;

const CREATE_IN_DATABASE_CATALOG = `
export CATALOG_NAME=app
export SRC_TBL="lake.gold.orders"
export DEST_TBL="$CATALOG_NAME.gold.orders_synced"
export PKS='["id"]'
export ST_CATALOG="lake"
export ST_SCHEMA="gold"
curl -sS -X POST "$DATABRICKS_HOST/api/2.0/database/synced_tables" ${HEADERS} --data-binary @- << EOF
{
  "name": "$DEST_TBL",
  "spec": {
    "source_table_full_name": "$SRC_TBL",
    "primary_key_columns": $PKS,
    "scheduling_policy": "TRIGGERED",
  },
  "new_pipeline_spec": {
    "storage_catalog": "$ST_CATALOG",
    "storage_schema": "$ST_SCHEMA",
  }
}
EOF`;

const CREATE_IN_STANDARD_CATALOG = `
export CATALOG_NAME=main
export DATABASE_INSTANCE=local
export SRC_TBL="lake.gold.orders"
export DEST_TBL="$CATALOG_NAME.sales.orders_synced"
export PKS='["id"]'
curl -sS -X POST "$DATABRICKS_HOST/api/2.0/database/synced_tables" ${HEADERS} --data-binary @- << EOF
{
  "name": "$DEST_TBL",
  "database_instance_name": "$DATABASE_INSTANCE",
  "logical_database_name": "$POSTGRES_DATABASE",
  "spec": {
    "source_table_full_name": "$SRC_TBL",
    "primary_key_columns": $PKS,
    "scheduling_policy": "SNAPSHOT",
    "create_database_objects_if_missing": true,
    "new_pipeline_spec": { "storage_catalog": "lake", "storage_schema": "gold" },
  }
}
EOF`;

const CREATE_CATALOG = `
curl -sS -X POST "$DATABRICKS_HOST/api/2.0/database/catalogs" ${HEADERS} --data-binary @- << EOF
{
  "name": "app",
  "database_instance_name": "local",
  "database_name": "$POSTGRES_DATABASE",
  "create_database_if_not_exists": false,
}
EOF`;

const CREDENTIAL = `
curl -sS -X POST --header "Authorization: Bearer \${DATABRICKS_TOKEN}" "$DATABRICKS_HOST/api/2.0/database/credentials" \\
  --data '{ "instance_names": ["local"], "request_id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed" }'`;

const get = (name: string) => `
export SYNCED_TABLE="${name}"
curl -sS --request GET "$DATABRICKS_HOST/api/2.0/database/synced_tables/$SYNCED_TABLE" \\
  --header "Authorization: Bearer \${DATABRICKS_TOKEN}"`;

const remove = (name: string) => get(name).replace('--request GET', '--request DELETE -w "%{http_code}"');

// The API does not depend on the server's version: one is enough.
describe.skipIf(!hasCurl).each(postgresServers().slice(-1))('the curl examples on $name', (server) => {
  it('create synced tables in both kinds of catalog, read and delete them; DROP TABLE ends it', {
    timeout: 180_000,
  }, async () => {
    await using synced = await SyncedLake.create(server);
    const source = await synced.lake.createTable('gold.orders', { id: 'long' }, 'select i as id from range(9) t(i)');
    source.switchChangeFeedOn();
    const { url } = await synced.startSidecar();
    const role = await synced.database.createRole('keeper', 'databricks_superuser');
    await synced.admin.query(`alter role ${role} login`);
    const database = (await synced.value('select current_database()')) ?? '';
    const environment = {
      PATH: process.env.PATH,
      DATABRICKS_HOST: url,
      DATABRICKS_TOKEN: await createToken(synced, role),
      POSTGRES_DATABASE: database,
    };
    const sh = async (script: string): Promise<string> =>
      (await run('sh', ['-c', script], { env: environment, timeout: 30_000 })).stdout;

    expect(JSON.parse(await sh(CREATE_CATALOG))).toMatchObject({ name: 'app', database_name: database });
    expect(JSON.parse(await sh(CREATE_IN_DATABASE_CATALOG))).toMatchObject({
      name: 'app.gold.orders_synced',
      effective_database_instance_name: 'local',
      data_synchronization_status: { pipeline_id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      spec: { new_pipeline_spec: { storage_catalog: 'lake', storage_schema: 'gold' } },
    });
    expect(JSON.parse(await sh(CREATE_IN_STANDARD_CATALOG))).toMatchObject({
      name: 'main.sales.orders_synced',
      effective_logical_database_name: database,
    });
    for (const name of ['app.gold.orders_synced', 'main.sales.orders_synced']) {
      const state = async () => JSON.parse(await sh(get(name))).data_synchronization_status.detailed_state;
      await expect.poll(state, { timeout: 40_000, interval: 200 }).toBe('SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE');
      expect(await sh(remove(name))).toBe('{}200');
      expect(JSON.parse(await sh(get(name)))).toMatchObject({ error_code: 'NOT_FOUND' });
    }

    // What the examples do last, in psql: the tables have stayed.
    const login = new URL(synced.database.url);
    login.username = role;
    login.password = JSON.parse(await sh(CREDENTIAL)).token;
    const session = new pg.Client({ connectionString: login.href });
    await session.connect();
    try {
      for (const table of ['gold.orders_synced', 'sales.orders_synced']) {
        expect((await session.query(`select count(*)::int as rows from ${table}`)).rows).toEqual([{ rows: 9 }]);
        await session.query(`DROP TABLE ${database}.${table}`);
        expect((await session.query('select to_regclass($1) as found', [table])).rows).toEqual([{ found: null }]);
      }
    } finally {
      await session.end();
    }
  });
});
