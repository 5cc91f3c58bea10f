import { checkFiles, requireSameFiles } from '../../data-files/check-files.js';
import { slicesOf } from '../../data-files/row-slices.js';
import { cutFiles, spreadFiles } from '../../data-files/share-files.js';
import type { Engine } from '../../engine/duckdb-engine.js';
import { filesReadOf } from '../../relation/files-read.js';
import type { Relation } from '../../relation/relation.js';
import { type SpoolLimits, type SpoolPart, sourceFiles } from '../../storage/fetch-ahead.js';
import type { FileStat, FileStore } from '../../storage/file-store.js';
import { SpoolFolder } from '../../storage/spool-folder.js';
import type { ContentFile } from '../manifests/content-file.js';
import type { IcebergSnapshot } from '../snapshot/iceberg-snapshot.js';
import { heldInPlace, heldInSpool, placedInPlace } from './held-files.js';
import { IcebergScan, type RowCounts } from './iceberg-scan.js';

export interface IcebergRelationOptions {
  readonly engine: Engine;
  readonly store: FileStore;
  readonly snapshot: IcebergSnapshot;
  /** All data files of the snapshot, where those without wanted rows may be left out. */
  readonly allFiles?: readonly ContentFile[];
  /** How many connections read; each gets separate SELECTs. */
  readonly parts: number;
  /** Read so few rows of a file at once; null for as many as the engine likes. */
  readonly rowsAtOnce: number | null;
  /** For stores whose files have to be fetched. */
  readonly spool?: SpoolLimits | undefined;
}

/** Makes the rows of a snapshot readable: live files, less their deleted rows, as columns of the current schema. */
export async function openIcebergRelation(options: IcebergRelationOptions): Promise<Relation> {
  const { store, snapshot } = options;
  const { tableName, version } = snapshot;
  const files = [...snapshot.dataFiles, ...snapshot.deleteFiles.filter(({ blob }) => blob === null)];
  // Sizes that writers state are wrong now and then, and no other reader minds: rows are counted instead.
  const stated = files.map(({ path }) => ({ file: { path, sizeBytes: null }, version }));
  const stats = await checkFiles(store, stated, { tableName, missing: 'SOURCE_FILE_MISSING' });
  return store.download ? openRemote(options, stats) : openLocal(options, stats);
}

async function openLocal(options: IcebergRelationOptions, stats: ReadonlyMap<string, FileStat>): Promise<Relation> {
  const { store, snapshot, rowsAtOnce } = options;
  const scan = await IcebergScan.open({ ...options, held: heldInPlace, isNumbered: rowsAtOnce !== null });
  try {
    const partCount = Math.max(1, Math.min(options.parts, snapshot.dataFiles.length));
    const shares = spreadFiles(indexed(snapshot), partCount);
    const parts: string[] = [];
    const total = new TotalRows();
    for (const share of shares) {
      const placed = share.map(({ file, index }) => placedInPlace(file, index));
      parts.push(await scan.select(placed));
      total.add(await scan.countRows(placed));
    }
    return {
      parts,
      rowCount: total.rowCount,
      ...readOf(options, stats),
      files: shares.map((share) => share.map(({ path }) => ({ path, data: path }))),
      requireUnchanged: () => requireSameFiles(store, stats),
      ...slicesOf(rowsAtOnce, total.rowsMax),
      [Symbol.asyncDispose]: () => scan[Symbol.asyncDispose](),
    };
  } catch (error) {
    await scan[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * For files in an object store: they are split into parts so small that the spool holds several. Deletes are fetched
 * here, whole; of data files only the footers, for columns and row counts.
 */
async function openRemote(options: IcebergRelationOptions, stats: ReadonlyMap<string, FileStat>): Promise<Relation> {
  const { store, snapshot, engine, rowsAtOnce } = options;
  const { tableName } = snapshot;
  const spool = await SpoolFolder.open({
    ...options,
    limits: options.spool,
    scratchFolder: engine.scratchFolder,
    tableName,
  });
  let scan: IcebergScan | null = null;
  const dispose = async () => {
    await scan?.[Symbol.asyncDispose]();
    await spool[Symbol.asyncDispose]();
  };
  try {
    const opened = await IcebergScan.open({
      engine,
      store,
      snapshot,
      held: heldInSpool(spool, stats),
      isNumbered: rowsAtOnce !== null,
    });
    scan = opened;
    const room = { readers: options.parts, bytesMax: spool.limits.bytesMax };
    const parts: SpoolPart[] = [];
    const total = new TotalRows();
    for (const chunk of cutFiles(indexed(snapshot), stats, room)) {
      const spooled = chunk.map(({ file, stat }) => spool.place(file.path, stat));
      const select = await spool.withFooters(spooled, async (footers) => {
        const placed = chunk.map(({ file: { file, index } }, place) => {
          return { file, index, footer: footers[place] ?? '', data: spooled[place]?.destination ?? '' };
        });
        total.add(await opened.countRows(placed));
        return opened.select(placed);
      });
      parts.push({ select, files: spooled });
    }
    if (parts.length === 0) parts.push({ select: await opened.select([]), files: [] });
    return {
      parts: parts.map((part) => part.select),
      rowCount: total.rowCount,
      ...readOf(options, stats),
      files: parts.map((part) => sourceFiles(part.files)),
      ...slicesOf(rowsAtOnce, total.rowsMax),
      remote: spool.remoteParts(parts),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function readOf({ snapshot, allFiles: files }: IcebergRelationOptions, stats: ReadonlyMap<string, FileStat>) {
  const { dataFiles, sizeBytes } = snapshot;
  const whole = { files: files ?? [], ...(sizeBytes === undefined ? {} : { sizeBytes }) };
  return files ? { filesRead: filesReadOf(whole, dataFiles, stats) } : {};
}

function indexed({ dataFiles }: IcebergSnapshot) {
  return dataFiles.map((file: ContentFile, index) => ({ file, index, path: file.path, sizeBytes: file.sizeBytes }));
}

/** What the footers say of all parts together. */
class TotalRows {
  /** Null if only reading tells. */
  rowCount: bigint | null = 0n;
  /** Rows of the largest file. */
  rowsMax = 0;

  add({ live, largestFile }: RowCounts): void {
    this.rowCount = this.rowCount === null || live === null ? null : this.rowCount + live;
    this.rowsMax = Math.max(this.rowsMax, largestFile);
  }
}
