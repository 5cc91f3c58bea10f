import { asSyncedTablesError } from '../../src/core/errors.js';
import type { ChangeFeed, ChangeRelation } from '../../src/lake/changes/change-relation.js';
import type { Engine } from '../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import type { SourceSnapshot } from '../../src/lake/source-snapshot.js';
import { readIcebergRows } from './iceberg-rows.js';

export function feedOf({ changeFeed, name }: LakeTable): ChangeFeed {
  if (changeFeed === null) throw new Error(`${name} has no history`);
  return changeFeed;
}

/** Changes as texts, sorted: a sign, then the row. */
export async function toldChanges(engine: Engine, changes: ChangeRelation): Promise<string[]> {
  await using _ = changes;
  await changes.fetch();
  const values = changes.end.columns.map(({ name }) => `coalesce("${name}"::varchar, '∅')`).join(`, '|', `);
  const reader = await engine.connect();
  try {
    const sign = `if(_change_type = 'insert', '+', '-')`;
    const read = await reader.runAndReadAll(`select concat(${sign}, ${values}) from (${changes.select})`);
    return read.getRowsJson().map(String).sort();
  } finally {
    reader.closeSync();
  }
}

/**
 * Adds the changes of each range of versions to the rows of its beginning.
 * @throws Error for the first range where that does not make the rows of its end
 */
export async function compareRanges(table: LakeTable): Promise<{ readonly ranges: number }> {
  const { commits } = await table.details();
  const versions: bigint[] = [];
  for (const { version } of [...commits].reverse()) {
    // What was published of a table need not be whole.
    const isThere = await table.snapshot(version).then(
      () => true,
      (error) => asSyncedTablesError(error)?.code !== 'SOURCE_FILE_MISSING',
    );
    if (isThere) versions.push(version);
  }
  let ranges = 0;
  for (const from of [0n, ...versions]) {
    for (const to of versions.filter((version) => version > from)) {
      const changes = await feedOf(table).changes({ from, to, allowFileDiff: true, schemaPolicy: 'follow' });
      const end = await readIcebergRows(table, { version: to });
      const rows = new Map<string, number>();
      const add = (row: string, times: number) => rows.set(row, (rows.get(row) ?? 0) + times);
      for (const row of from === 0n ? [] : await rowsAsOf(table, from, end.snapshot)) add(row, 1);
      for (const change of await toldChanges(table.engine, changes)) {
        add(change.slice(1), change.startsWith('+') ? 1 : -1);
      }
      for (const row of end.rows) add(row, -1);
      const wrong = [...rows].filter(([, times]) => times !== 0);
      if (wrong.length > 0) throw new Error(`${from} to ${to}: ${JSON.stringify(wrong)}`);
      ranges++;
    }
  }
  return { ranges };
}

/** Rows of a version, as the columns of a later one show them. */
async function rowsAsOf(table: LakeTable, version: bigint, end: SourceSnapshot): Promise<string[]> {
  const snapshot = await table.snapshot(version);
  const ofEnd = { ...snapshot, columns: end.columns, state: (end as SourceSnapshot & { state: unknown }).state };
  return (await readIcebergRows({ ...table, snapshot: async () => ofEnd })).rows;
}
