import { crc32 } from 'node:zlib';
import { syncedTablesError } from '../../../core/errors.js';
import { MalformedBytes } from '../../deletion-vectors/byte-cursor.js';
import type { DeletionVector } from '../../deletion-vectors/deletion-vector.js';
import { decodeDeletionVector } from '../../deletion-vectors/roaring-bitmap.js';
import type { FileStore } from '../../storage/file-store.js';
import type { ContentFile } from '../manifests/content-file.js';

/** The length precedes the bitmap, its CRC-32 follows it. */
const FRAME_BYTES = 4;

/**
 * Reads the deletion vector that a manifest names, a blob of a Puffin file (Puffin specification,
 * "deletion-vector-v1"), and checks all that is stated of it. The file's own footer need not be read.
 * @throws SOURCE_FILE_CORRUPT, SOURCE_FILE_MISSING
 */
export async function readPuffinVector(
  { path, blob, recordCount, referencedDataFile }: ContentFile,
  { store, tableName, version }: { store: FileStore; tableName: string; version: bigint },
): Promise<DeletionVector> {
  const { offset, length } = blob ?? { offset: 0, length: 0 };
  const bytes = await store.readRange(path, offset, length);
  if (bytes === null) throw syncedTablesError('SOURCE_FILE_MISSING', { file: path, table: tableName, version });
  try {
    const vector = decodeDeletionVector(unframed(bytes, length));
    if (vector.cardinality === recordCount) return vector;
    throw new MalformedBytes(`it has ${vector.cardinality} positions, the manifest says ${recordCount}`);
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    const reason = `the deletion vector of ${referencedDataFile} in it: ${error.message}`;
    throw syncedTablesError('SOURCE_FILE_CORRUPT', { file: path, table: tableName, reason });
  }
}

function unframed(bytes: Buffer, length: number): Buffer {
  if (bytes.length < length || length < 2 * FRAME_BYTES) throw new MalformedBytes('the file ends too early');
  const size = bytes.readUInt32BE(0);
  if (size !== length - 2 * FRAME_BYTES) {
    throw new MalformedBytes(`it has ${size} bytes, the manifest leaves ${length - 2 * FRAME_BYTES} for it`);
  }
  const blob = bytes.subarray(FRAME_BYTES, FRAME_BYTES + size);
  if (crc32(blob) !== bytes.readUInt32BE(FRAME_BYTES + size)) throw new MalformedBytes('its CRC-32 does not match');
  return blob;
}
