import { isUnpartitioned, PartitionNumbers } from '../files/partition-values.js';
import type { ContentFile } from '../manifests/content-file.js';

/** How the files of two snapshots differ. */
export interface FileDifferences {
  /** Data files that only the first has. */
  readonly removed: readonly ContentFile[];
  /** Data files that only the second has. */
  readonly added: readonly ContentFile[];
  /** Data files of both, of which other rows may be deleted in the second. */
  readonly touched: readonly TouchedFile[];
  /** Files with deletes that only one of them has. */
  readonly otherDeletes: readonly ContentFile[];
}

/** A data file of two snapshots to which other deletes apply in the one than in the other. */
interface TouchedFile {
  readonly file: ContentFile;
  /** Whether deletes by equality are among them. */
  readonly isByEquality: boolean;
}

export function fileDifferences(before: readonly ContentFile[], after: readonly ContentFile[]): FileDifferences {
  const left = named(before);
  const both: ContentFile[] = [];
  const onlyAfter: ContentFile[] = [];
  for (const [name, file] of named(after)) {
    if (left.delete(name)) both.push(file);
    else onlyAfter.push(file);
  }
  const onlyBefore = [...left.values()];
  const otherDeletes = [...onlyBefore, ...onlyAfter].filter(({ content }) => content !== 'rows');
  const isRows = ({ content }: ContentFile) => content === 'rows';
  return {
    removed: onlyBefore.filter(isRows),
    added: onlyAfter.filter(isRows),
    touched: otherDeletes.length === 0 ? [] : touchedBy(otherDeletes, both.filter(isRows)),
    otherDeletes,
  };
}

/** Files by what makes them the same in two snapshots. A file that is listed twice is two. */
function named(files: readonly ContentFile[]): Map<string, ContentFile> {
  const found = new Map<string, ContentFile>();
  for (const file of files) {
    const { statedPath, sequenceNumber, spec, blob, referencedDataFile } = file;
    const name = JSON.stringify([statedPath, String(sequenceNumber), spec.id, blob?.offset, referencedDataFile]);
    let occurrence = 0;
    while (found.has(`${name} ${occurrence}`)) occurrence++;
    found.set(`${name} ${occurrence}`, file);
  }
  return found;
}

function touchedBy(deletes: readonly ContentFile[], files: readonly ContentFile[]): TouchedFile[] {
  const partitions = new PartitionNumbers();
  const named = new Set<string>();
  // Which files a file of position deletes is about, only reading it tells, unless it says so.
  let positionsUpTo = -1n;
  // The latest deletes by equality of the whole table, and of each partition.
  let everywhereUpTo = -1n;
  const upTo = new Map<number, bigint>();
  for (const file of deletes) {
    const { content, sequenceNumber, referencedDataFile } = file;
    if (content === 'equalityDeletes') {
      const part = partitions.of(file);
      if (isUnpartitioned(file.spec)) everywhereUpTo = latest(everywhereUpTo, sequenceNumber);
      else upTo.set(part, latest(upTo.get(part) ?? -1n, sequenceNumber));
    } else if (referencedDataFile === null) positionsUpTo = latest(positionsUpTo, sequenceNumber);
    else named.add(referencedDataFile);
  }
  return files.flatMap((file) => {
    const { sequenceNumber } = file;
    const equalityUpTo = latest(everywhereUpTo, upTo.get(partitions.of(file)) ?? -1n);
    const isByEquality = sequenceNumber < equalityUpTo;
    const isByPosition = named.has(file.statedPath) || sequenceNumber <= positionsUpTo;
    return isByEquality || isByPosition ? [{ file, isByEquality }] : [];
  });
}

function latest(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** The deletes among the files of a snapshot that may concern some of its data files. */
export function deletesFor(dataFiles: readonly ContentFile[], files: readonly ContentFile[]): ContentFile[] {
  if (dataFiles.length === 0) return [];
  const paths = new Set(dataFiles.map(({ statedPath }) => statedPath));
  let oldest = dataFiles[0]?.sequenceNumber ?? 0n;
  for (const { sequenceNumber } of dataFiles) if (sequenceNumber < oldest) oldest = sequenceNumber;
  return files.filter(({ content, sequenceNumber, referencedDataFile }) => {
    if (content === 'rows') return false;
    if (content === 'equalityDeletes') return sequenceNumber > oldest;
    return sequenceNumber >= oldest && (referencedDataFile === null || paths.has(referencedDataFile));
  });
}
