import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import type { DeltaWriter } from '../support/delta-writer.js';
import { postgresServers } from '../support/postgres.js';
import { BUCKET, S3FolderServer } from '../support/s3-folder-server.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: every state of the API is reached by real syncs of each scheduling policy, with the details that belong to it.
// The object store keeps requests waiting, so that a sync stays where it is until it has been looked at.

const TABLES = '/api/2.0/database/synced_tables';
const PIPELINES = '/api/2.0/pipelines';
const COLUMNS = { id: 'long', v: 'long' };
const rowsFrom = (first: number) => `select range as id, 1 as v from range(${first}, ${first + 40})`;

/** States that every policy comes through. */
const COMMON = [
  'SYNCED_TABLED_OFFLINE',
  'SYNCED_TABLE_OFFLINE_FAILED',
  'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
  'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES',
  'SYNCED_TABLE_PROVISIONING',
  'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT',
  'SYNCED_TABLE_PROVISIONING_PIPELINE_RESOURCES',
];
const RESTING = ['SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE', 'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE'];
const FOLLOWING = ['SYNCED_TABLE_ONLINE', 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE'];

const policies = [
  { policy: 'SNAPSHOT', states: [...COMMON, ...RESTING] },
  { policy: 'TRIGGERED', states: [...COMMON, ...RESTING] },
  { policy: 'CONTINUOUS', states: [...COMMON, ...FOLLOWING] },
] as const;

// How a state is told does not depend on the server's version: one is enough.
describe.each(postgresServers().slice(-1))('the states of synced tables on $name', (server) => {
  let synced: SyncedLake;
  let store: S3FolderServer;
  let api: ApiClient;
  let database: string;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    store = await S3FolderServer.start(synced.lake.root);
    const catalogs = { lake: { kind: 'path', root: `s3://${BUCKET}/`, storage: store.settings } };
    // One attempt at the store: what fails there shows in the table's state. Nothing is given up while it is held.
    const storage = { spool_mb: 8, parallel_fetches: 2, timeout_seconds: 120, attempts: 1 };
    const { url } = await synced.startSidecar({ catalogs, storage, pollSeconds: 0.5 });
    api = new ApiClient(
      url,
      await createToken(synced, await synced.database.createRole('keeper', 'databricks_superuser')),
    );
    database = (await synced.value('select current_database()')) ?? '';
  });
  afterAll(async () => {
    await synced?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
  });

  const held: (() => void)[] = [];
  afterEach(() => {
    store.fault = () => null;
    for (const letGo of held.splice(0)) letGo();
  });

  /** Keeps requests waiting whose key holds `part`, in place of what waited before, until what it returns is called. */
  function holdBack(part: string): () => void {
    let fulfil = () => {};
    const waiting = new Promise<void>((resolve) => {
      fulfil = resolve;
    });
    const hold = ({ key }: { readonly key: string }) => (key.includes(part) ? waiting : null);
    const letGo = () => {
      if (store.hold === hold) store.hold = () => null;
      fulfil();
    };
    store.hold = hold;
    held.push(letGo);
    return letGo;
  }

  it.each(policies)(
    'are reached by a $policy table, each with its details',
    { timeout: 180_000 },
    async ({ policy, states }) => {
      const table = `t_${policy.toLowerCase()}`;
      const isContinuous = policy === 'CONTINUOUS';
      const atRest = isContinuous ? 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE' : 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE';
      const processed = (version: number) => ({
        [isContinuous ? 'continuous_update_status' : 'triggered_update_status']: {
          last_processed_commit_version: version,
          timestamp: expect.stringMatching(/Z$/),
        },
      });
      const seen = new Set<string>();

      const statusOf = async (name: string) => {
        const { body } = await api.get(`${TABLES}/app.gold.${name}`);
        return body.data_synchronization_status;
      };
      /** Waits for a state; its details. */
      const reaches = async (state: string, details: object = {}, name = table) => {
        await expect.poll(async () => (await statusOf(name)).detailed_state, { timeout: 40_000 }).toBe(state);
        await expect
          .poll(() => statusOf(name), { timeout: 10_000 })
          .toMatchObject({ detailed_state: state, ...details });
        seen.add(state);
      };
      const create = async (name: string): Promise<DeltaWriter> => {
        const source = await synced.lake.createTable(`gold.${name}`, COLUMNS, rowsFrom(0));
        source.switchChangeFeedOn();
        return source;
      };
      const ask = async (name: string) => {
        const reply = await api.post(TABLES, {
          name: `app.gold.${name}`,
          database_instance_name: 'local',
          logical_database_name: database,
          spec: {
            source_table_full_name: `lake.gold.${name}`,
            primary_key_columns: ['id'],
            scheduling_policy: policy,
            create_database_objects_if_missing: true,
          },
        });
        expect(reply).toMatchObject({ status: 200 });
        seen.add(reply.body.data_synchronization_status.detailed_state);
        return `${PIPELINES}/${reply.body.data_synchronization_status.pipeline_id}`;
      };

      // Its first load.
      const source = await create(table);
      let goOn = holdBack(`gold/${table}/_delta_log`);
      const pipeline = await ask(table);
      await reaches('SYNCED_TABLE_PROVISIONING_PIPELINE_RESOURCES', { provisioning_status: {} });
      const readLog = goOn;
      goOn = holdBack('.parquet');
      readLog();
      await reaches('SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT', {
        provisioning_status: { initial_pipeline_sync_progress: {} },
      });
      goOn();
      await reaches(atRest, {
        ...processed(1),
        last_sync: { delta_table_sync_info: { delta_commit_version: 1 } },
      });

      // An update: a CONTINUOUS pipeline has to be stopped for one.
      await source.append(rowsFrom(100));
      if (isContinuous) {
        await reaches(atRest, processed(2));
        expect(await api.post(`${pipeline}/updates`, {})).toMatchObject({ status: 409 });
        expect(await api.post(`${pipeline}/stop`)).toMatchObject({ status: 200 });
        await reaches('SYNCED_TABLE_ONLINE');
      }
      goOn = holdBack('.parquet');
      expect(await api.post(`${pipeline}/updates`, { full_refresh: isContinuous })).toMatchObject({ status: 200 });
      await (isContinuous
        ? reaches('SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES', processed(2))
        : reaches('SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE', processed(1)));
      expect(await synced.value(`select count(*) from gold.${table}`)).toBe(isContinuous ? '80' : '40');
      goOn();
      await reaches(atRest, { ...processed(2), last_sync: { delta_table_sync_info: { delta_commit_version: 2 } } });

      // A store that is in trouble for a while.
      await source.append(rowsFrom(200));
      store.fault = () => ({ status: 503 });
      if (!isContinuous) expect(await api.post(`${pipeline}/updates`, {})).toMatchObject({ status: 200 });
      await reaches('SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES');
      expect(await synced.value(`select count(*) from gold.${table}`)).toBe('80');
      store.fault = () => null;
      await reaches(atRest, processed(3));
      await synced.expectEqual(`gold.${table}`, source, ['id', 'v']);

      // What needs a person: a key that is not one any more.
      await source.append(rowsFrom(0));
      if (!isContinuous) expect(await api.post(`${pipeline}/updates`, {})).toMatchObject({ status: 200 });
      await reaches('SYNCED_TABLE_ONLINE_PIPELINE_FAILED', { failed_status: { last_processed_commit_version: 3 } });
      expect((await api.get(pipeline)).body).toMatchObject({ health: 'UNHEALTHY' });
      expect(await synced.value(`select count(*) from gold.${table}`)).toBe('120');

      // A first load that fails, and a table that was dropped behind the guard's back.
      const broken = await create(`${table}_broken`);
      await broken.append(rowsFrom(0));
      await ask(`${table}_broken`);
      await reaches('SYNCED_TABLE_OFFLINE_FAILED', { failed_status: {} }, `${table}_broken`);
      await synced.admin.query(`begin; alter event trigger databricks_auth_drop disable; drop table gold.${table};
      alter event trigger databricks_auth_drop enable always; commit`);
      await reaches('SYNCED_TABLED_OFFLINE');
      const other = await api.get(`/api/2.0/postgres/synced_tables/app.gold.${table}`);
      expect(other.body.status.detailed_state).toBe('SYNCED_TABLE_OFFLINE');

      expect([...seen].sort()).toEqual([...states].sort());
    },
  );
});
