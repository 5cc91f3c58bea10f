import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharingCatalog } from '../../src/lake/catalog/sharing-catalog.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import { TestLake } from '../support/delta-writer.js';
import { readIcebergRows as readRows } from '../support/iceberg-rows.js';
import { sharedData } from '../support/shared-data.js';
import { SharingServer } from '../support/sharing-server.js';

// Goal: the sharing server of the tests is one that Delta Sharing's own client can read, and that reads the same rows and the
// same changes there as we do.

const run = promisify(execFile);
const INSTALL_MS_MAX = 600_000;

const python = await run(
  path.join(import.meta.dirname, 'install-delta-sharing.sh'),
  [path.join(tmpdir(), 'synced-tables-delta-sharing')],
  { timeout: INSTALL_MS_MAX },
).then(
  ({ stdout }) => stdout.trim(),
  (error: Error) => {
    process.stderr.write(`sharing-client.test.ts is skipped: the client cannot be installed (${error.message})\n`);
    return null;
  },
);

describe.skipIf(python === null || sharedData() === null)('the client of Delta Sharing', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sharing-'));
  let engine: Engine;
  let lake: TestLake;
  let server: SharingServer;
  beforeAll(async () => {
    engine = await openEngine();
    lake = await TestLake.create();
    server = await SharingServer.start();
    const feed = { 'delta.enableChangeDataFeed': 'true' };
    const own = await lake.createTable('gold.own', { id: 'long', name: 'string' }, names(0, 100), feed);
    await own.append(names(100, 50));
    const gone = `select 3 as id, 'n3' as name, 'delete' as _change_type`;
    await own.rewriteWithFeed(`select * from (${names(0, 150)}) where id <> 3`, gone);
    server.tables.set('gold.own', { folder: own.folder, hasHistory: true });
    for (const name of [
      'dat-deletion_vectors',
      'dat-column_mapping',
      'dat-basic_partitioned',
      'krs-cdf-table-simple',
    ]) {
      server.tables.set(`gold.${name}`, { folder: `${sharedData()}/delta/${name}/table`, hasHistory: true });
    }
  }, INSTALL_MS_MAX);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await lake?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const names = (from: number, count: number) =>
    `select range as id, 'n' || range as name from range(${from}, ${from + count})`;

  /** What the client makes of a job, as sorted texts of some columns. */
  async function theirs(job: string, columns: readonly string[]): Promise<string[]> {
    const profile = path.join(folder, 'profile.share');
    writeFileSync(profile, server.profile());
    const script = path.join(import.meta.dirname, 'sharing_client.py');
    const { stdout } = await run(python ?? '', [script, profile, folder, job], { timeout: INSTALL_MS_MAX });
    expect(stdout.match(/^sales\.gold\..+$/gm)).toHaveLength(server.tables.size);
    return texts(`read_parquet('${folder}/${job.split('=')[0]}.parquet')`, columns);
  }

  async function texts(from: string, columns: readonly string[]): Promise<string[]> {
    const connection = await engine.connect();
    const values = columns.map((column) => `coalesce("${column}"::varchar, '∅')`).join(`, '|', `);
    const found = await connection.runAndReadAll(`select concat(${values}) from ${from}`);
    connection.closeSync();
    return found
      .getRowsJson()
      .map(([row]) => String(row))
      .sort();
  }

  function ours(table: string): Promise<LakeTable> {
    const patience = { attemptsMax: 1, timeoutMs: 5_000 };
    const credentials = { endpoint: server.endpoint, token: server.token };
    return sharingCatalog({
      client: { catalog: 'shop', share: 'sales', credentials, ...patience },
      allowOutsidePaths: false,
      partitionTimeZone: 'UTC',
      storage: { patience },
      spool: { bytesMax: 1e8, fetchesMax: 4 },
      engine,
    }).open({ catalog: 'shop', schema: 'gold', table });
  }

  it.each([
    ['delta', 'own'],
    ['delta', 'dat-deletion_vectors'],
    ['delta', 'dat-column_mapping'],
    ['delta', 'dat-basic_partitioned'],
    ['parquet', 'own'],
    ['parquet', 'dat-basic_partitioned'],
  ] as const)(
    'reads in the format %s of %s the rows that we read',
    async (format, table) => {
      server.formats = [format];
      const found = await readRows(await ours(table));
      const columns = found.snapshot.columns.map(({ name }) => name);
      expect(await theirs(`${format}_rows=sales.gold.${table}`, columns)).toEqual(found.rows);
    },
    INSTALL_MS_MAX,
  );

  it.each([
    ['parquet', 'own', 2],
    ['delta', 'krs-cdf-table-simple', 2],
  ] as const)(
    'reads in the format %s of %s the changes that we read',
    async (format, table, to) => {
      server.formats = [format];
      const relation = await (await ours(table)).changeFeed?.changes({
        from: 0n,
        to: BigInt(to),
        allowFileDiff: false,
      });
      if (!relation) throw new Error('no changes');
      await using _ = relation;
      await relation.fetch();
      const columns = [...relation.end.columns.map(({ name }) => name), '_change_type', '_commit_version'];
      const found = await texts(`(${relation.select})`, columns);
      expect(found.length).toBeGreaterThan(0);
      expect(await theirs(`${format}_changes=sales.gold.${table}@1-${to}`, columns)).toEqual(found);
    },
    INSTALL_MS_MAX,
  );
});
