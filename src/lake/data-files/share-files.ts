import type { FileStat } from '../storage/file-store.js';
import type { StatedFile } from './check-files.js';

/** Smaller parts cost more in queries than is gained by fetching them while others are read. */
const PART_BYTES_MIN = 32 * 1024 * 1024;
/** Parts of a table that fits the spool: enough that the first is read while most others are still being fetched. */
const PARTS_WANTED = 16;
/** The spool has room for this many parts besides those being read. */
const PARTS_AHEAD = 3;
const PART_FILES_MAX = 1_000;

/** Distributes files so that all parts have about the same number of bytes: largest first, to the smallest part. */
export function spreadFiles<File extends StatedFile>(files: readonly File[], partCount: number): File[][] {
  const parts = Array.from({ length: partCount }, () => ({ bytes: 0, files: [] as File[] }));
  for (const file of [...files].sort((a, b) => (b.sizeBytes ?? 0) - (a.sizeBytes ?? 0))) {
    const smallest = parts.reduce((least, part) => (part.bytes < least.bytes ? part : least));
    smallest.files.push(file);
    smallest.bytes += file.sizeBytes ?? 1;
  }
  return parts.map((part) => part.files);
}

/** A file with the store's status of it. */
export interface FoundFile<File> {
  readonly file: File;
  readonly stat: FileStat;
}

/**
 * Cuts files of a store into parts so small that the spool holds several. Largest files first, so that only small ones
 * are left at the end and all readers finish at about the same time.
 * @param room.readers connections that read parts at once
 * @param room.bytesMax of the spool
 */
export function cutFiles<File extends StatedFile>(
  files: readonly File[],
  stats: ReadonlyMap<string, FileStat>,
  room: { readonly readers: number; readonly bytesMax: number },
): FoundFile<File>[][] {
  const found = files.map((file) => {
    const stat = stats.get(file.path);
    if (!stat) throw new Error('a file was not looked at');
    return { file, stat };
  });
  found.sort((a, b) => b.stat.sizeBytes - a.stat.sizeBytes);
  const bytesMax = partBytes(found, room);
  const chunks: FoundFile<File>[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const item of found) {
    const current = chunks.at(-1);
    bytes += item.stat.sizeBytes;
    if (current && bytes <= bytesMax && current.length < PART_FILES_MAX) {
      current.push(item);
    } else {
      chunks.push([item]);
      bytes = item.stat.sizeBytes;
    }
  }
  return chunks;
}

function partBytes(
  files: readonly { readonly stat: FileStat }[],
  { readers, bytesMax }: { readonly readers: number; readonly bytesMax: number },
): number {
  const total = files.reduce((sum, { stat }) => sum + stat.sizeBytes, 0);
  const wanted = Math.max(PART_BYTES_MIN, total / PARTS_WANTED);
  const room = bytesMax / (readers + PARTS_AHEAD);
  return Math.min(wanted, room, Math.ceil(total / readers));
}
