import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sqlCatalog, warehouseServer } from '../../src/lake/catalog/sql-catalog.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import { checkEngineHistories } from '../support/engine-histories.js';
import { propertySeed } from '../support/property-seed.js';
import { type WarehouseResult, WarehouseServer } from '../support/warehouse-server.js';

// Goal: the changes that Spark's SQL gives of a Delta table, asked for as a SQL warehouse is asked, lead from one version to another;
// what it would leave out without a word, or give as what it is not, is refused.
//
// Part of `npm run test:interop`. SPARK_PYTHON names a Python that has pyspark 4 and delta-spark (or SPARK_JARS names Delta's jars);
// without it the test is skipped. What it does not show: the API of a warehouse, for which a server of the tests stands.

const python = process.env.SPARK_PYTHON;
if (!python) console.info('skipped: SPARK_PYTHON names no Python with pyspark');
const HISTORIES = Number(process.env.PROPERTY_RUNS ?? (process.env.TEST_LONG === '1' ? 40 : 2));
const COMMITS = 8;

/** Answers statements with Spark, one after another. */
class Spark implements Disposable {
  readonly #process;
  readonly #lines;
  #last: Promise<unknown>;

  constructor(folder: string) {
    const script = path.join(import.meta.dirname, 'spark_statements.py');
    this.#process = spawn(python ?? '', [script, folder], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    this.#last = this.#line();
  }

  async #line(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('Spark has ended');
    return JSON.parse(String(value));
  }

  run(statement: string): Promise<WarehouseResult> {
    const answer = this.#last.then(async () => {
      this.#process.stdin.write(`${JSON.stringify(statement)}\n`);
      const { columns, rows, error } = (await this.#line()) as {
        columns?: [string, string][];
        rows?: (string | null)[][];
        error?: string;
      };
      if (error !== undefined) return { error: { error_code: 'BAD_REQUEST', message: error } };
      return { columns: columns ?? [], chunks: [rows ?? []] };
    });
    this.#last = answer;
    return answer;
  }

  [Symbol.dispose](): void {
    this.#process.kill('SIGKILL');
  }
}

describe.runIf(python)('changes that Spark gives', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'warehouse-changes-'));
  const lake = path.join(folder, 'lake');
  mkdirSync(lake);
  let engine: Engine;
  let spark: Spark;
  let server: WarehouseServer;
  beforeAll(async () => {
    engine = await openEngine();
    spark = new Spark(folder);
    server = await WarehouseServer.start((statement) => spark.run(statement));
    await run('select 1');
  }, 300_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    spark?.[Symbol.dispose]();
    await engine?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(statement: string): Promise<void> {
    const { error } = await spark.run(statement);
    if (error) throw new Error(`${statement}: ${error.message}`);
  }

  function open(table: string): Promise<LakeTable> {
    const options = {
      uri: server.uri,
      catalog: 'dbx',
      token: server.token,
      warehouseId: 'w',
      timeoutMs: 120_000,
      attemptsMax: 1,
    };
    const catalog = sqlCatalog({ server: warehouseServer(options, 'spark_catalog'), engine, spoolBytesMax: 2 ** 26 });
    return catalog.open({ catalog: 'dbx', schema: 'default', table });
  }

  it(`${HISTORIES} random histories`, { timeout: 300_000 + HISTORIES * 60_000 }, async () => {
    const seed = propertySeed('changes that Spark gives');
    const connection = await engine.connect();
    try {
      const found = await checkEngineHistories(
        {
          connection,
          folder: lake,
          open: async (name) => {
            await run(`create table default.${name} using delta location '${path.join(lake, name)}'`);
            return open(name);
          },
          // The writer of the tests leaves out what Spark needs of removed files, now and then.
          refused:
            /REMOTE_CHANGES_GONE[\s\S]*MISSING_EXTENDED_METADATA|(?:REMOTE_CHANGES_GONE|COLUMN_\w+_NOT_SUPPORTED)[\s\S]*(?:rename|drop)/,
        },
        { seed, histories: HISTORIES, commits: COMMITS },
      );
      console.info(found);
      expect(found.compared).toBeGreaterThan(HISTORIES);
    } finally {
      connection.closeSync();
    }
  });

  it('refuses what is gone, which Spark would leave out, and another table under the name', async () => {
    const insert = (ids: string) => run(`insert into default.gone values ${ids}`);
    const create = `create table default.gone (id bigint) using delta location '${lake}/gone' tblproperties (delta.enableChangeDataFeed = true, delta.checkpointInterval = 1)`;
    await run(create);
    await insert('(1)');
    const table = await open('gone');
    const bookmark = (await table.changeFeed?.bookmark()) ?? '';
    const { tableId } = await table.describe();
    await insert('(2)');
    await insert('(3)');
    const changes = (more = {}) => table.changeFeed?.changes({ from: 1n, bookmark, allowFileDiff: false, ...more });
    {
      await using found = await changes();
      await found?.fetch();
      expect(await found?.countRows()).toBe(2n);
      await using some = await changes({ to: 2n });
      await some?.fetch();
      expect(await some?.countRows()).toBe(1n);
    }
    rmSync(path.join(lake, 'gone/_delta_log/00000000000000000002.json'));
    await expect(changes()).rejects.toMatchObject({ code: 'REMOTE_CHANGES_GONE' });

    await run('drop table default.gone');
    rmSync(path.join(lake, 'gone'), { recursive: true });
    await run(create);
    for (const ids of ['(11)', '(12)', '(13)', '(14)']) await insert(ids);
    const again = await open('gone');
    const refused = await again.changeFeed
      ?.changes({ from: 1n, bookmark, allowFileDiff: false })
      .catch((error) => error);
    expect(refused).toMatchObject({ code: 'SOURCE_HISTORY_REWRITTEN' });
    const replaced = again.changeFeed?.changes({ from: 1n, bookmark, allowFileDiff: false, tableId });
    await expect(replaced).rejects.toMatchObject({ code: 'SOURCE_TABLE_REPLACED' });

    await run('create view default.seen as select 1 as id');
    const view = await open('seen');
    expect(view.changeFeed).toBe(null);
    expect(String(view.whyWithoutChanges?.())).toMatch(/views have none/);
  }, 300_000);
});
