import { slicesOf } from '../../data-files/row-slices.js';
import { cutFiles } from '../../data-files/share-files.js';
import type { ReadHint } from '../../read-hint.js';
import { filesReadOf } from '../../relation/files-read.js';
import type { Relation } from '../../relation/relation.js';
import { type SpoolFile, type SpoolPart, sourceFiles } from '../../storage/fetch-ahead.js';
import { SpoolFolder } from '../../storage/spool-folder.js';
import type { DeltaFile, DeltaSnapshot } from '../snapshot/delta-snapshot.js';
import { checkFileSizes } from './check-file-sizes.js';
import { type DeltaRelationOptions, DeltaScan } from './delta-scan.js';

interface HintedOptions {
  /** The snapshot with all its files. */
  readonly whole: DeltaSnapshot;
  readonly hint?: ReadHint | undefined;
}

/**
 * Makes the rows of a snapshot readable whose files are in an object store. They are split into parts so small that the
 * spool holds several; here only each file's footer is fetched, for its columns and row count, and for whether the
 * condition of a hint can be fulfilled in it: others are not fetched.
 */
export async function openRemoteDeltaRelation(options: DeltaRelationOptions & HintedOptions): Promise<Relation> {
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
    const read: DeltaFile[] = [];
    let rowCount = 0n;
    let rowsMax = 0;
    const room = { readers: options.parts, bytesMax: spool.limits.bytesMax };
    for (const chunk of cutFiles(snapshot.files, stats, room)) {
      const files = chunk.map(({ file, stat }) => ({ file, spooled: spool.place(file.path, stat) }));
      const spooled = files.map((file) => file.spooled);
      const planned = await spool.withFooters(spooled, async (footers) => {
        const all = files.map((file, index) => ({ ...place(file, footers[index] ?? ''), spooled: file.spooled }));
        const placed = await scan.possibleFiles(all, options.hint?.condition ?? null);
        if (placed.length === 0) return null;
        read.push(...placed.map((each) => each.file));
        if (rowsAtOnce !== null) rowsMax = Math.max(rowsMax, await scan.largestFile(placed));
        const select = await scan.select(placed);
        return { select, rows: await scan.countRows(placed), files: placed.map((file) => file.spooled) };
      });
      if (planned === null) continue;
      parts.push({ select: planned.select, files: planned.files });
      rowCount += planned.rows;
    }
    if (parts.length === 0) parts.push({ select: await scan.select([]), files: [] });
    return {
      parts: parts.map((part) => part.select),
      rowCount,
      files: parts.map((part) => sourceFiles(part.files)),
      ...(options.hint?.condition ? { filesRead: filesReadOf(options.whole, read, stats) } : {}),
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
