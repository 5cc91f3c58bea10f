import type { DuckDBConnection } from '@duckdb/node-api';
import { VARCHAR } from '@duckdb/node-api';
import type { Field } from '../../../core/data-type.js';
import { quoteLiteral } from '../../../core/names.js';
import { duckDbType } from '../../engine/duckdb-type.js';
import { isTemporal } from '../../engine/temporal-text.js';
import { nullOf } from '../../parquet/project-column.js';
import type { DeltaFile } from '../snapshot/delta-snapshot.js';

/**
 * Creates a table with the partition values of `files` as text: `file_index` is the file's place in the list, `v0`,
 * `v1` … are the values in the order of `columns`. An empty string is null for every type (Delta protocol,
 * "Partition Value Serialization").
 */
export async function createPartitionTable(
  connection: DuckDBConnection,
  table: string,
  columns: readonly Field[],
  files: readonly DeltaFile[],
): Promise<void> {
  await connection.run(
    `create table ${table} (file_index ubigint, ${columns.map((_, index) => `v${index} varchar`).join(', ')})`,
  );
  const [schema, name] = table.split('.') as [string, string];
  const appender = await connection.createAppender(name, schema);
  for (const [index, file] of files.entries()) {
    appender.appendUBigInt(BigInt(index));
    for (const column of columns) {
      const text = file.partitionValues.get(column.physicalName);
      appender.appendValue(text ? partitionText(column, text) : null, VARCHAR);
    }
    appender.endRow();
  }
  appender.closeSync();
}

/** Hex carries binary values through a text column. */
export function partitionText(column: Field, text: string): string {
  if (column.type.kind === 'binary') return binaryValue(text).toString('hex');
  return isTemporal(column.type.kind) ? numericText(text) : text;
}

/** The engine reads words such as `infinity`, which no date or timestamp of the lakehouse is: it shall refuse them. */
function numericText(text: string): string {
  return /^\s*[+-]?\d/.test(text) ? text : 'no date';
}

/**
 * The bytes of a binary partition value. Spark writes and reads them as UTF-8 text; delta-rs writes each as the six
 * characters `\u00E9`. The protocol's only example, "\u0001\u0002\u0003", allows both.
 */
function binaryValue(text: string): Buffer {
  const isEscaped = /^(\\u00[0-9A-F]{2})+$/.test(text);
  return isEscaped ? Buffer.from(text.replaceAll('\\u00', ''), 'hex') : Buffer.from(text, 'utf8');
}

/** SQL that reads a partition value's text as the column's type; an invalid text is an error. */
export function partitionValueExpression(column: Field, text: string, timeZone: string): string {
  switch (column.type.kind) {
    case 'string':
      return text;
    case 'binary':
      return `unhex(${text})`;
    case 'void':
      return nullOf(column.type);
    case 'timestamp':
      // `…Z` and `…+02:00` name their zone; anything else is the writer's local time.
      return `case when regexp_matches(${text}, '(Z|[+-][0-9]{2}(:?[0-9]{2})?)$') and contains(${text}, ':')
        then cast(${text} as timestamptz) else timezone(${quoteLiteral(timeZone)}, cast(${text} as timestamp)) end`;
    default:
      return `cast(${text} as ${duckDbType(column.type)})`;
  }
}
