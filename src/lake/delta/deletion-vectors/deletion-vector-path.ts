import { syncedTablesError } from '../../../core/errors.js';
import type { DeletionVectorDescriptor } from '../log/action.js';
import { resolveLogPath } from '../log/log-path.js';
import { decodeZ85 } from './z85.js';

/** 16 bytes of a UUID. */
const UUID_CHARACTERS = 20;
const UUID_BYTES = 16;

/**
 * The file that holds a deletion vector, absolute and decoded; null for an inline one.
 * @param options.root canonical
 * @throws DELTA_LOG_CORRUPT if the descriptor names no file
 */
export function deletionVectorPath(options: {
  root: string;
  tableName: string;
  descriptor: DeletionVectorDescriptor;
}): string | null {
  const { root, tableName, descriptor } = options;
  const { storageType, pathOrInlineDv } = descriptor;
  if (storageType === 'i') return null;
  if (storageType === 'p') return resolveLogPath({ root, reference: pathOrInlineDv, tableName });

  const uuid = decodeZ85(pathOrInlineDv.slice(-UUID_CHARACTERS));
  if (pathOrInlineDv.length < UUID_CHARACTERS || uuid?.length !== UUID_BYTES) {
    const reason = `"${pathOrInlineDv}" is not the name of a deletion vector`;
    throw syncedTablesError('DELTA_LOG_CORRUPT', { table: tableName, reason });
  }
  const prefix = pathOrInlineDv.slice(0, -UUID_CHARACTERS);
  const name = `deletion_vector_${uuidText(uuid)}.bin`;
  // Escaped, because resolving decodes; a prefix is plain text, not a URI.
  const reference = [...(prefix === '' ? [] : prefix.split('/')), name].map(encodeURIComponent).join('/');
  return resolveLogPath({ root, reference, tableName });
}

function uuidText(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
