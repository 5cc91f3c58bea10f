import type { Engine } from '../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import { holdWhole } from '../../src/lake/relation/relation-pass.js';
import { withConnection } from './with-connection.js';

/**
 * The ids of the rows of a table, in order, and what of its files is read for them.
 * @param meanwhile happens between its snapshot and its reading
 */
export async function idsOf(engine: Engine, table: LakeTable, meanwhile = async () => {}) {
  const snapshot = await table.snapshot();
  await meanwhile();
  await using relation = await table.openRelation(snapshot, 2);
  await using whole = await holdWhole(relation);
  // Awaited here: the files are gone with the relation.
  return await withConnection(engine, async (connection) => {
    const found = await connection.runAndReadAll(`select id from (${whole.select}) order by id`);
    return { ids: found.getRowsJson().map(([id]) => Number(id)), filesRead: relation.filesRead };
  });
}
