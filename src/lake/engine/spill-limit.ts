import { existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';

/** The part of the disk's free room that may be filled. */
const PART_MAX = 0.9;
/** A limit that differs by less stays as it is: setting it takes a statement, and every batch opens connections. */
const CHANGE_MIN = 0.05;

/**
 * How much an engine may spill, by the room that there is now. The engine itself looks once, when it spills for the first
 * time: a disk that was full then would stay so for it.
 */
export class SpillLimit {
  readonly #folder: string;
  readonly #freeBytes: () => number;
  #limitKb = 0;

  /**
   * @param folder where the engine spills; the folder above it exists
   * @param freeBytes the free room of its disk
   */
  constructor(folder: string, freeBytes = () => freeBytesOf(dirname(folder))) {
    this.#folder = folder;
    this.#freeBytes = freeBytes;
  }

  /** Sets the limit of the connection's engine if the room has changed. */
  async follow(connection: DuckDBConnection): Promise<void> {
    try {
      const room = spilledBytes(this.#folder) + this.#freeBytes() * PART_MAX;
      const limitKb = Math.max(1, Math.floor(room / 1024));
      if (Math.abs(limitKb - this.#limitKb) < limitKb * CHANGE_MIN) return;
      await connection.run(`set max_temp_directory_size = '${limitKb}KiB'`);
      this.#limitKb = limitKb;
    } catch {
      // Refused if more was spilled meanwhile: the next connection tries again, and the limit stays what it was.
    }
  }
}

function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function spilledBytes(folder: string): number {
  if (!existsSync(folder)) return 0;
  const sizes = readdirSync(folder).map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}
