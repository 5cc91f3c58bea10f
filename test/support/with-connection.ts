import type { DuckDBConnection } from '@duckdb/node-api';
import type { Engine } from '../../src/lake/engine/duckdb-engine.js';

/** Lends a connection of the engine, and closes it. */
export async function withConnection<Result>(
  engine: Engine,
  use: (connection: DuckDBConnection) => Promise<Result>,
): Promise<Result> {
  const connection = await engine.connect();
  try {
    return await use(connection);
  } finally {
    connection.closeSync();
  }
}
