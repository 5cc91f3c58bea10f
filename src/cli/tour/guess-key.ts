import { quoteIdentifier } from '../../core/names.js';
import { canBeKey } from '../../core/postgres-type.js';
import type { LakeTable } from '../../lake/lake-table.js';
import { holdWhole } from '../../lake/relation/relation-pass.js';
import type { SourceSnapshot } from '../../lake/source-snapshot.js';

/**
 * The declared key of a source table, or else the first column that could be one: no nulls, all values distinct.
 * Columns named like a key come first. Null if no single column qualifies.
 */
export async function guessKey(lakeTable: LakeTable, snapshot: SourceSnapshot): Promise<string | null> {
  const [declared, ...more] = lakeTable.declared?.primaryKey ?? [];
  if (declared !== undefined && more.length === 0) return declared;
  const relation = await lakeTable.openRelation(snapshot, 1);
  await using _ = relation;
  await using rows = await holdWhole(relation);
  const connection = await lakeTable.engine.connect();
  try {
    const isKeyName = (name: string) => /(^|_)(id|key|uuid)$/i.test(name);
    const names = snapshot.columns.filter(canBeKey).map((field) => field.name);
    for (const name of [...names.filter(isKeyName), ...names.filter((other) => !isKeyName(other))]) {
      const column = quoteIdentifier(name);
      const result = await connection.runAndReadAll(
        `select count(*) > 0 and count(*) = count(distinct ${column}) from (${rows.select})`,
      );
      if (result.getRowsJson()[0]?.[0] === true) return name;
    }
    return null;
  } finally {
    connection.closeSync();
  }
}
