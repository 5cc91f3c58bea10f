import { z } from 'zod';
import type { Engine } from '../../engine/duckdb-engine.js';
import type { SourceDescription } from '../../source-snapshot.js';
import type { FileStore } from '../../storage/file-store.js';
import { duckDbCheckpointReader } from '../log/duckdb-checkpoint-reader.js';
import { hasChangeFeed, tableLayout } from '../schema/table-layout.js';
import { openTableState } from './delta-snapshot.js';

/** What the log of a Delta table says about it, apart from its files. */
export interface DeltaDescription extends SourceDescription {
  readonly partitionColumns: readonly string[];
  /** Comments by column. */
  readonly comments: ReadonlyMap<string, string>;
  /** Table properties. */
  readonly configuration: ReadonlyMap<string, string>;
}

/**
 * Describes the newest version of a Delta table. Of a checkpoint only the metadata is read: a table of a million files
 * is described as fast as a small one.
 * @param options.root the table's folder: an absolute, decoded path of the store
 * @param options.tableName for messages
 * @throws what `openDeltaSnapshot` throws
 */
export async function describeDeltaTable(options: {
  readonly store: FileStore;
  readonly root: string;
  readonly tableName: string;
  readonly engine: Engine;
  /** Whether the store shows the log as a catalog has ratified it. */
  readonly isRatified?: boolean;
}): Promise<DeltaDescription> {
  const { store, engine, tableName } = options;
  const connection = await engine.connect();
  try {
    const readCheckpoint = duckDbCheckpointReader(connection, {
      store,
      scratchFolder: engine.scratchFolder,
      actions: ['protocol', 'metaData'],
    });
    const { protocol, metadata } = await openTableState({ ...options, readCheckpoint });
    const { columns, partitionFields } = tableLayout({
      protocol,
      metadata,
      tableName,
      isRatified: options.isRatified === true,
    });
    return {
      tableName,
      tableId: metadata.id,
      hasChangeFeed: hasChangeFeed(metadata.configuration),
      columns,
      partitionColumns: partitionFields.map(({ name }) => name),
      comments: commentsOf(metadata.schemaString),
      configuration: metadata.configuration,
    };
  } finally {
    connection.closeSync();
  }
}

const commented = z.object({ name: z.string(), metadata: z.object({ comment: z.string() }) });
const schemaOf = z.object({ fields: z.array(z.unknown()) });

/** Comments by column, of the columns that have one. */
export function commentsOf(schemaString: string | null): Map<string, string> {
  if (schemaString === null) return new Map();
  const fields = schemaOf.parse(JSON.parse(schemaString)).fields.map((field) => commented.safeParse(field).data);
  return new Map(fields.flatMap((field) => (field ? [[field.name, field.metadata.comment] as const] : [])));
}
