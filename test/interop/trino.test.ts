import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sqlCatalog, trinoServer } from '../../src/lake/catalog/sql-catalog.js';
import { openEngine } from '../../src/lake/engine/duckdb-engine.js';
import { TrinoClient } from '../../src/lake/remote/trino/trino-client.js';
import { checkEngineHistories } from '../support/engine-histories.js';
import { postgresServers } from '../support/postgres.js';
import { propertySeed } from '../support/property-seed.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: tables that a real Trino reads are copied into Postgres without a loss and verified, and followed where it gives their
// changes; a query that nobody wants is canceled, and a server that dies leaves the synced table as it was.
//
// Part of `npm run test:interop`. TRINO_HOME names an unpacked Trino server (test/interop/install-trino.sh unpacks one) and
// TRINO_JAVA_HOME a Java that it runs on (24 or newer); without them the test is skipped. TRINO_ROWS: how many rows are
// copied at least (default 60,000).

const { TRINO_HOME: home, TRINO_JAVA_HOME: java } = process.env;
if (!home || !java) console.info('skipped: TRINO_HOME and TRINO_JAVA_HOME name no Trino server');
const PORT = 18_476;
const START_MS_MAX = 600_000;
const rows = Number(process.env.TRINO_ROWS ?? 60_000);
const HISTORIES = Number(process.env.PROPERTY_RUNS ?? (process.env.TEST_LONG === '1' ? 60 : 4));

const [server] = postgresServers().slice(-1);

