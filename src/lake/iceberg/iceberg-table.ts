import type { Engine } from '../engine/duckdb-engine.js';
import { watchedEngine } from '../engine/watched-engine.js';
import type { LakeTable } from '../lake-table.js';
import type { ReadHint } from '../read-hint.js';
import type { SourceSnapshot } from '../source-snapshot.js';
import { IcebergChangeFeed } from './changes/iceberg-change-feed.js';
import type { IcebergTableOptions } from './iceberg-table-options.js';
import { filesWithinBounds } from './scan/files-within-bounds.js';
import { openIcebergRelation } from './scan/iceberg-relation.js';
import { describeIcebergTable, readIcebergDetails } from './snapshot/iceberg-details.js';
import { type IcebergSnapshot, openIcebergSnapshot } from './snapshot/iceberg-snapshot.js';

/** An Iceberg table at a known location. */
export function openIcebergTable(given: IcebergTableOptions): LakeTable {
  const { whileAnswering } = given.store;
  const options = whileAnswering ? { ...given, engine: watchedEngine(given.engine, whileAnswering) } : given;
  const { engine, store, tableName, spool, rowsAtOnce = null } = options;
  return {
    name: tableName,
    engine,
    whileAnswering,
    changeFeed: new IcebergChangeFeed(options),
    snapshot: (version?: bigint) => openIcebergSnapshot(options, version),
    describe: () => describeIcebergTable(options),
    details: () => readIcebergDetails(options),
    async openRelation(given: SourceSnapshot, parts: number, hint?: ReadHint) {
      // Callers pass back only snapshots of this same table.
      const whole = given as IcebergSnapshot;
      const columns = whole.columns.filter(({ name }) => hint?.columns.includes(name) ?? true);
      const dataFiles = await filesWithinBounds(whole, hint, options);
      const snapshot = { ...whole, columns, dataFiles };
      const filtered = hint?.condition ? { allFiles: whole.dataFiles } : {};
      return openIcebergRelation({ engine, store, snapshot, parts, rowsAtOnce, spool, ...filtered });
    },
    readBy: (other: Engine, rows: number) => openIcebergTable({ ...options, engine: other, rowsAtOnce: rows }),
  };
}
