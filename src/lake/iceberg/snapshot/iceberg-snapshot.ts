import type { SourceSnapshot } from '../../source-snapshot.js';
import type { ContentFile } from '../manifests/content-file.js';
import { readManifest } from '../manifests/manifest.js';
import { type ManifestEntry, readManifestList } from '../manifests/manifest-list.js';
import { positionOf, type SnapshotEntry } from '../metadata/table-metadata.js';
import { type IcebergState, NO_SNAPSHOT, type StateOptions, withState } from './table-state.js';

/** An Iceberg table at one snapshot. `rowCount` is null: counts of the metadata may be wrong. */
export interface IcebergSnapshot extends SourceSnapshot {
  readonly version: bigint;
  readonly bookmark: string;
  /** What the metadata says; the columns may be fewer here than in its schema. */
  readonly state: IcebergState;
  /** In no particular order. */
  readonly dataFiles: readonly ContentFile[];
  /** Position deletes, deletion vectors and equality deletes. */
  readonly deleteFiles: readonly ContentFile[];
}

/** Manifests that are read at once. */
const MANIFESTS_AT_ONCE = 8;

/**
 * Reads the metadata of a table and returns its state at a snapshot; no data file is touched.
 * @param version position of the snapshot; by default the current one
 * @throws what `withState` throws, SOURCE_PATH_OUTSIDE
 */
export function openIcebergSnapshot(options: StateOptions, version?: bigint): Promise<IcebergSnapshot> {
  return withState(options, version, (state) => toSnapshot(state, options));
}

/** Reads the manifests of a state. */
export async function toSnapshot(state: IcebergState, options: StateOptions): Promise<IcebergSnapshot> {
  const { metadata, entry, schema, bookmark } = state;
  const version = entry === null ? NO_SNAPSHOT : positionOf(entry);
  const files = entry === null ? [] : await readSnapshotFiles(state, entry, options);
  const dataFiles = files.filter(({ content }) => content === 'rows');
  return {
    tableName: options.tableName,
    version,
    committedAtMs: entry?.committedAtMs ?? null,
    tableId: metadata.tableId,
    columns: schema.columns,
    rowCount: null,
    sizeBytes: dataFiles.reduce((sum, file) => sum + BigInt(file.sizeBytes), 0n),
    bookmark,
    state,
    dataFiles,
    deleteFiles: files.filter(({ content }) => content !== 'rows'),
  };
}

/**
 * All live files of a snapshot, in no particular order.
 * @param state of the same table, at whatever snapshot
 * @param metricsOf ids of fields whose `ContentFile.metrics` are wanted
 * @throws ICEBERG_METADATA_CORRUPT, ICEBERG_UNSUPPORTED_FEATURE, SOURCE_FILE_MISSING, SOURCE_PATH_OUTSIDE
 */
export async function readSnapshotFiles(
  { metadata, pathOf }: IcebergState,
  entry: SnapshotEntry,
  { store, tableName }: Pick<StateOptions, 'store' | 'tableName'>,
  metricsOf?: ReadonlySet<number>,
): Promise<ContentFile[]> {
  const file = { store, tableName, version: positionOf(entry) };
  const manifests: ManifestEntry[] =
    entry.manifestList === null
      ? entry.manifests.map((statedPath) => ({ statedPath, specId: null, holds: 'data' as const, sequenceNumber: 0n }))
      : await readManifestList({ ...file, path: pathOf(entry.manifestList) });
  const files: ContentFile[] = [];
  const waiting = manifests.values();
  const read = async () => {
    for (const manifest of waiting) {
      const path = pathOf(manifest.statedPath);
      const found = await readManifest({ ...file, path, entry: manifest, specs: metadata.specs, pathOf, metricsOf });
      // Not by spreading: a manifest can have more files than a call has arguments.
      for (const each of found) files.push(each);
    }
  };
  await Promise.all(Array.from({ length: MANIFESTS_AT_ONCE }, read));
  return files;
}