describe.runIf(home && java && server)('tables of a real Trino', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'trino-'));
  const uri = `http://127.0.0.1:${PORT}`;
  const client = new TrinoClient({ uri, user: 'test', catalog: 'memory', timeoutMs: 30_000, attemptsMax: 5 });
  let trino: ChildProcess;
  let lake: SyncedLake;

  async function run(statement: string): Promise<string[]> {
    const found: string[] = [];
    for await (const page of client.run(statement, 'a statement')) if (page.rows !== '') found.push(page.rows);
    return found;
  }

  async function start(): Promise<void> {
    const config: Record<string, string> = {
      'node.properties': `node.environment=test\nnode.id=one\nnode.data-dir=${folder}/data\n`,
      'jvm.config': '-Xmx2G\n-XX:+UseSerialGC\n',
      'config.properties': `coordinator=true\nnode-scheduler.include-coordinator=true\nhttp-server.http.port=${PORT}\ndiscovery.uri=${uri}\nquery.max-memory=1GB\nquery.max-memory-per-node=512MB\nmemory.heap-headroom-per-node=512MB\n`,
      'catalog/tpch.properties': 'connector.name=tpch\n',
      'catalog/memory.properties': 'connector.name=memory\n',
      'catalog/delta.properties': `connector.name=delta_lake\nhive.metastore=file\nhive.metastore.catalog.dir=local:///metastore\nfs.native-local.enabled=true\nlocal.location=${lake.lake.root}\ndelta.register-table-procedure.enabled=true\n`,
    };
    mkdirSync(path.join(folder, 'etc/catalog'), { recursive: true });
    for (const [name, text] of Object.entries(config)) writeFileSync(path.join(folder, 'etc', name), text);
    trino = spawn(path.join(home ?? '', 'bin/launcher'), ['--etc-dir', path.join(folder, 'etc'), 'run'], {
      env: { ...process.env, JAVA_HOME: java, PATH: `${java}/bin:${process.env.PATH}` },
      stdio: 'ignore',
    });
    const deadline = performance.now() + START_MS_MAX;
    for (;;) {
      try {
        await run('select 1');
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await sleep(2_000);
      }
    }
  }

  beforeAll(async () => {
    if (!server) return;
    lake = await SyncedLake.create(server);
    await start();
    const kind = { kind: 'trino', uri, user: 'test' };
    await run('create schema delta.s');
    await lake.startSidecar({ catalogs: { memory: kind, tpch: kind, delta: kind }, pollSeconds: 1 });
  }, START_MS_MAX);
  afterAll(async () => {
    await lake?.[Symbol.asyncDispose]();
    trino?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  async function create(target: string, source: string, key: string[], more = ''): Promise<string> {
    return (
      (await lake.value(
        `select synced_tables.create_synced_table('${target}', '${source}', array['${key.join("','")}'],
                                                  create_database_objects_if_missing => true${more})`,
      )) ?? ''
    );
  }

  const verify = (table: string) =>
    lake.admin.query('call synced_tables.wait_for_verification(synced_tables.verify($1))', [table]);

  it('gives every value as it is', async () => {
    await run(`create table memory.default.every as select * from (values
      (bigint '9223372036854775807', real '1.17549435E-38', nan(), decimal '12345678901234567890123456789012345.678', varchar 'a"\\ü' || chr(10),
       X'00ff10', date '-0043-03-15', time '23:59:59.999999', timestamp '2020-02-29 12:00:00.123456',
       timestamp '2020-02-29 12:00:00.999999 Europe/Berlin', json '{"a":[1,null]}', uuid '00000000-0000-4000-8000-000000000001',
       array[bigint '9007199254740993', null], map(array['k"1', 'k2'], array[decimal '1.10', null]),
       cast(row(1, 'x', array[date '2020-01-01']) as row(a bigint, b varchar, c array(date)))),
      (bigint '-9223372036854775808', real 'Infinity', -infinity(), null, '', X'', date '9999-12-31', time '00:00:00.000000',
       timestamp '0001-01-01 00:00:00.000000', timestamp '0001-01-01 00:00:00.000000 UTC', json 'null', null, array[], map(), null)
      ) t(id, f4, f8, d, s, bin, dt, ti, ts, tz, j, u, arr, m, r)`);
    await lake.wait(await create('copies.every', 'memory.default.every', ['id']));
    const { rows: found } = await lake.admin.query(
      `select id::text, f4::text, f8::text, d::text, s, bin::text, dt::text, ti::text, ts::text, (tz at time zone 'UTC')::text as tz,
              j::text, u::text, arr::text, m::text, r::text from copies.every order by id desc`,
    );
    expect(found).toEqual([
      {
        id: '9223372036854775807',
        f4: '1.1754944e-38',
        f8: 'NaN',
        d: '12345678901234567890123456789012345.678',
        s: 'a"\\ü\n',
        bin: '\\x00ff10',
        dt: '0044-03-15 BC',
        ti: '23:59:59.999999',
        ts: '2020-02-29 12:00:00.123456',
        tz: '2020-02-29 11:00:00.999999',
        j: '{"a": [1, null]}',
        u: '00000000-0000-4000-8000-000000000001',
        arr: '[9007199254740993, null]',
        m: '{"k2": null, "k\\"1": 1.10}',
        r: '{"a": 1, "b": "x", "c": ["2020-01-01"]}',
      },
      {
        id: '-9223372036854775808',
        f4: 'Infinity',
        f8: '-Infinity',
        d: null,
        s: '',
        bin: '\\x',
        dt: '9999-12-31',
        ti: '00:00:00',
        ts: '0001-01-01 00:00:00',
        tz: '0001-01-01 00:00:00',
        j: 'null',
        u: null,
        arr: '[]',
        m: '{}',
        r: null,
      },
    ]);
    await verify('copies.every');
  }, 120_000);

  it('is copied, counted and verified, and says how fast', async () => {
    // Orders have as many numbers as lines.
    const scale = rows > 6_001_215 ? 'sf10' : rows > 60_175 ? 'sf1' : 'tiny';
    await run(`create view memory.default.lines as select * from tpch.${scale}.lineitem where orderkey <= ${rows}`);
    const startedAt = performance.now();
    const key = ['orderkey', 'linenumber'];
    const update = await create('copies.lines', 'memory.default.lines', key, ', accelerated_sync => true');
    await lake.wait(update, lake.admin, '45 minutes');
    const seconds = (performance.now() - startedAt) / 1000;
    const [wanted] = await client.rows(
      `select cast(count(*) as varchar), cast(sum(cast(extendedprice as decimal(18, 2))) as varchar) from memory.default.lines`,
      'lines',
    );
    const { rows: found } = await lake.admin.query(
      'select count(*)::text as count, sum(extendedprice::numeric(18, 2))::text as sum from copies.lines',
    );
    expect(Object.values(found[0])).toEqual(wanted);
    console.info(
      `${wanted?.[0]} rows of lineitem from Trino in ${seconds.toFixed(1)} s: ${Math.round(Number(wanted?.[0]) / seconds)} a second`,
    );
    await verify('copies.lines');
  }, 3_600_000);

  const register = (name: string, place = name) =>
    run(`call delta.system.register_table('s', '${name}', 'local:///${place}')`);

  it(`gives changes that lead from one version to another, in ${HISTORIES} random histories`, async () => {
    const seed = propertySeed('changes that Trino gives');
    const engine = await openEngine();
    const connection = await engine.connect();
    try {
      const options = { uri, user: 'test', catalog: 'delta', timeoutMs: 60_000, attemptsMax: 3 };
      const catalog = sqlCatalog({ server: trinoServer(options, 'delta'), engine, spoolBytesMax: 2 ** 26 });
      const open = async (table: string) => {
        await register(table);
        return catalog.open({ catalog: 'delta', schema: 's', table });
      };
      // What Trino refuses by itself, and what is refused here.
      const refused =
        /^REMOTE_CHANGES_GONE [\s\S]*(?:without 'cdc' entries|made by (?:RESTORE|RENAME COLUMN|DROP COLUMNS))|^COLUMN_\w+_NOT_SUPPORTED/;
      const found = await checkEngineHistories(
        { connection, folder: lake.lake.root, open, refused },
        { seed, histories: HISTORIES, commits: 8 },
      );
      console.info(found);
      expect(found.compared).toBeGreaterThan(HISTORIES);
    } finally {
      connection.closeSync();
      await engine[Symbol.asyncDispose]();
    }
  }, 3_600_000);

  it('is asked for a large table by several statements at once', async () => {
    const rowsOf = (part: number) =>
      `select range as id, 'name ' || range as name from range(${part}00000, ${part + 1}00000)`;
    const writer = await lake.lake.createTable('s.many', { id: 'long', name: 'string' }, rowsOf(0));
    for (const part of [1, 2, 3]) await writer.append(rowsOf(part));
    await register('many', 's/many');
    await lake.wait(await create('copies.many', 'delta.s.many', ['id'], ', accelerated_sync => true'));
    expect(await lake.value('select count(*) || $$ $$ || sum(id) from copies.many')).toBe('400000 79999800000');
    const asked = await client.rows(
      `select query from system.runtime.queries where query like 'select "id"%"many" for version as of 3 where "$path"%'`,
      'queries',
    );
    expect(asked.length).toBeGreaterThan(1);
    await verify('copies.many');
  }, 600_000);

  it('gives the changes of a table that is followed', async () => {
    const columns = { id: 'long', name: 'string' };
    const people = `select range as id, 'name ' || range as name from range(1000)`;
    const writer = await lake.lake.createTable('s.people', columns, people, { 'delta.enableChangeDataFeed': 'true' });
    await register('people', 's/people');
    await create('followed.people', 'delta.s.people', ['id'], `, scheduling_policy => 'CONTINUOUS'`);
    const count = () =>
      lake.value(`select count(*) || ' ' || count(*) filter (where name = 'new') from followed.people`);
    await expect
      .poll(() => lake.value(`select to_regclass('followed.people')::text`), { timeout: 120_000 })
      .not.toBeNull();
    await writer.append(`select range as id, 'new' as name from range(1000, 1010)`);
    await expect.poll(count, { timeout: 120_000, interval: 1_000 }).toBe('1010 10');
    await verify('followed.people');
  }, 300_000);

  it('leaves the table as it was when the server dies, and no query when an update is stopped', async () => {
    const before = await lake.value('select count(*)::text from copies.every');
    const id = await create('copies.large', 'tpch.sf10.orders', ['orderkey']);
    const isRunning = () =>
      client.rows(
        `select state from system.runtime.queries where query like 'select "orderkey"%sf10%' and state = 'RUNNING'`,
        'queries',
      );
    await expect.poll(async () => (await isRunning()).length, { timeout: 60_000, interval: 500 }).toBeGreaterThan(0);
    await lake.value(`select synced_tables.delete_synced_table('copies.large', purge => true)`);
    await expect.poll(async () => (await isRunning()).length, { timeout: 60_000, interval: 500 }).toBe(0);
    await refusalOf(lake.wait(id));

    const update = await lake.value(`select synced_tables.sync_now('copies.every')`);
    trino.kill('SIGKILL');
    const ended = new Promise((resolve) => trino.once('exit', resolve));
    await ended;
    await expect
      .poll(
        () =>
          lake.value(
            `select state || coalesce(' ' || message, '') from synced_tables.updates where update_id = '${update}'`,
          ),
        {
          timeout: 120_000,
          interval: 500,
        },
      )
      .toMatch(/COMPLETED|did not answer a request for source table memory\.default\.every/);
    expect(await lake.value('select count(*)::text from copies.every')).toBe(before);
  }, 300_000);
});
