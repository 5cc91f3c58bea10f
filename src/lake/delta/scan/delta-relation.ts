import type { Field } from '../../../core/data-type.js';
import { requireSameFiles } from '../../data-files/check-files.js';
import { slicesOf } from '../../data-files/row-slices.js';
import { spreadFiles } from '../../data-files/share-files.js';
import { boundedConditions, filesWithinStated } from '../../data-files/stated-bounds.js';
import type { ReadHint } from '../../read-hint.js';
import { filesReadOf } from '../../relation/files-read.js';
import type { Relation } from '../../relation/relation.js';
import type { DeltaFile } from '../snapshot/delta-snapshot.js';
import type { StatisticsReader } from '../snapshot/read-statistics.js';
import { checkFileSizes } from './check-file-sizes.js';
import { type DeltaRelationOptions, DeltaScan } from './delta-scan.js';
import { filesOfPartitions } from './hinted-files.js';
import { openRemoteDeltaRelation } from './remote-delta-relation.js';

interface HintedRelationOptions extends Omit<DeltaRelationOptions, 'columns'> {
  readonly hint?: ReadHint | undefined;
  /** Absent where nothing is stated of files. */
  readonly readStatistics?: StatisticsReader;
}

/**
 * Makes the rows of a snapshot readable: live files, less their deleted rows, as columns of the current schema. Of files
 * that a hint rules out nothing is asked of the store.
 */
export async function openDeltaRelation(given: HintedRelationOptions): Promise<Relation> {
  const { store, hint } = given;
  const whole = given.snapshot;
  const partitionFields = whole.columns.filter(({ name }) => whole.partitionColumns.includes(name));
  const ofPartitions = await filesOfPartitions(whole.files, { ...given, partitionFields });
  const files = await filesByStatistics(given, ofPartitions, partitionFields);
  const snapshot = { ...whole, files };
  const columns = whole.columns.filter(({ name }) => hint?.columns.includes(name) ?? true);
  const options = { ...given, snapshot, columns };
  if (store.download) return openRemoteDeltaRelation({ ...options, whole });
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
      ...(hint?.condition ? { filesRead: filesReadOf(whole, snapshot.files, stats) } : {}),
      requireUnchanged: () => requireSameFiles(store, stats),
      ...slicesOf(rowsAtOnce, rowsMax),
      [Symbol.asyncDispose]: () => scan[Symbol.asyncDispose](),
    };
  } catch (error) {
    await scan[Symbol.asyncDispose]();
    throw error;
  }
}

/** Those of the files in which rows may fulfil the condition of a hint, as far as the statistics of the log tell. */
async function filesByStatistics(
  { engine, snapshot, hint, readStatistics }: HintedRelationOptions,
  files: readonly DeltaFile[],
  partitionFields: readonly Field[],
): Promise<readonly DeltaFile[]> {
  const inFiles = snapshot.columns.filter((field) => !partitionFields.includes(field));
  const conditions = boundedConditions(hint?.condition, inFiles);
  if (!readStatistics || conditions === null || hint?.isProof === true || files.length === 0) return files;
  const stated = await readStatistics(snapshot, files, conditions.fields);
  return filesWithinStated(engine, files, { conditions, stated });
}
