import { execFile } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const BLOCK = Buffer.alloc(65_536);

/** A disk of a few megabytes that is really full when it is full (Linux, root): a tmpfs. */
export class SmallDisk implements AsyncDisposable {
  /** Where it is mounted. */
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Null where nothing can be mounted. */
  static async create(sizeMb: number): Promise<SmallDisk | null> {
    const folder = mkdtempSync(path.join(tmpdir(), 'small-disk-'));
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m,mode=0755`, 'small-disk', folder]);
      return new SmallDisk(folder);
    } catch {
      rmSync(folder, { recursive: true, force: true });
      return null;
    }
  }

  get #ballast(): string {
    return path.join(this.folder, 'ballast');
  }

  /** Takes up the room until `freeMb` are left. */
  leave(freeMb: number): void {
    const { bsize, bavail } = statfsSync(this.folder);
    const file = openSync(this.#ballast, 'w');
    try {
      // Written, not allocated: a hole would take no room.
      for (let left = bavail * bsize - freeMb * 2 ** 20; left > 0; left -= BLOCK.length) writeSync(file, BLOCK);
    } finally {
      closeSync(file);
    }
  }

  /** Gives the room back. */
  free(): void {
    rmSync(this.#ballast);
  }

  /** From now on there is room for no file more than there are, or for as many as usual. */
  async limitFiles(isLimited: boolean): Promise<void> {
    const { files, ffree } = statfsSync(this.folder);
    await run('mount', ['-o', `remount,nr_inodes=${isLimited ? files - ffree : 100_000}`, this.folder]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('umount', ['-l', this.folder]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
