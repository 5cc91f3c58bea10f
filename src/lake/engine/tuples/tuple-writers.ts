import { type DuckDBDecimalType, type DuckDBResult, DuckDBTypeId } from '@duckdb/node-api';
import { assertNever } from '../../../core/assert-never.js';
import type { BinaryColumn, BinaryForm } from './binary-form.js';
import type { ColumnWriter } from './column-writer.js';
import { convertDate, convertFloat4, convertFloat8, convertTimestamp, convertUuid } from './conversions.js';
import { FixedWriter } from './fixed-writer.js';
import { NumericWriter } from './numeric-writer.js';
import { TextWriter } from './text-writer.js';

/** The types of the engine that have the memory which a form is made from. */
const ENGINE_TYPES: Readonly<Record<BinaryForm, readonly DuckDBTypeId[]>> = {
  bool: [DuckDBTypeId.BOOLEAN],
  int2: [DuckDBTypeId.SMALLINT],
  int4: [DuckDBTypeId.INTEGER],
  int8: [DuckDBTypeId.BIGINT],
  float4: [DuckDBTypeId.FLOAT],
  float8: [DuckDBTypeId.DOUBLE],
  numeric: [DuckDBTypeId.DECIMAL],
  text: [DuckDBTypeId.VARCHAR],
  bytea: [DuckDBTypeId.BLOB],
  jsonb: [DuckDBTypeId.VARCHAR],
  date: [DuckDBTypeId.DATE],
  time: [DuckDBTypeId.TIME],
  timestamp: [DuckDBTypeId.TIMESTAMP, DuckDBTypeId.TIMESTAMP_TZ],
  uuid: [DuckDBTypeId.UUID],
  interval: [DuckDBTypeId.INTERVAL],
};

/** Writers for the columns of a result. Its types are checked: memory is read as what they say it is. */
export function tupleWriters(result: DuckDBResult, columns: readonly BinaryColumn[]): ColumnWriter[] {
  if (result.columnCount !== columns.length) {
    throw new Error(`${result.columnCount} columns instead of ${columns.length}`);
  }
  return columns.map((column, index) => {
    const type = result.columnTypeId(index);
    if (ENGINE_TYPES[column.form].includes(type)) return writerOf(column, result, index);
    throw new Error(`column ${index + 1} is ${DuckDBTypeId[type]}, which has no form ${column.form}`);
  });
}

function writerOf({ form, hasInfinities = false, isNulRefused }: BinaryColumn, result: DuckDBResult, index: number) {
  switch (form) {
    case 'text':
    case 'bytea':
    case 'jsonb':
      return new TextWriter(form, isNulRefused ? index : null);
    case 'numeric': {
      const { width, scale } = result.columnType(index) as DuckDBDecimalType;
      return new NumericWriter(width, scale);
    }
    case 'bool':
      return new FixedWriter(1, null);
    case 'int2':
      return new FixedWriter(2, null);
    case 'int4':
      return new FixedWriter(4, null);
    case 'float4':
      return new FixedWriter(4, convertFloat4);
    case 'date':
      return new FixedWriter(4, convertDate(hasInfinities));
    case 'int8':
    case 'time':
      return new FixedWriter(8, null);
    case 'float8':
      return new FixedWriter(8, convertFloat8);
    case 'timestamp':
      return new FixedWriter(8, convertTimestamp(hasInfinities));
    case 'interval':
      // The engine has months, days and microseconds, Postgres the same from the last to the first: all are turned round at once.
      return new FixedWriter(16, null);
    case 'uuid':
      return new FixedWriter(16, convertUuid);
    default:
      return assertNever(form);
  }
}
