import { z } from 'zod';
import type { FileStore } from '../../storage/file-store.js';
import { commitPath } from './log-listing.js';

/** A checksum is one small object; one with a histogram of file sizes, the longest part, has some kilobytes. */
const BYTES_MAX = 1024 * 1024;
const checksum = z.object({ numFiles: z.int().nonnegative() });

/**
 * The number of files that the checksum of a version states (protocol: "Version Checksum File"); null if there is no
 * checksum that can be read, which writers may leave out.
 */
export async function checksumFileCount(
  { store, root }: { store: FileStore; root: string },
  version: bigint,
): Promise<number | null> {
  const bytes = await store.readRange(commitPath(root, version).replace(/json$/, 'crc'), 0, BYTES_MAX);
  if (bytes === null) return null;
  try {
    return checksum.parse(JSON.parse(bytes.toString())).numFiles;
  } catch {
    return null;
  }
}
