import { asSyncedTablesError, SyncedTablesError } from '../../core/errors.js';
import { describeKeys } from '../../core/failing-rows.js';
import { EXAMPLE_KEYS_MAX } from '../../core/format-key.js';
import type { TargetColumn } from '../../core/synced-table.js';
import type { Engine } from '../../lake/engine/duckdb-engine.js';
import { NUL_ERROR_MARK } from '../../lake/engine/nul-error.js';
import type { Relation } from '../../lake/relation/relation.js';
import { keysWithNul } from '../../lake/relation/table-read.js';
import { explainEngineError, explainLoadError } from '../../sync/source/load-errors.js';

export interface ReadContext {
  readonly engine: Engine;
  /** Where to look for the cause; null if it is no longer available. */
  readonly relation: Relation | null;
  readonly table: string;
  /** Columns that identify a row; empty if unknown. */
  readonly keyColumns: readonly string[];
  readonly columns: readonly TargetColumn[];
}

/** Explains with a catalogued error why rows could not be read, as a sync does. */
export async function explainReadError(error: unknown, context: ReadContext): Promise<unknown> {
  const { relation, table, columns } = context;
  const known = asSyncedTablesError(error);
  if (known) return known;
  const nulColumn = new RegExp(`${NUL_ERROR_MARK}(\\d+);`).exec(error instanceof Error ? error.message : '')?.[1];
  if (nulColumn !== undefined) return explainNul(Number(nulColumn), error, context);
  if (relation === null) return explainEngineError(error, table);
  return explainLoadError(error, {
    ...context,
    relation,
    table: { ...context, source: table, fullName: table, rowFilter: null },
    columns,
  });
}

async function explainNul(index: number, error: unknown, context: ReadContext): Promise<SyncedTablesError> {
  const { engine, relation, table, keyColumns } = context;
  const field = context.columns[index]?.field;
  const connection = await engine.connect();
  try {
    const keys = field && relation ? await keysWithNul(connection, relation, field, keyColumns, EXAMPLE_KEYS_MAX) : [];
    const failing = { column: field?.name ?? null, keys };
    return new SyncedTablesError(
      'CHARACTER_NOT_IN_REPERTOIRE',
      `Column "${field?.name}" of source table ${table} holds NUL characters, which Postgres cannot store${describeKeys(failing)}.`,
      'Remove them in the source, or read with --invalid-characters strip, which leaves them out.',
      error,
      failing,
    );
  } finally {
    connection.closeSync();
  }
}
