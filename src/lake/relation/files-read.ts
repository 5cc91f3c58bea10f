import type { FilesRead } from './relation.js';

/** A file of a table, and its size if its metadata says it. */
interface StatedSize {
  readonly path: string;
  readonly sizeBytes: number | null;
}

/**
 * Counts the files of a table that are read.
 * @param whole the table; `sizeBytes` is that of all its files
 * @param stats what the store says of those that are read
 */
export function filesReadOf(
  whole: { readonly files: readonly unknown[]; readonly sizeBytes?: bigint },
  read: readonly StatedSize[],
  stats: ReadonlyMap<string, { readonly sizeBytes: number }>,
): FilesRead {
  let bytes: bigint | null = 0n;
  for (const { path, sizeBytes } of read) {
    const size = stats.get(path)?.sizeBytes ?? sizeBytes;
    bytes = bytes === null || size === null ? null : bytes + BigInt(size);
  }
  return { files: read.length, bytes, allFiles: whole.files.length, allBytes: whole.sizeBytes ?? null };
}

/** `3 of 200 files, 1.2 of 80.0 MB`. */
export function filesReadText({ files, bytes, allFiles, allBytes }: FilesRead): string {
  const counted = `${files} of ${allFiles} ${allFiles === 1 ? 'file' : 'files'}`;
  if (bytes === null || allBytes === null) return counted;
  const { unit, size } = UNITS.find((each) => allBytes >= each.size) ?? { unit: 'bytes', size: 1n };
  const inUnit = (count: bigint) => (size === 1n ? String(count) : (Number(count) / Number(size)).toFixed(1));
  return `${counted}, ${inUnit(bytes)} of ${inUnit(allBytes)} ${unit}`;
}

const UNITS = [
  { unit: 'GB', size: 10n ** 9n },
  { unit: 'MB', size: 10n ** 6n },
  { unit: 'kB', size: 10n ** 3n },
];
