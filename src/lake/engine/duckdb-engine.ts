import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { Turns } from '../../core/turns.js';
import { ScratchFolder } from './scratch-folder.js';
import { SpillLimit } from './spill-limit.js';
import { registerVariantFunction } from './variant-function.js';

export interface EngineOptions {
  /** Memory that DuckDB may use for buffers before it spills to disk, in MiB. Default 256. */
  readonly memoryLimitMb?: number;
  /**
   * Threads that all statements share. Default 1, where each runs in the thread that waits for it: with more, one whose
   * rows cannot be shared out, such as a file of one row group, has a thread wait for it that never rests.
   */
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
  /**
   * Another engine with more memory, all its own, and one thread: for values that are too large for this one, which
   * serves everybody. There is only one at a time; this waits for its turn. Dispose of it.
   */
  apart(): Promise<Engine>;
}

/** Default of `memoryLimitMb`. */
const MEMORY_LIMIT_MB = 256;

/**
 * Starts an engine. All instants are read and printed in UTC, whatever the machine's zone.
 * Nothing is ever downloaded: only the extensions inside the npm binary are used.
 */
export async function openEngine(options: EngineOptions = {}): Promise<Engine> {
  const parent = options.temporaryFolder ?? tmpdir();
  const scratch = new ScratchFolder(parent);
  const scratchFolder = scratch.path;
  const memoryLimitMb = options.memoryLimitMb ?? MEMORY_LIMIT_MB;
  const instance = await openInstance({ memoryLimitMb, threads: options.threads ?? 1, scratchFolder });
  const turns = new Turns();
  const spillLimit = new SpillLimit(spillFolderOf(scratchFolder));
  return {
    scratchFolder,
    async connect() {
      scratch.ensure();
      const connection = await instance.connect();
      await spillLimit.follow(connection);
      return connection;
    },
    apart() {
      scratch.ensure();
      return openApart({ memoryLimitMb: memoryLimitApart(memoryLimitMb), threads: 1, scratchFolder }, turns);
    },
    async [Symbol.asyncDispose]() {
      instance.closeSync();
      scratch[Symbol.dispose]();
    },
  };
}

interface InstanceOptions {
  readonly memoryLimitMb: number;
  readonly threads: number;
  readonly scratchFolder: string;
}

const spillFolderOf = (scratchFolder: string): string => join(scratchFolder, 'spill');

async function openInstance({ memoryLimitMb, threads, scratchFolder }: InstanceOptions): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(threads),
    memory_limit: `${memoryLimitMb}MiB`,
    temp_directory: spillFolderOf(scratchFolder),
    preserve_insertion_order: 'false',
    // Files are read once; kept ones would only fill the memory.
    enable_external_file_cache: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  // Functions and global settings belong to the instance, whichever connection makes them: once is enough.
  const first = await instance.connect();
  await first.run("set global TimeZone = 'UTC'");
  registerVariantFunction(first);
  first.closeSync();
  return instance;
}

/** Four times the memory, as far as half of the machine's, or of the container's, goes. */
function memoryLimitApart(memoryLimitMb: number): number {
  const machineMb = Math.floor(Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY) / 2 ** 20);
  return Math.max(memoryLimitMb, Math.min(4 * memoryLimitMb, Math.floor(machineMb / 2)));
}

async function openApart(options: InstanceOptions, turns: Turns): Promise<Engine> {
  const endTurn = await turns.take();
  try {
    const scratchFolder = mkdtempSync(join(options.scratchFolder, 'apart-'));
    const instance = await openInstance({ ...options, scratchFolder });
    return {
      scratchFolder,
      connect: () => instance.connect(),
      apart: () => Promise.reject(new Error('there is no engine apart from one that is apart')),
      async [Symbol.asyncDispose]() {
        instance.closeSync();
        rmSync(scratchFolder, { recursive: true, force: true });
        endTurn();
      },
    };
  } catch (error) {
    endTurn();
    throw error;
  }
}
