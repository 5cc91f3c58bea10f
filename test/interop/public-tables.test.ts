import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Field } from '../../src/core/data-type.js';
import { SyncedTablesError } from '../../src/core/errors.js';
import { quoteIdentifier } from '../../src/core/names.js';
import { canBeKey } from '../../src/core/postgres-type.js';
import type { TargetColumn } from '../../src/core/synced-table.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import type { Cell } from '../support/cell.js';
import { expectSameRows, storeCells } from '../support/compare-tables.js';
import { readFixtureLines } from '../support/fixture-rows.js';
import { type LoadedTable, loadLakeTable } from '../support/load-lake-table.js';
import { postgresServers } from '../support/postgres.js';
import { readRawTable } from '../support/replay-json-log.js';
import { sharedData } from '../support/shared-data.js';
import { readExpectations } from '../support/shared-expectations.js';
import { shippedRows } from '../support/shipped-rows.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: every public table, synced as users sync it, has the cells that deltalake reads from it, `verify` says that they
// are equal, and says that they are not as soon as one cell is another. What deltalake cannot read is compared with the
// rows that its suite ships or that a naive reader finds; what the product refuses is told with its code.

const run = promisify(execFile);
const INSTALL_MS_MAX = 600_000;
const READ_MS_MAX = 600_000;
/** Columns of a key that is looked for. */
const KEY_COLUMNS_MAX = 3;

const shared = sharedData();
const names = readExpectations().map(([name]) => name);
const python =
  shared === null
    ? null
    : await run(
        path.join(import.meta.dirname, 'install-deltalake.sh'),
        [path.join(tmpdir(), 'synced-tables-deltalake')],
        { timeout: INSTALL_MS_MAX },
      ).then(
        ({ stdout }) => stdout.trim(),
        (error: Error) => {
          process.stderr.write(`public-tables.test.ts is skipped: deltalake cannot be installed (${error.message})\n`);
          return null;
        },
      );

/** Copies of the tables below `tables`, and what deltalake reads from them below `read`. */
const folder = python === null ? '' : mkdtempSync(path.join(tmpdir(), 'public-tables-'));
const tables = path.join(folder, 'public');
const read = mkdtempSync(path.join(tmpdir(), 'public-tables-read-'));

/** A name that needs no quoting anywhere. */
const plainName = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '_');

/** What became of one table. */
type Outcome =
  | { readonly kind: 'deltalake' | 'expectations'; readonly rows: number; readonly note: string }
  | { readonly kind: 'refused'; readonly code: string };

