import { requireSameFiles } from '../../data-files/check-files.js';
import { slicesOf } from '../../data-files/row-slices.js';
import { spreadFiles } from '../../data-files/share-files.js';
import type { ReadHint } from '../../read-hint.js';
import type { Relation } from '../../relation/relation.js';
import { checkFileSizes } from './check-file-sizes.js';
import { type DeltaRelationOptions, DeltaScan } from './delta-scan.js';
import { filesOfPartitions } from './hinted-files.js';
import { openRemoteDeltaRelation } from './remote-delta-relation.js';

interface HintedRelationOptions extends Omit<DeltaRelationOptions, 'columns'> {
  readonly hint?: ReadHint | undefined;
}

/**
 * Makes the rows of a snapshot readable: live files, less their deleted rows, as columns of the current schema. Of files
 * that a hint rules out nothing is asked of the store.
 */
export async function openDeltaRelation(given: HintedRelationOptions): Promise<Relation> {
  const { store, hint } = given;
  const whole = given.snapshot;
  const partitionFields = whole.columns.filter(({ name }) => whole.partitionColumns.includes(name));
  const files = await filesOfPartitions(whole.files, { ...given, partitionFields });
  const snapshot = { ...whole, files };
  const columns = whole.columns.filter(({ name }) => hint?.columns.includes(name) ?? true);
  const options = { ...given, snapshot, columns };
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
    const shares = spreadFiles(snapshot.files, partCount);
    for (const files of shares) {
      const placed = files.map((file) => ({ file, data: file.path, footer: file.path }));
      parts.push(await scan.select(placed));
      rowCount += await scan.countRows(placed);
      if (rowsAtOnce !== null) rowsMax = Math.max(rowsMax, await scan.largestFile(placed));
    }
    return {
      parts,
      rowCount,
      files: shares.map((files) => files.map(({ path }) => ({ path, data: path }))),
      requireUnchanged: () => requireSameFiles(store, stats),
      ...slicesOf(rowsAtOnce, rowsMax),
      [Symbol.asyncDispose]: () => scan[Symbol.asyncDispose](),
    };
  } catch (error) {
    await scan[Symbol.asyncDispose]();
    throw error;
  }
}
