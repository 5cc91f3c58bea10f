import { type DuckDBDecimalType, type DuckDBResult, DuckDBTypeId } from '@duckdb/node-api';
import type { BinaryForm } from './binary-form.js';
import type { ColumnWriter } from './column-writer.js';
import { FixedWriter } from './fixed-writer.js';
import { NumericWriter } from './numeric-writer.js';
import { TextWriter } from './text-writer.js';

/** The types of the engine that have the memory which a form is made from. */
const ENGINE_TYPES: Readonly<Record<BinaryForm, readonly DuckDBTypeId[]>> = {
  bool: [DuckDBTypeId.BOOLEAN],
  int2: [DuckDBTypeId.SMALLINT],
  int4: [DuckDBTypeId.INTEGER],
  int8: [DuckDBTypeId.BIGINT, DuckDBTypeId.TIME],
  float4: [DuckDBTypeId.FLOAT],
  float8: [DuckDBTypeId.DOUBLE],
  numeric: [DuckDBTypeId.DECIMAL],
  text: [DuckDBTypeId.VARCHAR, DuckDBTypeId.BLOB],
  jsonb: [DuckDBTypeId.VARCHAR],
  uuid: [DuckDBTypeId.UUID],
  interval: [DuckDBTypeId.INTERVAL],
};

/** Writers for the columns of a result. Its types are checked: memory is read as what they say it is. */
export function tupleWriters(result: DuckDBResult, forms: readonly BinaryForm[]): ColumnWriter[] {
  if (result.columnCount !== forms.length) throw new Error(`${result.columnCount} columns instead of ${forms.length}`);
  return forms.map((form, column) => {
    const type = result.columnTypeId(column);
    if (!ENGINE_TYPES[form].includes(type)) {
      throw new Error(`column ${column + 1} is ${DuckDBTypeId[type]}, which has no form ${form}`);
    }
    if (form === 'text' || form === 'jsonb') return new TextWriter(form);
    if (form !== 'numeric') return new FixedWriter(form);
    const { width, scale } = result.columnType(column) as DuckDBDecimalType;
    return new NumericWriter(width, scale);
  });
}
