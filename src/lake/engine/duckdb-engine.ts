import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { registerVariantFunction } from './variant-function.js';

export interface EngineOptions {
  /** Memory that DuckDB may use for buffers before it spills to disk, in MiB. Default 256. */
  readonly memoryLimitMb?: number;
  /** Worker threads. Default 2: Postgres needs the other cores. */
  readonly threads?: number;
  /** Parent of the folder made for FIFOs and spilled data. Default: the system's temporary folder. */
  readonly temporaryFolder?: string;
}

/** A DuckDB instance inside this process, with a scratch folder that is removed when it is closed. */
export interface Engine extends AsyncDisposable {
  /** Folder for FIFOs; nothing in it survives the engine. */
  readonly scratchFolder: string;
  /** A new connection, with UTC as its time zone. Close it with `closeSync()`. */
  connect(): Promise<DuckDBConnection>;
}

const SCRATCH_PREFIX = 'synced-tables-';

/**
 * Starts an engine. All instants are read and printed in UTC, whatever the machine's zone.
 * Nothing is ever downloaded: only the extensions inside the npm binary are used.
 */
export async function openEngine(options: EngineOptions = {}): Promise<Engine> {
  const parent = options.temporaryFolder ?? tmpdir();
  mkdirSync(parent, { recursive: true });
  removeAbandonedScratch(parent);
  const scratchFolder = mkdtempSync(join(parent, `${SCRATCH_PREFIX}${process.pid}-`));
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(options.threads ?? 2),
    memory_limit: `${options.memoryLimitMb ?? 256}MiB`,
    temp_directory: join(scratchFolder, 'spill'),
    preserve_insertion_order: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  // Functions belong to the instance, whichever connection registers them: once is enough.
  const first = await instance.connect();
  registerVariantFunction(first);
  first.closeSync();
  return {
    scratchFolder,
    async connect() {
      const connection = await instance.connect();
      await connection.run("set TimeZone = 'UTC'");
      return connection;
    },
    async [Symbol.asyncDispose]() {
      instance.closeSync();
      rmSync(scratchFolder, { recursive: true, force: true });
    },
  };
}

/** Removes the scratch folders of processes that were killed: spilled data may be large. */
function removeAbandonedScratch(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = new RegExp(`^${SCRATCH_PREFIX}(\\d+)-`).exec(name)?.[1];
    if (!pid || isAlive(Number(pid))) continue;
    // Another user's folder, or one that another process is removing right now: skip it.
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {}
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
