import type { Engine } from '../engine/duckdb-engine.js';
import { watchedEngine } from '../engine/watched-engine.js';
import type { LakeTable } from '../lake-table.js';
import type { ReadHint } from '../read-hint.js';
import type { SourceSnapshot } from '../source-snapshot.js';
import { DeltaChangeFeed } from './changes/delta-change-feed.js';
import type { DeltaTableOptions } from './delta-table-options.js';
import { duckDbCheckpointReader } from './log/duckdb-checkpoint-reader.js';
import { openDeltaRelation } from './scan/delta-relation.js';
import { describeDeltaTable } from './snapshot/delta-description.js';
import { readDeltaDetails } from './snapshot/delta-details.js';
import { type DeltaSnapshot, openDeltaSnapshot } from './snapshot/delta-snapshot.js';
import { logStatistics } from './snapshot/read-statistics.js';

/** A Delta table at a known location. */
export function openDeltaTable(given: DeltaTableOptions): LakeTable {
  const { whileAnswering } = given.store;
  const options = whileAnswering ? { ...given, engine: watchedEngine(given.engine, whileAnswering) } : given;
  const { engine, store, root, tableName, allowOutsidePaths, partitionTimeZone, spool, rowsAtOnce = null } = options;
  const isRatified = options.ratified !== undefined;
  const changeFeed = new DeltaChangeFeed(options);
  return {
    name: tableName,
    engine,
    whileAnswering,
    changeFeed,
    async snapshot(version?: bigint): Promise<DeltaSnapshot> {
      const connection = await engine.connect();
      try {
        const readCheckpoint = duckDbCheckpointReader(connection, { store, scratchFolder: engine.scratchFolder });
        const base = { store, root, tableName, allowOutsidePaths, isRatified, readCheckpoint };
        const snapshot = await openDeltaSnapshot(version === undefined ? base : { ...base, version });
        changeFeed.note(snapshot);
        return snapshot;
      } finally {
        connection.closeSync();
      }
    },
    describe: () => describeDeltaTable({ ...options, isRatified }),
    async details() {
      const connection = await engine.connect();
      try {
        const { scratchFolder } = engine;
        const readCheckpoint = duckDbCheckpointReader(connection, { store, scratchFolder, rowCounts: true });
        return await readDeltaDetails({ store, root, tableName, allowOutsidePaths, isRatified, readCheckpoint });
      } finally {
        connection.closeSync();
      }
    },
    openRelation(snapshot: SourceSnapshot, parts: number, hint?: ReadHint) {
      // Callers pass back only snapshots of this same table.
      const files = { store, snapshot: snapshot as DeltaSnapshot, partitionTimeZone, spool };
      const readStatistics = logStatistics(engine, { store, root, tableName });
      return openDeltaRelation({ ...files, engine, parts, rowsAtOnce, hint, readStatistics });
    },
    readBy: (other: Engine, rows: number) => openDeltaTable({ ...options, engine: other, rowsAtOnce: rows }),
  };
}
