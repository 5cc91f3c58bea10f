import type { DataType } from '../../../core/data-type.js';
import { duckDbType } from '../../../lake/engine/duckdb-type.js';
import { isTemporal, postgresTemporalText, unlessInfinite } from '../../../lake/engine/temporal-text.js';

/** One staged value: SQL over a row `r`, and its type. */
export interface StagedValue {
  readonly sql: string;
  readonly type: DataType;
}

/**
 * The staged form of what an expression or a query gives. The engine computes with its infinities, so that one of them
 * need no longer be the last microsecond of a file: it is refused, unless the source has infinities of its own.
 */
export function computedValue(value: string, type: DataType, hasInfinities: boolean): StagedValue {
  const sql = `cast(${value} as ${duckDbType(type)})`;
  if (!isTemporal(type.kind)) return { sql, type };
  if (hasInfinities) return { sql: postgresTemporalText(type.kind, sql), type: { kind: 'string' } };
  return { sql: unlessInfinite(sql, sql), type };
}
