import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../../core/data-type.js';
import { quoteLiteral } from '../../../core/names.js';
import { boundedConditions, possibleSql, typedBounds } from '../../data-files/stated-bounds.js';
import { fileList, groupByParquetSchema, type ParquetFileGroup } from '../../parquet/parquet-schema.js';
import { findColumn } from '../../parquet/project-column.js';
import { BOUNDED_ROWS, boundNames, type HintedCondition } from '../../read-hint.js';
import type { DeltaSnapshot } from '../snapshot/delta-snapshot.js';

interface BoundsOptions<File> {
  /** `footer`: where the engine finds the footer of each. */
  readonly files: readonly File[];
  readonly snapshot: Pick<DeltaSnapshot, 'columns' | 'mappingMode' | 'partitionColumns'>;
  readonly condition: HintedCondition | null;
}

/**
 * The files with a row group in which rows may fulfil the condition, by the least and greatest values and the numbers of
 * nulls that their footers state. What a footer does not state rules nothing out.
 */
export async function filesWithinBounds<File extends { readonly footer: string }>(
  connection: DuckDBConnection,
  { files, snapshot, condition }: BoundsOptions<File>,
): Promise<readonly File[]> {
  const inFiles = snapshot.columns.filter(({ name }) => !snapshot.partitionColumns.includes(name));
  const conditions = boundedConditions(condition, inFiles);
  if (conditions === null || files.length === 0) return files;
  const impossible = new Set<string>();
  const footers = files.map(({ footer }) => footer);
  for (const group of await groupByParquetSchema(connection, footers)) {
    const bounds = conditions.fields.flatMap((field) => boundsOf(field, group, snapshot));
    const found = await connection.runAndReadAll(
      `select file_name from (
         select file_name, any_value(row_group_num_rows) as ${BOUNDED_ROWS}, ${bounds.join(', ')}
           from parquet_metadata(${fileList(group.paths)}) group by file_name, row_group_id)
       group by file_name having not bool_or(${possibleSql(conditions)})`,
    );
    for (const [name] of found.getRowsJson()) impossible.add(String(name));
  }
  return files.filter(({ footer }) => !impossible.has(footer));
}

/** What the row groups of some files state of a column; null where they do not. */
function boundsOf(
  field: Field,
  group: ParquetFileGroup,
  { mappingMode }: Pick<DeltaSnapshot, 'mappingMode'>,
): readonly string[] {
  const { least, greatest, nulls } = boundNames(field.name);
  const node = findColumn(group.columns, field, mappingMode === 'id' ? 'id' : 'name');
  // Members of groups stand under their path, which a name with a comma could be taken for.
  const path = node === null || node.physicalType === null || node.name.includes(', ') ? null : node.name;
  // Texts that were cut within a character are shown with escapes, which sort elsewhere.
  const isWhole = (column: string) =>
    field.type.kind === 'string' && column !== 'stats_null_count'
      ? ` and not contains(${column}, '\\x') and ${column === 'stats_max_value' ? 'max' : 'min'}_is_exact is not false`
      : '';
  const stated = (column: string) =>
    path === null ? 'null' : `max(${column}) filter (path_in_schema = ${quoteLiteral(path)}${isWhole(column)})`;
  const typed = typedBounds(field, stated('stats_min_value'), stated('stats_max_value'));
  return [
    `${typed.least} as ${least}`,
    `${typed.greatest} as ${greatest}`,
    `${stated('stats_null_count')} as ${nulls}`,
  ];
}
