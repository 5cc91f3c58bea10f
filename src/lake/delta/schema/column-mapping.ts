import { syncedTablesError } from '../../../core/errors.js';
import type { MetadataAction, ProtocolAction } from '../log/action.js';
import { listsColumnMapping } from './protocol-gate.js';

/** How columns are found in data files: by display name, by physical name, or by Parquet field id. */
export type ColumnMappingMode = 'none' | 'name' | 'id';

const PHYSICAL_NAME = 'delta.columnMapping.physicalName';
const ID = 'delta.columnMapping.id';
const NESTED_IDS = 'delta.columnMapping.nested.ids';

/**
 * The mapping mode in force: that of the configuration, if the protocol lists column mapping or the schema carries
 * physical names. By the letter of the protocol a mode that it does not list has no effect ("Reader Requirements for
 * Column Mapping"), but writers that upgrade a protocol forget to list it and go on writing physical names.
 * @throws DELTA_UNSUPPORTED_FEATURE for an unknown mode
 */
export function columnMappingMode(options: {
  protocol: ProtocolAction;
  metadata: MetadataAction;
  tableName: string;
}): ColumnMappingMode {
  const { protocol, metadata, tableName } = options;
  const mode = metadata.configuration.get('delta.columnMapping.mode') ?? 'none';
  const lowerCased = mode.toLowerCase();
  if (lowerCased === 'none') return 'none';
  if (!listsColumnMapping(protocol) && !metadata.schemaString?.includes(PHYSICAL_NAME)) return 'none';
  if (lowerCased === 'name' || lowerCased === 'id') return lowerCased;
  throw syncedTablesError('DELTA_UNSUPPORTED_FEATURE', { table: tableName, feature: `column mapping mode ${mode}` });
}

/**
 * How many columns, nested ones included, a mapped table once had and has no longer: ids are never used again, so it is
 * the number of those that the schema does not use. Files from before may hold only such columns.
 */
export function countFormerColumns(metadata: MetadataAction, mode: ColumnMappingMode): number {
  if (mode === 'none' || metadata.schemaString === null) return 0;
  const used = new Set<number>();
  JSON.parse(metadata.schemaString, (key, value: unknown) => {
    if (key === ID) used.add(Number(value));
    if (key === NESTED_IDS) for (const id of Object.values(value ?? {})) used.add(Number(id));
    return value;
  });
  const stated = Number(metadata.configuration.get('delta.columnMapping.maxColumnId') ?? 0);
  return [...used].reduce((greatest, id) => Math.max(greatest, id), stated || 0) - used.size;
}
