import type { DuckDBConnection } from '@duckdb/node-api';
import { asSyncedTablesError } from '../../core/errors.js';
import { quoteIdentifier } from '../../core/names.js';
import { postgresType } from '../../core/postgres-type.js';
import type { CatalogSet } from '../../lake/catalog/catalog.js';
import { eachPart } from '../../lake/relation/relation-pass.js';
import { copySelect } from '../../lake/relation/table-read.js';
import { explainEngineError } from './load-errors.js';

/** Characters of a value that a sample shows. */
const SAMPLE_VALUE_LENGTH_MAX = 1_000;

/** Some rows of a source, in no particular order. */
export interface SourceSample {
  readonly version: bigint | null;
  /** Those that have a Postgres type, in order. */
  readonly columns: readonly string[];
  /** Each value as Postgres would print it, without its NUL characters; null for NULL. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** Whether a value was longer than SAMPLE_VALUE_LENGTH_MAX and was cut. */
  readonly isCut: boolean;
}

export interface SampleRequest {
  readonly name: string;
  /** How many rows, at most. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

/**
 * Reads a few rows of the newest version of a source table: of the first files only.
 * @throws what opening and reading the table throw
 */
export async function sampleSource(
  catalogs: CatalogSet,
  { name, limit, signal }: SampleRequest,
): Promise<SourceSample> {
  const lakeTable = await catalogs.open(name);
  const snapshot = await lakeTable.snapshot();
  const columns = snapshot.columns.filter((field) => postgresType(field.type) !== null);
  const sample = { version: snapshot.version, columns: columns.map((field) => field.name) };
  if (columns.length === 0) return { ...sample, rows: [], isCut: false };
  const read = {
    columns,
    keyColumns: [],
    timeseriesKey: null,
    invalidCharacters: 'strip',
    format: 'csv',
    limit: BigInt(limit),
  } as const;
  try {
    await using relation = await lakeTable.openRelation({ ...snapshot, columns }, 1);
    const connection = await lakeTable.engine.connect();
    const interrupt = () => connection.interrupt();
    signal.addEventListener('abort', interrupt, { once: true });
    try {
      const rows: (string | null)[][] = [];
      for await (const part of eachPart(relation, signal)) {
        rows.push(...(await readTexts(connection, copySelect(part, read), sample.columns)));
        if (rows.length >= limit) break;
      }
      await relation.requireUnchanged?.();
      return { ...sample, ...cut(rows.slice(0, limit)) };
    } finally {
      signal.removeEventListener('abort', interrupt);
      connection.closeSync();
    }
  } catch (error) {
    signal.throwIfAborted();
    throw asSyncedTablesError(error) ?? explainEngineError(error, name);
  }
}

async function readTexts(
  connection: DuckDBConnection,
  select: string,
  columns: readonly string[],
): Promise<(string | null)[][]> {
  // One character more than is shown tells that there is more.
  const texts = columns.map((name) => `left(${quoteIdentifier(name)}::varchar, ${SAMPLE_VALUE_LENGTH_MAX + 1})`);
  const result = await connection.runAndReadAll(`select ${texts.join(', ')} from (${select})`);
  return result.getRows() as (string | null)[][];
}

function cut(rows: readonly (readonly (string | null)[])[]): Pick<SourceSample, 'rows' | 'isCut'> {
  const isLong = (value: string | null) => value !== null && value.length > SAMPLE_VALUE_LENGTH_MAX;
  return {
    rows: rows.map((row) =>
      row.map((value) => (isLong(value) ? `${value?.slice(0, SAMPLE_VALUE_LENGTH_MAX)}…` : value)),
    ),
    isCut: rows.some((row) => row.some(isLong)),
  };
}
