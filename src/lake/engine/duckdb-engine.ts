import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { Turns } from '../../core/turns.js';
import { ScratchFolder } from './scratch-folder.js';
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
  const instance = await openInstance({ memoryLimitMb, threads: options.threads ?? 2, scratchFolder });
  const turns = new Turns();
  return {
    scratchFolder,
    async connect() {
      scratch.ensure();
      const connection = await connectTo(instance);
      await limitSpill(connection, scratchFolder);
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

async function openInstance({ memoryLimitMb, threads, scratchFolder }: InstanceOptions): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(threads),
    memory_limit: `${memoryLimitMb}MiB`,
    temp_directory: spillFolder(scratchFolder),
    preserve_insertion_order: 'false',
    // Files are read once; kept ones would only fill the memory.
    enable_external_file_cache: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  // Functions belong to the instance, whichever connection registers them: once is enough.
  const first = await instance.connect();
  registerVariantFunction(first);
  first.closeSync();
  return instance;
}

async function connectTo(instance: DuckDBInstance): Promise<DuckDBConnection> {
  const connection = await instance.connect();
  await connection.run("set TimeZone = 'UTC'");
  return connection;
}

const spillFolder = (scratchFolder: string): string => join(scratchFolder, 'spill');

/** The part of the disk's free room that may be filled. */
const SPILL_PART_MAX = 0.9;

/**
 * Sets how much may be spilled by the room that there is now. The engine itself looks once, when it spills for the first
 * time: a disk that was full then would stay so for it.
 */
async function limitSpill(connection: DuckDBConnection, scratchFolder: string): Promise<void> {
  try {
    const { bavail, bsize } = statfsSync(scratchFolder);
    const limitKb = Math.floor((spilledBytes(scratchFolder) + bavail * bsize * SPILL_PART_MAX) / 1024);
    await connection.run(`set max_temp_directory_size = '${Math.max(1, limitKb)}KiB'`);
  } catch {
    // Refused if more was spilled meanwhile: the next connection tries again, and the limit stays what it was.
  }
}

function spilledBytes(scratchFolder: string): number {
  const folder = spillFolder(scratchFolder);
  if (!existsSync(folder)) return 0;
  const sizes = readdirSync(folder).map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
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
      connect: () => connectTo(instance),
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
