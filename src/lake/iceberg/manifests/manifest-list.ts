import type { WantedFields } from '../avro/avro-reader.js';
import type { TableFile } from '../metadata/read-file.js';
import { optionalInt, optionalLong, requiredText } from './avro-fields.js';
import { readAvro } from './read-avro.js';

/** A manifest as a snapshot lists it. */
export interface ManifestEntry {
  /** As the list says. */
  readonly statedPath: string;
  /** Null where there is no list to say it: the manifest does so itself. */
  readonly specId: number | null;
  readonly holds: 'data' | 'deletes';
  /** What new files of the manifest inherit; 0 in version 1 of the format. */
  readonly sequenceNumber: bigint;
}

const WANTED: WantedFields = { manifest_path: true, partition_spec_id: true, content: true, sequence_number: true };

/**
 * Reads the list of a snapshot's manifests.
 * @throws ICEBERG_METADATA_CORRUPT, ICEBERG_UNSUPPORTED_FEATURE, SOURCE_FILE_MISSING
 */
export function readManifestList(file: TableFile): Promise<ManifestEntry[]> {
  return readAvro(file, ({ records }) =>
    [...records(WANTED)].map((record) => ({
      statedPath: requiredText(record, 'manifest_path'),
      specId: optionalInt(record, 'partition_spec_id'),
      holds: optionalInt(record, 'content') === 1 ? ('deletes' as const) : ('data' as const),
      sequenceNumber: optionalLong(record, 'sequence_number') ?? 0n,
    })),
  );
}
