import type { Relation } from '../../relation/relation.js';
import { type SpoolFile, type SpoolPart, sourceFiles } from '../../storage/fetch-ahead.js';
import type { FileStat } from '../../storage/file-store.js';
import { SpoolFolder } from '../../storage/spool-folder.js';
import type { DeltaFile } from '../snapshot/delta-snapshot.js';
import { checkFileSizes } from './check-file-sizes.js';
import { type DeltaRelationOptions, DeltaScan } from './delta-scan.js';
import { slicesOf } from './row-slices.js';

/** Smaller parts cost more in queries than is gained by fetching them while others are read. */
const PART_BYTES_MIN = 32 * 1024 * 1024;
/** Parts of a table that fits the spool: enough that the first is read while most others are still being fetched. */
const PARTS_WANTED = 16;
/** The spool has room for this many parts besides those being read. */
const PARTS_AHEAD = 3;
const PART_FILES_MAX = 1_000;

/**
 * Makes the rows of a snapshot readable whose files are in an object store. They are split into parts so small that the
 * spool holds several; here only each file's footer is fetched, for its columns and row count.
 */
export async function openRemoteDeltaRelation(options: DeltaRelationOptions): Promise<Relation> {
  const { store, snapshot, engine } = options;
  const { tableName } = snapshot;
  const stats = await checkFileSizes(store, snapshot);
  const { scratchFolder } = engine;
  const spool = await SpoolFolder.open({ store, scratchFolder, limits: options.spool, tableName });
  const { rowsAtOnce } = options;
  const scan = await DeltaScan.open({ ...options, isNumbered: rowsAtOnce !== null });
  const dispose = async () => {
    await scan[Symbol.asyncDispose]();
    await spool[Symbol.asyncDispose]();
  };
  try {
    const parts: SpoolPart[] = [];
    let rowCount = 0n;
    let rowsMax = 0;
    for (const chunk of cut(
      snapshot.files,
      stats,
      partBytes(stats, { readers: options.parts, bytesMax: spool.limits.bytesMax }),
    )) {
      const files = chunk.map(({ file, stat }) => ({ file, spooled: spool.place(file.path, stat) }));
      const spooled = files.map((file) => file.spooled);
      const planned = await spool.withFooters(spooled, async (footers) => {
        const placed = files.map((file, index) => place(file, footers[index] ?? ''));
        if (rowsAtOnce !== null) rowsMax = Math.max(rowsMax, await scan.largestFile(placed));
        return { select: await scan.select(placed), rows: await scan.countRows(placed) };
      });
      parts.push({ select: planned.select, files: spooled });
      rowCount += planned.rows;
    }
    if (parts.length === 0) parts.push({ select: await scan.select([]), files: [] });
    return {
      parts: parts.map((part) => part.select),
      rowCount,
      files: parts.map((part) => sourceFiles(part.files)),
      ...slicesOf(rowsAtOnce, rowsMax),
      remote: spool.remoteParts(parts),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function place({ file, spooled }: { file: DeltaFile; spooled: SpoolFile }, footer: string) {
  return { file, footer, data: spooled.destination };
}

function partBytes(
  stats: ReadonlyMap<string, FileStat>,
  { readers, bytesMax }: { readonly readers: number; readonly bytesMax: number },
): number {
  const total = [...stats.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const wanted = Math.max(PART_BYTES_MIN, total / PARTS_WANTED);
  const room = bytesMax / (readers + PARTS_AHEAD);
  return Math.min(wanted, room, Math.ceil(total / readers));
}

interface StatedFile {
  readonly file: DeltaFile;
  readonly stat: FileStat;
}

/** Largest files first, so that only small ones are left at the end and all readers finish at about the same time. */
function cut(files: readonly DeltaFile[], stats: ReadonlyMap<string, FileStat>, bytesMax: number): StatedFile[][] {
  const stated = files.map((file) => {
    const stat = stats.get(file.path);
    if (!stat) throw new Error('a file was not looked at');
    return { file, stat };
  });
  stated.sort((a, b) => b.stat.sizeBytes - a.stat.sizeBytes);
  const chunks: StatedFile[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const item of stated) {
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
