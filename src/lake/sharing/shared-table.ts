import { openDeltaRelation } from '../delta/scan/delta-relation.js';
import { hasChangeFeed, tableLayout } from '../delta/schema/table-layout.js';
import { commentsOf, type DeltaDescription } from '../delta/snapshot/delta-description.js';
import { detailsOf } from '../delta/snapshot/delta-details.js';
import type { Engine } from '../engine/duckdb-engine.js';
import type { LakeTable } from '../lake-table.js';
import type { ReadHint } from '../read-hint.js';
import type { SourceSnapshot } from '../source-snapshot.js';
import type { SharedAnswer } from './shared-answer.js';
import { SharedChangeFeed } from './shared-change-feed.js';
import { openSharedSnapshot, type SharedSnapshot, sharedState } from './shared-snapshot.js';
import { sharedStatistics } from './shared-statistics.js';
import type { SharedTableOptions } from './shared-table-options.js';

/** A table of a sharing server, read file by file at the addresses that the server signs. */
export function openSharedTable(options: SharedTableOptions): LakeTable {
  const { engine, tableName, partitionTimeZone, spool, rowsAtOnce = null } = options;
  const changeFeed = new SharedChangeFeed(options);
  return {
    name: tableName,
    engine,
    changeFeed,
    async snapshot(version?: bigint): Promise<SharedSnapshot> {
      const { snapshot } = await openSharedSnapshot(options, version);
      changeFeed.note(snapshot);
      return snapshot;
    },
    describe: async () => describeShared(await options.api.metadata(), options),
    async details() {
      const { snapshot, files } = await openSharedSnapshot(options);
      return { ...detailsOf(snapshot, files), commits: [] };
    },
    openRelation(snapshot: SourceSnapshot, parts: number, hint?: ReadHint) {
      // Callers pass back only snapshots of this same table.
      const shared = snapshot as SharedSnapshot;
      const files = { store: shared.store, snapshot: shared, partitionTimeZone };
      const readStatistics = sharedStatistics(options);
      return openDeltaRelation({ ...files, engine, parts, rowsAtOnce, hint, spool, readStatistics });
    },
    readBy: (other: Engine, rows: number) => openSharedTable({ ...options, engine: other, rowsAtOnce: rows }),
  };
}

/**
 * Describes a table by an answer about it.
 * @throws CATALOG_ANSWER_INVALID, DELTA_UNSUPPORTED_FEATURE, DELTA_LOG_CORRUPT
 */
export function describeShared(
  answer: SharedAnswer,
  options: Pick<SharedTableOptions, 'catalog' | 'tableName'>,
): DeltaDescription {
  const { tableName } = options;
  const { protocol, metadata } = sharedState(answer, options);
  const { columns, partitionFields } = tableLayout({ protocol, metadata, tableName, isRatified: true });
  const { id, configuration, schemaString } = metadata;
  return {
    tableName,
    tableId: id,
    columns,
    hasChangeFeed: hasChangeFeed(configuration),
    partitionColumns: partitionFields.map(({ name }) => name),
    comments: commentsOf(schemaString),
    configuration,
  };
}
