import { syncedTablesError } from '../../../core/errors.js';
import type { ProtocolAction } from '../log/action.js';

/** Reader version from which on features are listed by name. */
const FEATURES_READER_VERSION = 3;
const COLUMN_MAPPING_READER_VERSION = 2;

/**
 * Reader features that this code supports. Shredded variants are reassembled by the Parquet engine. Geometry and anything
 * unknown are refused.
 */
export const SUPPORTED_FEATURES: ReadonlySet<string> = new Set([
  'columnMapping',
  'deletionVectors',
  'timestampNtz',
  'typeWidening',
  'typeWidening-preview',
  'v2Checkpoint',
  'vacuumProtocolCheck',
  'variantType',
  'variantType-preview',
  'variantShredding',
  'variantShredding-preview',
]);

/** Commits of such a table are ratified by a catalog: the contents of `_delta_log` may be behind or wrong. */
const CATALOG_MANAGED = 'catalogManaged';
/** The same before the protocol was settled. */
const CATALOG_PREVIEWS: ReadonlySet<string> = new Set(['catalogOwned', 'catalogOwned-preview']);

/**
 * Refuses tables that this reader would read incorrectly (protocol: "Reader Version Requirements"). Writer versions and
 * writer-only features never matter.
 * @param options.isRatified whether the log is read as a catalog has ratified it
 * @throws DELTA_UNSUPPORTED_FEATURE naming the version or the features, DELTA_CATALOG_MANAGED, DELTA_LOG_CORRUPT
 */
export function requireReadable(
  protocol: ProtocolAction,
  { tableName, isRatified }: { readonly tableName: string; readonly isRatified: boolean },
): void {
  const refuse = (feature: string) => syncedTablesError('DELTA_UNSUPPORTED_FEATURE', { table: tableName, feature });
  const { minReaderVersion, readerFeatures } = protocol;
  const unknown = (readerFeatures ?? []).filter((feature) => !SUPPORTED_FEATURES.has(feature));
  const unsupported = unknown.filter((feature) => feature !== CATALOG_MANAGED);
  const names = unsupported.map((feature) =>
    CATALOG_PREVIEWS.has(feature) ? `${feature} (commits by a catalog, as before the protocol was settled)` : feature,
  );
  if (minReaderVersion > FEATURES_READER_VERSION) {
    const also = names.length === 0 ? '' : `, with ${featureText(names)}`;
    throw refuse(`reader version ${minReaderVersion}${also}`);
  }
  if (minReaderVersion < FEATURES_READER_VERSION) return;
  if (readerFeatures === null) {
    const reason = `the protocol has reader version ${minReaderVersion} but no readerFeatures`;
    throw syncedTablesError('DELTA_LOG_CORRUPT', { table: tableName, reason });
  }
  if (names.length > 0) throw refuse(featureText(names));
  if (unknown.includes(CATALOG_MANAGED) && !isRatified) {
    throw syncedTablesError('DELTA_CATALOG_MANAGED', { table: tableName });
  }
}

/** True if readers of the table are told to expect column mapping. */
export function listsColumnMapping(protocol: ProtocolAction): boolean {
  if (protocol.minReaderVersion === COLUMN_MAPPING_READER_VERSION) return true;
  return protocol.minReaderVersion >= FEATURES_READER_VERSION && !!protocol.readerFeatures?.includes('columnMapping');
}

function featureText(names: readonly string[]): string {
  return `reader feature${names.length === 1 ? '' : 's'} ${names.join(', ')}`;
}
