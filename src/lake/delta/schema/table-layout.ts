import type { Field } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import type { MetadataAction, ProtocolAction } from '../log/action.js';
import { type ColumnMappingMode, columnMappingMode, countFormerColumns } from './column-mapping.js';
import { parseDeltaSchema } from './delta-schema.js';
import { requireReadable } from './protocol-gate.js';

/** How to read the files of a table, by the metadata of one version. */
export interface TableLayout {
  readonly tableName: string;
  readonly columns: readonly Field[];
  readonly mappingMode: ColumnMappingMode;
  /** Columns that were dropped; known, and possible, only under column mapping. */
  readonly formerColumns: number;
  /** Those of `columns` that the table is partitioned by, in the order of the metadata. */
  readonly partitionFields: readonly Field[];
}

/**
 * Checks protocol and metadata of a version, and translates them.
 * @param options.isRatified whether the log is read as a catalog has ratified it
 * @throws DELTA_UNSUPPORTED_FEATURE, DELTA_CATALOG_MANAGED, DELTA_LOG_CORRUPT
 */
export function tableLayout(options: {
  protocol: ProtocolAction;
  metadata: MetadataAction;
  tableName: string;
  isRatified: boolean;
}): TableLayout {
  const { protocol, metadata, tableName } = options;
  requireReadable(protocol, options);
  if (metadata.formatProvider !== 'parquet') {
    const feature = `data files of format ${metadata.formatProvider}`;
    throw syncedTablesError('DELTA_UNSUPPORTED_FEATURE', { table: tableName, feature });
  }
  const mappingMode = columnMappingMode(options);
  const columns = parseDeltaSchema(metadata.schemaString, { mode: mappingMode, tableName });
  const partitionFields = metadata.partitionColumns.map((name) => partitionField(columns, name, tableName));
  const formerColumns = countFormerColumns(metadata, mappingMode);
  return { tableName, columns, mappingMode, formerColumns, partitionFields };
}

/** Whether a version with these table properties records its changes; no reader feature belongs to it. */
export function hasChangeFeed(configuration: ReadonlyMap<string, string>): boolean {
  return configuration.get('delta.enableChangeDataFeed')?.toLowerCase() === 'true';
}

function partitionField(columns: readonly Field[], name: string, tableName: string): Field {
  const found = columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
  if (found) return found;
  const reason = `partition column "${name}" is not in the schema`;
  throw syncedTablesError('DELTA_LOG_CORRUPT', { table: tableName, reason });
}
