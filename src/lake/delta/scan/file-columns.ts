import type { Field } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import { quoteIdentifier } from '../../../core/names.js';
import type { ParquetFileGroup } from '../../parquet/parquet-schema.js';
import { type ColumnMatch, findColumn, nullOf, type Projection, projectValue } from '../../parquet/project-column.js';
import type { TableLayout } from '../schema/table-layout.js';
import { partitionValueExpression } from './partition-table.js';

/** How the columns of a table are found in its files. */
export function columnMatch({ mappingMode }: TableLayout): ColumnMatch {
  return mappingMode === 'id' ? 'id' : 'name';
}

/**
 * The SELECT list that turns files of one Parquet schema into columns of the table. The files have the alias `f`, the
 * text of the partition values is `p.v0`, `p.v1` … in the order of `layout.partitionFields`. Columns that they lack are
 * null: `requireKnownColumns` says whether that can be.
 */
export function fileColumns(options: {
  layout: TableLayout;
  /** The columns of the layout that are read. */
  columns: readonly Field[];
  group: ParquetFileGroup;
  isVariantMarked: boolean;
  partitionTimeZone: string;
}): string[] {
  const { layout, columns, group, isVariantMarked, partitionTimeZone } = options;
  const projection: Projection = { match: columnMatch(layout), isVariantMarked, tableName: layout.tableName };
  return columns.map((field) => {
    const partition = layout.partitionFields.indexOf(field);
    const node = findColumn(group.columns, field, projection.match);
    const value =
      partition >= 0
        ? partitionValueExpression(field, `p.v${partition}`, partitionTimeZone)
        : node
          ? projectValue(field.type, node, `f.${quoteIdentifier(node.name)}`, projection)
          : nullOf(field.type);
    return `${value} as ${quoteIdentifier(field.name)}`;
  });
}

/**
 * The engine distinguishes rows of files by columns of these names, unless the file itself has them.
 * @throws DELTA_UNSUPPORTED_FEATURE
 */
export function refuseReservedColumns(
  tableName: string,
  group: ParquetFileGroup,
  needs: { fileIndex: boolean; rowNumber: boolean },
): void {
  const needed = [...(needs.fileIndex ? ['file_index'] : []), ...(needs.rowNumber ? ['file_row_number'] : [])];
  const taken = group.columns.find((node) => needed.includes(node.name.toLowerCase()));
  if (taken) {
    throw syncedTablesError('DELTA_UNSUPPORTED_FEATURE', {
      table: tableName,
      feature: `a column named "${taken.name}" together with partitions, deletion vectors or changes`,
    });
  }
}