describe.skipIf(python === null).each(postgresServers())('public tables on $name', (server) => {
  const outcomes = new Map<string, Outcome>();
  let verified = 0;
  let lake: SyncedLake;
  let engine: Engine;
  beforeAll(async () => {
    if (!existsSync(tables)) {
      for (const name of names) {
        cpSync(`${shared}/delta/${name}/table`, path.join(tables, plainName(name)), { recursive: true });
      }
      const script = path.join(import.meta.dirname, 'public_tables.py');
      await run(python ?? '', [script, tables, read], { timeout: READ_MS_MAX });
    }
    engine = await openEngine();
    lake = await SyncedLake.create(server);
    await lake.startSidecar({ catalogs: { lake: { kind: 'path', root: folder } } });
  }, INSTALL_MS_MAX);
  afterAll(async () => {
    await lake?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
    console.info(
      `${summary(outcomes)}, ${verified} of them judged right by verify before and after a cell was changed`,
    );
  });

  it.each(names)('%s', { timeout: READ_MS_MAX }, async (name) => {
    const root = path.join(tables, plainName(name));
    await lake.admin.query('drop table if exists loaded, expected');
    const loaded = await loadLakeTable({ engine, client: lake.admin, root, target: 'loaded' }).catch(
      (error: unknown) => error,
    );
    if (loaded instanceof SyncedTablesError) return refuse(name, loaded);
    if (loaded instanceof Error) throw loaded;
    await compare(name, loaded as LoadedTable);
  });

  /** A sync ends with the error that reading ended with. */
  async function refuse(name: string, { code }: SyncedTablesError): Promise<void> {
    const target = `public.${plainName(name)}`;
    const update = await lake.create(target);
    expect(await refusalOf(lake.wait(update))).toMatchObject({ code });
    outcomes.set(name, { kind: 'refused', code });
  }

  async function compare(name: string, { columns, snapshot }: LoadedTable): Promise<void> {
    const independent = readByDeltalake(name, snapshot.columns);
    const shippedOrRaw = async () => (await shippedRows(name, 'latest', snapshot.columns)) ?? readRawTable(snapshot);
    const cells = independent.cells ?? (await shippedOrRaw());
    await storeCells(lake.admin, 'expected', columns, cells);
    await expectSameRows(lake.admin, 'loaded', 'expected', columns);
    const note = [independent.reason, await compareSynced(name, columns)].filter(Boolean).join('; ');
    outcomes.set(name, { kind: independent.cells ? 'deltalake' : 'expectations', rows: cells.length, note });
  }

  /** Compares the synced table as well, and what `verify` says of it; returns what is special. */
  async function compareSynced(name: string, columns: readonly TargetColumn[]): Promise<string> {
    const key = await findKey(columns);
    const target = `public.${plainName(name)}`;
    const left = await lake.admin.query(`delete from expected where ${anyNull(key)}`);
    const update = await lake.create(target, { key });
    if (await isRepeated(key)) {
      expect(await refusalOf(lake.wait(update))).toMatchObject({ code: 'PRIMARY_KEY_CONSTRAINT_VIOLATION' });
      return 'whole rows are repeated: loaded, but no synced table';
    }
    await lake.wait(update);
    await expectSameRows(lake.admin, target, 'expected', columns);
    expect(await verify(target)).toMatchObject({ state: 'COMPLETED', is_equal: true, differences: [] });
    await changeOneCell(target, key, columns);
    const verification = await verify(target);
    expect(verification).toMatchObject({ state: 'COMPLETED', is_equal: false });
    expect(verification.differences).not.toEqual([]);
    verified += 1;
    return left.rowCount ? `${left.rowCount} rows without a key` : '';
  }

  /** The fewest columns that tell all rows apart, preferably without nulls; all columns where none do. */
  async function findKey(columns: readonly TargetColumn[]): Promise<string[]> {
    const possible = columns.filter(({ field }) => canBeKey(field)).map(({ field }) => field.name);
    let withNulls: string[] | null = null;
    for (const key of combinations(possible, KEY_COLUMNS_MAX)) {
      if (await isRepeated(key)) continue;
      if (!(await isFound(anyNull(key)))) return key;
      if (await isFound(`not (${anyNull(key)})`)) withNulls ??= key;
    }
    return withNulls ?? possible;
  }

  /** Whether several of the expected rows have one key. */
  function isRepeated(key: readonly string[]): Promise<boolean> {
    return isFound(`not (${anyNull(key)}) group by ${key.map(quoteIdentifier).join(', ')} having count(*) > 1`);
  }

  async function isFound(where: string): Promise<boolean> {
    return (await lake.admin.query(`select from expected where ${where} limit 1`)).rowCount === 1;
  }

  /** Asks for a comparison and waits for its end. */
  async function verify(target: string): Promise<Record<string, unknown>> {
    const id = await lake.value('select synced_tables.verify($1)', [target]);
    const wait = lake.admin.query(`call synced_tables.wait_for_verification('${id}', interval '150 s')`);
    await wait.catch(() => undefined);
    const { rows } = await lake.admin.query('select * from synced_tables.verifications where verification_id = $1', [
      id,
    ]);
    return rows[0];
  }

  /** Past the guard, as only a superuser may: one value of one row, or a row where there is none. */
  async function changeOneCell(target: string, key: readonly string[], columns: readonly TargetColumn[]) {
    const part = await lake.value(`select databricks_auth.sole_partition('${target}'::regclass)::regclass::text`);
    const others = columns.filter(({ field }) => !key.includes(field.name)).map(({ field }) => field.name);
    const changes = others.map((column) => {
      const name = quoteIdentifier(column);
      return `update ${part} set ${name} = null where ctid = (select ctid from ${part} where ${name} is not null limit 1)`;
    });
    // Where all other values are null, or there are none.
    const [name, type] = [
      quoteIdentifier(key[0] ?? ''),
      columns.find(({ field }) => field.name === key[0])?.postgresType,
    ];
    const other = type === 'text' ? `${name} || ' changed'` : `(select max(${name}) + 1 from ${part})`;
    changes.push(
      `update ${part} set ${name} = ${other} where ctid = (select ctid from ${part} limit 1)`,
      `insert into ${part} (${key.map(quoteIdentifier).join(', ')}) values (${key.map(() => "'1'").join(', ')})`,
    );
    await lake.admin.query('set role databricks_sync');
    try {
      for (const change of changes) if ((await lake.admin.query(change)).rowCount) return;
    } finally {
      await lake.admin.query('reset role');
    }
    throw new Error('nothing could be changed');
  }
});

afterAll(() => {
  for (const each of [folder, read]) if (each !== '') rmSync(each, { recursive: true, force: true });
});

/** The rows that deltalake reads, or why there are none. */
function readByDeltalake(name: string, columns: readonly Field[]): { cells: Cell[][] | null; reason: string } {
  const file = path.join(read, plainName(name));
  if (existsSync(`${file}.jsonl`)) return { cells: readFixtureLines(`${file}.jsonl`, columns), reason: '' };
  return { cells: null, reason: `deltalake: ${readFileSync(`${file}.error`, 'utf8').slice(0, 120)}` };
}

const anyNull = (columns: readonly string[]) =>
  columns.map((column) => `${quoteIdentifier(column)} is null`).join(' or ');

/** Lists of up to `size` of the items, short ones first. */
function combinations(items: readonly string[], size: number): string[][] {
  const lists: string[][] = [[]];
  for (const item of items) {
    for (const list of [...lists]) if (list.length < size) lists.push([...list, item]);
  }
  return lists.filter((list) => list.length > 0).sort((a, b) => a.length - b.length);
}

function summary(outcomes: ReadonlyMap<string, Outcome>): string {
  const of = (kind: Outcome['kind']) => [...outcomes].filter(([, outcome]) => outcome.kind === kind);
  const compared = [...outcomes].filter(([, { kind }]) => kind !== 'refused');
  const lines = [...outcomes].map(([name, outcome]) => {
    return outcome.kind === 'refused'
      ? `  ${name}: refused, ${outcome.code}`
      : `  ${name}: ${outcome.rows} rows equal ${outcome.kind}${outcome.note ? ` (${outcome.note})` : ''}`;
  });
  return [
    ...lines,
    `${outcomes.size} tables: ${of('deltalake').length} compared with deltalake, ${of('expectations').length} with expectations, ` +
      `${of('refused').length} refused; ${compared.length} equal`,
  ].join('\n');
}
