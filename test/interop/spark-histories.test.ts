import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: tables that Spark writes by MERGE, UPDATE, DELETE, OPTIMIZE, RESTORE and the rest have, after any subset of
// syncs, the rows that Spark itself reads from the same version.
//
// Part of `npm run test:interop`. SPARK_PYTHON names a Python that has pyspark and delta-spark, for example of a virtual environment with
// test/fixtures/requirements.txt; without it the test is skipped. SPARK_HISTORIES: how many (default 10).

const python = process.env.SPARK_PYTHON;
if (!python) console.info('skipped: SPARK_PYTHON names no Python with delta-spark');
const HISTORIES = Number(process.env.SPARK_HISTORIES ?? 10);
const COMMITS = 12;
/** What changes cannot be followed through; a full refresh is the way out. */
const STOPPING = /^(COLUMN_\w+_NOT_SUPPORTED|SOURCE_LAYOUT_CHANGED)$/;

interface About {
  readonly properties: Readonly<Record<string, string>>;
  readonly partitioned: boolean;
  readonly log: readonly string[];
  readonly version: number;
}

const [server] = postgresServers().slice(-1);

describe.runIf(python && server)('tables that Spark writes', () => {
  const seed = propertySeed('histories by Spark');
  let lake: SyncedLake;
  let folder: string;
  beforeAll(async () => {
    if (!python || !server) return;
    lake = await SyncedLake.create(server);
    folder = path.join(lake.lake.root, 'spark');
    const script = path.join(import.meta.dirname, 'spark_histories.py');
    execFileSync(python, [script, folder, String(HISTORIES), String(COMMITS), String(seed)], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    await lake.startSidecar();
  }, 3_600_000);
  afterAll(() => lake?.[Symbol.asyncDispose]());

  /** Rows that only one of the two has. */
  async function differences(target: string, name: string, version: number): Promise<string | null> {
    const rows = readFileSync(path.join(folder, `${name}.expected`, `${version}.jsonl`), 'utf8').split('\n');
    return lake.value(
      `with expected as (select r::jsonb as r from unnest($1::text[]) r where r <> ''),
            found as (select to_jsonb(t) as r from ${target} t)
       select count(*) from ((table expected except all table found) union all (table found except all table expected)) d`,
      [rows],
    );
  }

  const runs = Array.from({ length: HISTORIES }, (_, run) => run);

  it.each(runs)('equal what Spark reads (history %i)', { timeout: 300_000 }, async (run) => {
    const random = new Random(seed + run);
    const name = `h${run}`;
    const target = `spark.${name}`;
    const about = JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8')) as About;
    const log = path.join(folder, name, '_delta_log');
    const hidden = path.join(folder, `${name}.later`);
    mkdirSync(hidden);
    for (const file of readdirSync(log)) renameSync(path.join(log, file), path.join(hidden, file));
    let shown = -1;
    const show = (version: number) => {
      for (const file of readdirSync(hidden)) {
        const at = /^(\d{20})\./.exec(file)?.[1];
        if (at !== undefined && Number(at) <= version) renameSync(path.join(hidden, file), path.join(log, file));
      }
      shown = version;
    };
    show(1 + random.below(2));
    const hasFeed = about.properties['delta.enableChangeDataFeed'] === 'true';
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table($1, $2, array['id'], scheduling_policy => 'TRIGGERED',
                                                allow_file_diff => $3) as id`,
      [target, `lake.${target}`, !hasFeed],
    );
    await lake.wait(rows[0]?.id ?? '');
    const methods: (string | null)[] = [];
    for (;;) {
      const context = `seed ${seed}, ${JSON.stringify(about, null, 1)}\n${methods.join(' ')}`;
      expect((await lake.status(target)).synced_version, context).toBe(String(shown));
      expect(await differences(target, name, shown), `version ${shown}\n${context}`).toBe('0');
      if (shown === about.version) break;
      show(Math.min(about.version, shown + 1 + random.below(3)));
      const update = await lake.requestSync(target);
      const failure = await lake.wait(update).then(
        () => null,
        (error: unknown) => error,
      );
      methods.push((await lake.update(update)).method);
      if (failure === null) continue;
      const refusal = await refusalOf(Promise.reject(failure));
      expect(refusal.code, `${refusal.message}\n${context}`).toMatch(STOPPING);
      methods.push((await lake.sync(target, true)).method);
    }
    console.info(`history ${run}: ${methods.join(' ')}`);
  });
});
