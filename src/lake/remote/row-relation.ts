import { quoteIdentifier } from '../../core/names.js';
import type { Engine } from '../engine/duckdb-engine.js';
import { nullOf } from '../parquet/project-column.js';
import type { Relation, RemoteParts } from '../relation/relation.js';
import type { RemoteColumn, RowScan } from './row-source.js';
import { streamedParts } from './streamed-parts.js';

export interface RowRelationOptions {
  readonly tableName: string;
  readonly engine: Engine;
  /** Bytes of rows on the disk at once, on their way to the engine. */
  readonly spoolBytesMax: number;
}

/** What a server is asked for: the columns in their order, and how they come. */
export interface ScannedRows {
  readonly columns: readonly RemoteColumn[];
  readonly scan: RowScan;
}

/** The rows that a server gives, as SQL of the engine. */
export function rowRelation(
  { tableName, engine, spoolBytesMax }: RowRelationOptions,
  { columns, scan }: ScannedRows,
): Relation & { readonly remote: RemoteParts } {
  return {
    parts: [],
    rowCount: null,
    remote: streamedParts({
      tableName,
      scratchFolder: engine.scratchFolder,
      bytesMax: spoolBytesMax,
      format: scan.format,
      begin: () => scan.begin(),
      selectNone: selectNone(columns),
      select: (file, longest) => selectOf(columns, scan.format.read(file, columns.length, longest)),
    }),
    [Symbol.asyncDispose]: () => scan[Symbol.asyncDispose](),
  };
}

function selectOf(columns: readonly RemoteColumn[], rows: string): string {
  const values = columns.map(({ field, value }, at) => `${value(`raw${at}`)} as ${quoteIdentifier(field.name)}`);
  return `select ${values.join(', ') || 'null as nothing'} from ${rows}`;
}

/** The same columns without rows. */
export function selectNone(columns: readonly RemoteColumn[]): string {
  const nulls = columns.map(({ field: { name, type } }) => `${nullOf(type)} as ${quoteIdentifier(name)}`);
  return `select ${nulls.join(', ') || 'null as nothing'} where false`;
}
