import type { SourceColumn, SourceKey, SourceTable } from '../../core/source-browser.js';
import type { IcebergDescription } from '../iceberg/snapshot/iceberg-details.js';
import { unityTypeOf } from './unity-type.js';

/** What the metadata of a table of any format says about it. */
export type TableDescription = Omit<IcebergDescription, 'tableName' | 'hasChangeFeed' | 'identifierColumns'>;

export interface DescribedTable {
  readonly schema: string;
  readonly table: string;
  /** DELTA, ICEBERG … */
  readonly format: string | null;
  /** As a URL. */
  readonly location: string | null;
  /** Null if it was not wanted or cannot be read. */
  readonly description: TableDescription | null;
  readonly primaryKey?: SourceKey | null;
}

/** A table in Unity Catalog's terms, as far as its own metadata tells. */
export function sourceTableOf(options: DescribedTable): SourceTable {
  const { schema, table, format, location, description, primaryKey = null } = options;
  return {
    schema,
    table,
    type: 'EXTERNAL',
    format,
    location,
    columns: description && columnsOf(description),
    properties: Object.fromEntries(description?.properties ?? []),
    primaryKey,
    id: description?.tableId ?? null,
    owner: null,
    comment: null,
    createdAtMs: null,
    updatedAtMs: null,
  };
}

function columnsOf({ columns, comments, partitionColumns }: TableDescription): SourceColumn[] {
  return columns.map(({ name, type, nullable }) => {
    const partition = partitionColumns.indexOf(name);
    return {
      name,
      nullable,
      type: unityTypeOf(type),
      comment: comments.get(name) ?? null,
      partitionIndex: partition < 0 ? null : partition,
    };
  });
}
