import type { FileStore } from '../storage/file-store.js';

/** Entries of a folder that are looked at. */
const ENTRIES_MAX = 1_000;

/** The format of a table that is neither Delta nor Iceberg, by what its folder holds; null if nothing tells. */
export async function foreignFormat(store: FileStore, folder: string): Promise<string | null> {
  if (await store.hasFolder(`${folder}/.hoodie`)) return 'Hudi';
  const entries = (await store.list(folder, undefined, ENTRIES_MAX)) ?? [];
  const extension = entries.map(({ name }) => /\.(parquet|csv|json|orc|avro)(\.gz)?$/.exec(name)?.[1]).find(Boolean);
  if (extension !== undefined) return `${extension} (files without a log)`;
  if (entries.some(({ name, isFolder }) => isFolder && /^[^=]+=/.test(name))) return 'partitioned files without a log';
  return null;
}
