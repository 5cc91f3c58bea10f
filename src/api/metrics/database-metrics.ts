import {
  type EndedUpdate,
  readEndedUpdates,
  readQueueSummary,
  readTableMetrics,
  readTableUpdateMetrics,
  type TableMetrics,
  type TableUpdateMetrics,
} from '../../postgres/registry/api/metrics.js';
import type { ApiDatabase } from '../places/api-database.js';

/** A database at one moment. */
export interface DatabaseMetrics {
  /** The database's clock. */
  readonly now: Date;
  readonly queued: number;
  readonly running: number;
  readonly leasesHeld: number;
  readonly leasesOfOthers: number;
  readonly tables: readonly TableMetrics[];
  readonly tablesLeftOut: number;
  readonly tableUpdates: readonly TableUpdateMetrics[];
  readonly endedUpdates: readonly EndedUpdate[];
}

export interface MetricsRequest {
  readonly sidecarId: string;
  /** Updates that ended before this time are left out. */
  readonly since: Date;
  readonly tablesMax: number;
}

/** Reads the metrics of a database in a few queries, all in one snapshot. */
export function readDatabaseMetrics(database: ApiDatabase, request: MetricsRequest): Promise<DatabaseMetrics> {
  return database.asService(async (client) => {
    await client.query('set transaction isolation level repeatable read');
    const { tables: tablesKept, ...summary } = await readQueueSummary(client, request.sidecarId);
    const tables = await readTableMetrics(client, request.tablesMax);
    const tableUpdates = await readTableUpdateMetrics(client, request.since);
    const endedUpdates = await readEndedUpdates(client, request.since);
    return {
      ...summary,
      tables,
      tablesLeftOut: Math.max(0, tablesKept - tables.length),
      tableUpdates,
      endedUpdates,
    };
  });
}
