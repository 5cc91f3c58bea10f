import { chooseDataDir } from '../embedded/choose-data-dir.js';
import { startEmbeddedPostgres as startIn } from '../embedded/embedded-postgres.js';

export interface StartPostgresOptions {
  /**
   * Becomes a PostgreSQL 18 cluster if missing or empty, and is used again if it is one. As root the server runs as
   * another user; where that one may not enter the folder, one below /var/lib/synced-tables takes its place.
   */
  readonly dataDir: string;
  /** Default: any free one. */
  readonly port?: number;
}

/** A PostgreSQL server on 127.0.0.1 that ends with this process at the latest. */
export interface RunningPostgres {
  /** Connects as superuser `postgres` to database `postgres`; holds the password. */
  readonly url: string;
  readonly port: number;
  /** Where the data is. */
  readonly dataDir: string;
  /** Stops it in order; takes at most about 45 seconds. */
  stop(): Promise<void>;
}

/**
 * Starts a real PostgreSQL server from the package embedded-postgres: for tests and for trying things out, with neither
 * Docker nor an installed server.
 * @throws SyncedTablesError: PORT_TAKEN, DATA_DIR_IN_USE, DATA_DIR_OTHER_MAJOR, DATA_DIR_UNUSABLE,
 *   EMBEDDED_POSTGRES_MISSING, EMBEDDED_POSTGRES_FAILED
 */
export async function startEmbeddedPostgres(options: StartPostgresOptions): Promise<RunningPostgres> {
  const { url, port, dataDir, stop } = await startIn({
    dataDir: await chooseDataDir(options.dataDir),
    port: options.port || undefined,
    portOption: 'port',
  });
  return { url, port, dataDir, stop: () => stop() };
}
