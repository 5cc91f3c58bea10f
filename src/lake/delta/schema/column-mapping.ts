import { syncedTablesError } from '../../../core/errors.js';
import type { MetadataAction, ProtocolAction } from '../log/action.js';
import { honoursColumnMapping } from './protocol-gate.js';

/** How columns are found in data files: by display name, by physical name, or by Parquet field id. */
export type ColumnMappingMode = 'none' | 'name' | 'id';

/**
 * The mapping mode in force (protocol: "Reader Requirements for Column Mapping").
 * @throws DELTA_UNSUPPORTED_FEATURE for an unknown mode
 */
export function columnMappingMode(options: {
  protocol: ProtocolAction;
  metadata: MetadataAction;
  tableName: string;
}): ColumnMappingMode {
  if (!honoursColumnMapping(options.protocol)) return 'none';
  const mode = options.metadata.configuration.get('delta.columnMapping.mode') ?? 'none';
  const lowerCased = mode.toLowerCase();
  if (lowerCased === 'none' || lowerCased === 'name' || lowerCased === 'id') return lowerCased;
  throw syncedTablesError('DELTA_UNSUPPORTED_FEATURE', {
    table: options.tableName,
    feature: `column mapping mode ${mode}`,
  });
}
