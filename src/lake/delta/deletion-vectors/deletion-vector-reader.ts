import { crc32 } from 'node:zlib';
import { syncedTablesError } from '../../../core/errors.js';
import { MalformedBytes } from '../../deletion-vectors/byte-cursor.js';
import type { DeletionVector } from '../../deletion-vectors/deletion-vector.js';
import { decodeDeletionVector } from '../../deletion-vectors/roaring-bitmap.js';
import type { FileStore } from '../../storage/file-store.js';
import type { DeletionVectorDescriptor } from '../log/action.js';
import { canonicalRoot } from '../log/log-path.js';
import { deletionVectorPath } from './deletion-vector-path.js';
import { decodeZ85 } from './z85.js';

const FILE_VERSION = 1;
/** The size precedes the blob, its CRC-32 follows it. */
const FRAME_BYTES = 4;

/**
 * Reads one deletion vector and checks everything the log or file states about it: file version, size, CRC-32, magic
 * number, cardinality (protocol: "Deletion Vectors"). Whether a vector outside the table's folder may be read was
 * decided when the snapshot was opened.
 * @param options.dataFile the file whose rows are dead, for messages
 * @param options.version the version being read, for messages
 * @throws SOURCE_FILE_CORRUPT, SOURCE_FILE_MISSING, DELTA_LOG_CORRUPT
 */
export async function readDeletionVector(options: {
  store: FileStore;
  root: string;
  tableName: string;
  dataFile: string;
  descriptor: DeletionVectorDescriptor;
  version?: bigint;
}): Promise<DeletionVector> {
  const { tableName, dataFile, descriptor } = options;
  const statedPath = deletionVectorPath({ root: canonicalRoot(options.root), tableName, descriptor });
  const path =
    statedPath !== null && descriptor.storageType === 'u'
      ? await findVectorFile(options.store, statedPath)
      : statedPath;
  const file = path ?? `inline deletion vector of ${dataFile}`;
  try {
    const blob = path === null ? inlineBlob(descriptor) : await storedBlob(options.store, path, descriptor);
    if (blob === null) {
      const version = options.version ?? 'being read';
      throw syncedTablesError('SOURCE_FILE_MISSING', { file, table: tableName, version });
    }
    const vector = decodeDeletionVector(blob);
    if (vector.cardinality !== descriptor.cardinality) {
      throw new MalformedBytes(`it has ${vector.cardinality} positions, the log says ${descriptor.cardinality}`);
    }
    return vector;
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    const reason = path === null ? error.message : `the deletion vector of ${dataFile} in it: ${error.message}`;
    throw syncedTablesError('SOURCE_FILE_CORRUPT', { file, table: tableName, reason });
  }
}

/**
 * The stated path, or else the one file in its folder whose name ends the same way: builds of Delta in test mode put a
 * prefix before `deletion_vector_`. The UUID in the name identifies the file, and size, checksum and cardinality are
 * compared.
 */
async function findVectorFile(store: FileStore, path: string): Promise<string> {
  if ((await store.stat(path)) !== null) return path;
  const folder = path.slice(0, path.lastIndexOf('/'));
  const name = path.slice(folder.length + 1);
  const entries = (await store.list(folder === '' ? '/' : folder)) ?? [];
  const matching = entries.filter((entry) => !entry.isFolder && entry.name.endsWith(name));
  return matching.length === 1 ? `${folder}/${matching[0]?.name}` : path;
}

function inlineBlob(descriptor: DeletionVectorDescriptor): Buffer {
  const bytes = decodeZ85(descriptor.pathOrInlineDv);
  if (bytes === null) throw new MalformedBytes('it is not Z85 text');
  if (bytes.length < descriptor.sizeInBytes) {
    throw new MalformedBytes(`it has ${bytes.length} bytes, the log says ${descriptor.sizeInBytes}`);
  }
  return bytes.subarray(0, descriptor.sizeInBytes);
}

/** Null if the file does not exist. */
async function storedBlob(
  store: FileStore,
  path: string,
  descriptor: DeletionVectorDescriptor,
): Promise<Buffer | null> {
  const { sizeInBytes } = descriptor;
  const offset = descriptor.offset ?? 0;
  const stat = await store.stat(path);
  if (stat === null) return null;
  // Checked before anything is allocated: a damaged log may state any size.
  if (offset + sizeInBytes + 2 * FRAME_BYTES > stat.sizeBytes) throw new MalformedBytes('the file ends too early');
  const fileVersion = await store.readRange(path, 0, 1);
  const framed = await store.readRange(path, offset, sizeInBytes + 2 * FRAME_BYTES);
  if (fileVersion === null || framed === null) return null;
  if (fileVersion[0] !== FILE_VERSION) throw new MalformedBytes(`the file has version ${fileVersion[0]}, not 1`);
  if (framed.length < sizeInBytes + 2 * FRAME_BYTES) throw new MalformedBytes('the file ends too early');

  const storedSize = framed.readUInt32BE(0);
  if (storedSize !== sizeInBytes) throw new MalformedBytes(`it has ${storedSize} bytes, the log says ${sizeInBytes}`);
  const blob = framed.subarray(FRAME_BYTES, FRAME_BYTES + sizeInBytes);
  if (crc32(blob) !== framed.readUInt32BE(FRAME_BYTES + sizeInBytes)) {
    throw new MalformedBytes('its CRC-32 does not match');
  }
  return blob;
}
