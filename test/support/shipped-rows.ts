import { existsSync, readdirSync } from 'node:fs';
import type { DataType, Field } from '../../src/core/data-type.js';
import type { Cell } from './cell.js';
import { readParquetCells } from './parquet-cells.js';
import { sharedData } from './shared-data.js';

/** What is shipped as expected is of another generation of the table: fewer columns, other arrays. */
const NOT_SHIPPED = new Set(['golden-table-with-columnmapping-mode-id']);

/**
 * Rows that the shared data's suites ship for a version of a table; null where they ship none.
 * @param version `latest`, or `v1` and the like
 */
export async function shippedRows(name: string, version: string, columns: readonly Field[]): Promise<Cell[][] | null> {
  const folder = `${sharedData()}/delta/${name}/expected/${version}`;
  if (NOT_SHIPPED.has(name) || !existsSync(folder)) return null;
  const rows: Cell[][][] = [];
  for (const file of parquetFiles(folder)) rows.push(await readParquetCells(file, columns.map(asDisplayed)));
  return rows.flat();
}

function parquetFiles(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /(^|\/)[^./_][^/]*\.parquet$/.test(name)).map((name) => `${folder}/${name}`);
}

/** Expected files name their columns, at every depth, as users see them. */
function asDisplayed(field: Field): Field {
  const visit = (type: DataType): DataType => {
    switch (type.kind) {
      case 'struct':
        return { ...type, fields: type.fields.map(asDisplayed) };
      case 'array':
        return { ...type, element: visit(type.element) };
      case 'map':
        return { ...type, key: visit(type.key), value: visit(type.value) };
      default:
        return type;
    }
  };
  return { ...field, type: visit(field.type), physicalName: field.name };
}
