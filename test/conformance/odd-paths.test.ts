import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openEngine } from '../../src/lake/engine/duckdb-engine.js';
import { expectSameRows, storeCells } from '../support/compare-tables.js';
import { readFixtureRows } from '../support/fixture-rows.js';
import { loadLakeTable } from '../support/load-lake-table.js';
import { createTestDatabase, postgresServers } from '../support/postgres.js';

// Goal: names of folders and files that mean something to a glob, to SQL or to a URI are only names. Files that such a
// glob would match as well lie beside them and must not be read.

const FIXTURE = path.resolve(import.meta.dirname, '../fixtures/delta/deltalake-parquet-layouts');
const FOLDERS = [
  'plain',
  'a b',
  '*',
  '[ab]',
  'x?',
  "it's",
  'say "hi"',
  '100%',
  '%20',
  '{a,b}',
  'a+b&c#d',
  'ünï🦆',
  '**',
];
const FILES = ['*.parquet', '[ab].parquet', '?.parquet', "it's.parquet", '%41.parquet', 'a b.parquet', '{a,b}.parquet'];

it.each(FOLDERS)('reads a table in the folder %s', async (folder) => {
  const [server] = postgresServers();
  if (!server) throw new Error('there is no server');
  const root = mkdtempSync(path.join(tmpdir(), 'odd-paths-'));
  try {
    const table = path.join(root, folder);
    cpSync(`${FIXTURE}/table`, table, { recursive: true });
    giveOddNames(table);
    // What `*`, `[ab]` or `x?` would match.
    for (const decoy of ['b', 'xy']) cpSync(table, path.join(root, decoy), { recursive: true });

    await using database = await createTestDatabase(server);
    await using engine = await openEngine();
    const client = await database.connect();
    const { columns, rows } = await loadLakeTable({ engine, client, root: table, target: 'actual', parts: 2 });
    const cells = readFixtureRows(
      `${FIXTURE}/expected.json`,
      columns.map((column) => column.field),
    );
    expect(rows).toBe(BigInt(cells.length));
    await storeCells(client, 'expected', columns, cells);
    await expectSameRows(client, 'actual', 'expected', columns);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

/** Renames the first data files, on disk and, percent-encoded, in the log; copies of them become decoys. */
function giveOddNames(table: string): void {
  const log = path.join(table, '_delta_log', '00000000000000000001.json');
  let text = readFileSync(log, 'utf8');
  const plain = readdirSync(table).filter((name) => name.endsWith('.parquet'));
  for (const [n, odd] of FILES.entries()) {
    const name = plain[n] ?? '';
    renameSync(path.join(table, name), path.join(table, odd));
    text = text.replace(`"path":"${name}"`, `"path":${JSON.stringify(encodeURIComponent(odd))}`);
  }
  writeFileSync(log, text);
  mkdirSync(path.join(table, 'a'), { recursive: true });
  for (const decoy of ['a.parquet', 'b.parquet', 'A.parquet', 'a/b.parquet']) {
    cpSync(path.join(table, '*.parquet'), path.join(table, decoy));
  }
}
