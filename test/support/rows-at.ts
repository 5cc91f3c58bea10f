import type { DuckDBConnection } from '@duckdb/node-api';
import { identifierList } from '../../src/core/names.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import { holdWhole } from '../../src/lake/relation/relation-pass.js';

/** The rows of a table at a version, in order. */
export async function rowsAt(connection: DuckDBConnection, table: LakeTable, version: bigint): Promise<unknown[][]> {
  const snapshot = await table.snapshot(version);
  await using relation = await table.openRelation(snapshot, 2);
  await using whole = await holdWhole(relation);
  const names = identifierList(snapshot.columns.map(({ name }) => name));
  return (
    await connection.runAndReadAll(`select ${names} from (${whole.select}) order by all`)
  ).getRowsJson() as unknown[][];
}
