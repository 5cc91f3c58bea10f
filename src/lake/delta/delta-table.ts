import type { Engine } from '../engine/duckdb-engine.js';
import type { LakeTable } from '../lake-table.js';
import type { SourceSnapshot } from '../source.js';
import type { FileStore } from '../storage/file-store.js';
import { openDeltaRelation } from './delta-relation.js';
import { type DeltaSnapshot, openDeltaSnapshot } from './delta-snapshot.js';
import { duckDbCheckpointReader } from './duckdb-checkpoint-reader.js';

export interface DeltaTableOptions {
  readonly engine: Engine;
  readonly store: FileStore;
  /** Folder that holds `_delta_log`. */
  readonly root: string;
  readonly tableName: string;
  readonly allowOutsidePaths: boolean;
  readonly partitionTimeZone: string;
}

/** A Delta table at a known place. */
export function openDeltaTable(options: DeltaTableOptions): LakeTable {
  const { engine, store, root, tableName, allowOutsidePaths, partitionTimeZone } = options;
  return {
    name: tableName,
    engine,
    async snapshot(version?: bigint): Promise<DeltaSnapshot> {
      const connection = await engine.connect();
      try {
        const readCheckpoint = duckDbCheckpointReader(connection);
        const base = { store, root, tableName, allowOutsidePaths, readCheckpoint };
        return await openDeltaSnapshot(version === undefined ? base : { ...base, version });
      } finally {
        connection.closeSync();
      }
    },
    openRelation(snapshot: SourceSnapshot, parts: number) {
      // Only snapshots of this very table are handed back to it.
      return openDeltaRelation({ engine, store, snapshot: snapshot as DeltaSnapshot, parts, partitionTimeZone });
    },
  };
}
