import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { FileStore } from '../../storage/file-store.js';
import type { MetadataAction, ProtocolAction } from './action.js';
import { commitPath } from './log-listing.js';

/** What is in force after a version of the log: all that is needed to read on from there. */
export interface LogHead {
  /** -1 before the first commit. */
  readonly version: bigint;
  readonly protocol: ProtocolAction | null;
  readonly metadata: MetadataAction | null;
  /** See `commitFingerprint`; null if that commit's file was already gone. */
  readonly fingerprint: string | null;
  /**
   * Length of the commit when it was read, if it named no file and changed nothing: what was read may have been the
   * beginning of a commit that was still being written.
   */
  readonly emptyBytes?: number | undefined;
  /** Length of the commit when it was read, whatever was in it; unknown where it was not read as a file. */
  readonly readBytes?: number | undefined;
}

/** Bytes at each end of a commit covered by its fingerprint: commits of large loads have hundreds of megabytes. */
const FINGERPRINT_BYTES = 64 * 1024;

/**
 * Identifies the content of a commit file: a hash over its length and both its ends. The file's time is left out, so
 * that a copied table has the same fingerprint. Null if there is no such file.
 * @param readBytes how long the file was when its actions were read: if it grew afterwards, it is another commit
 */
export async function commitFingerprint(
  store: FileStore,
  root: string,
  version: bigint,
  readBytes?: number,
): Promise<string | null> {
  const path = commitPath(root, version);
  const sizeBytes = readBytes ?? (await store.stat(path))?.sizeBytes;
  if (sizeBytes === undefined) return null;
  const tailStart = Math.max(FINGERPRINT_BYTES, sizeBytes - FINGERPRINT_BYTES);
  const head = await store.readRange(path, 0, Math.min(FINGERPRINT_BYTES, sizeBytes));
  const tail = sizeBytes > tailStart ? await store.readRange(path, tailStart, sizeBytes - tailStart) : Buffer.alloc(0);
  if (head === null || tail === null) return null;
  return createHash('sha256').update(`${sizeBytes}\n`).update(head).update(tail).digest('base64url');
}

const shape = z.object({
  version: z.string().regex(/^(-1|\d+)$/),
  fingerprint: z.string().nullable(),
  emptyBytes: z.int().optional(),
  readBytes: z.int().optional(),
  protocol: z.object({ minReaderVersion: z.int(), readerFeatures: z.array(z.string()).nullable() }).nullable(),
  metadata: z
    .object({
      id: z.string(),
      formatProvider: z.string(),
      schemaString: z.string().nullable(),
      partitionColumns: z.array(z.string()),
      configuration: z.record(z.string(), z.string()),
    })
    .nullable(),
});

/** The head as text that a database can keep: the size of the table's metadata. */
export function encodeBookmark(head: LogHead): string {
  const { version, protocol, metadata, fingerprint, emptyBytes, readBytes } = head;
  return JSON.stringify({
    version: String(version),
    fingerprint,
    emptyBytes,
    readBytes,
    // Only what a reader depends on: a bookmark is compared as text.
    protocol: protocol && {
      kind: protocol.kind,
      minReaderVersion: protocol.minReaderVersion,
      readerFeatures: protocol.readerFeatures,
    },
    metadata: metadata && { ...metadata, configuration: Object.fromEntries(metadata.configuration) },
  });
}

/** @throws if `text` does not come from `encodeBookmark` */
export function decodeBookmark(text: string): LogHead {
  const { version, fingerprint, emptyBytes, readBytes, protocol, metadata } = shape.parse(JSON.parse(text));
  return {
    version: BigInt(version),
    fingerprint,
    emptyBytes,
    readBytes,
    protocol: protocol && { kind: 'protocol', ...protocol },
    metadata: metadata && {
      kind: 'metaData',
      ...metadata,
      configuration: new Map(Object.entries(metadata.configuration)),
    },
  };
}
