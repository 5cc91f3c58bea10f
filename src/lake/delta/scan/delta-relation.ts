import type { Relation } from '../../relation/relation.js';
import type { DeltaFile } from '../snapshot/delta-snapshot.js';
import { checkFileSizes, requireSameFiles } from './check-file-sizes.js';
import { type DeltaRelationOptions, DeltaScan } from './delta-scan.js';
import { openRemoteDeltaRelation } from './remote-delta-relation.js';
import { slicesOf } from './row-slices.js';

/** Makes the rows of a snapshot readable: live files, less their deleted rows, as columns of the current schema. */
export async function openDeltaRelation(options: DeltaRelationOptions): Promise<Relation> {
  const { store, snapshot } = options;
  if (store.download) return openRemoteDeltaRelation(options);
  const stats = new Map(await checkFileSizes(store, snapshot));
  if (snapshot.commit) stats.set(snapshot.commit.path, snapshot.commit.stat);
  const { rowsAtOnce } = options;
  const scan = await DeltaScan.open({ ...options, isNumbered: rowsAtOnce !== null });
  try {
    const partCount = Math.max(1, Math.min(options.parts, snapshot.files.length));
    const parts: string[] = [];
    let rowCount = 0n;
    let rowsMax = 0;
    const spreadFiles = spread(snapshot.files, partCount);
    for (const files of spreadFiles) {
      const placed = files.map((file) => ({ file, data: file.path, footer: file.path }));
      parts.push(await scan.select(placed));
      rowCount += await scan.countRows(placed);
      if (rowsAtOnce !== null) rowsMax = Math.max(rowsMax, await scan.largestFile(placed));
    }
    return {
      parts,
      rowCount,
      files: spreadFiles.map((files) => files.map(({ path }) => ({ path, data: path }))),
      requireUnchanged: () => requireSameFiles(store, stats),
      ...slicesOf(rowsAtOnce, rowsMax),
      [Symbol.asyncDispose]: () => scan[Symbol.asyncDispose](),
    };
  } catch (error) {
    await scan[Symbol.asyncDispose]();
    throw error;
  }
}

/** Distributes the files so that all parts have about the same number of bytes: largest first, to the smallest part. */
function spread(files: readonly DeltaFile[], partCount: number): DeltaFile[][] {
  const parts = Array.from({ length: partCount }, () => ({ bytes: 0, files: [] as DeltaFile[] }));
  for (const file of [...files].sort((a, b) => (b.sizeBytes ?? 0) - (a.sizeBytes ?? 0))) {
    const smallest = parts.reduce((least, part) => (part.bytes < least.bytes ? part : least));
    smallest.files.push(file);
    smallest.bytes += file.sizeBytes ?? 1;
  }
  return parts.map((part) => part.files);
}
