import { readFileSync } from 'node:fs';
import path from 'node:path';
import { sharedData } from './shared-data.js';

/** A row of a vector: JSON values by column. */
export type VectorRow = Readonly<Record<string, unknown>>;

/** A batch: events, a snapshot, a change by hand, or the word that there is no snapshot. */
export type VectorBatch =
  | readonly VectorRow[]
  | { readonly version: number | string; readonly rows: readonly VectorRow[] }
  | {
      readonly dml: 'insert' | 'update' | 'delete';
      readonly row?: VectorRow;
      readonly where?: VectorRow;
      readonly set?: VectorRow;
    }
  | null;

export interface FlowVector {
  readonly name: string;
  readonly api: 'apply_changes' | 'apply_changes_from_snapshot';
  readonly columns: readonly (readonly [string, string])[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly batches: readonly VectorBatch[];
  readonly expected: readonly VectorRow[];
  readonly expected_after_each_batch?: readonly (readonly VectorRow[])[];
  readonly expected_metrics_per_batch?: readonly {
    readonly num_upserted_rows: number;
    readonly num_deleted_rows: number;
  }[];
  readonly expect_error?: string;
  readonly expect_definition_error?: string;
  readonly fails_at_batch?: number;
  readonly version_type?: string;
  readonly origin: string;
}

export interface DefinitionError extends Pick<FlowVector, 'name' | 'api' | 'columns' | 'options'> {
  readonly expect_definition_error: string;
}

/** The vectors of Auto CDC beside the repository; null where they are missing. */
export function flowVectors(): { vectors: readonly FlowVector[]; errors: readonly DefinitionError[] } | null {
  const folder = sharedData();
  if (folder === null) return null;
  const text = readFileSync(path.join(folder, 'autocdc', 'vectors.json'), 'utf8');
  const { vectors, definition_errors: errors } = JSON.parse(text) as {
    vectors: FlowVector[];
    definition_errors: DefinitionError[];
  };
  return { vectors, errors };
}

/** Rows in an order of their own: members of objects too. */
export function normalized(rows: readonly VectorRow[]): string[] {
  return rows.map((row) => JSON.stringify(sortedMembers(row))).sort();
}

function sortedMembers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, member]) => [name, sortedMembers(member)]),
  );
}
