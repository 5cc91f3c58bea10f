import { type BigIntStats, constants, type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, readdir, stat, statfs } from 'node:fs/promises';
import { basename } from 'node:path';
import { syncedTablesError } from '../../core/errors.js';
import type { Watch } from '../relation/watch.js';
import { type Confinement, confine } from './confinement.js';
import { readInTime, whileAnswering } from './disk-patience.js';
import { entryOrder, type FileEntry, type FileStat, type FileStore, firstEntries } from './file-store.js';

export interface LocalStoreOptions {
  /** Folder that the store is opened for: below it, one unanswered read stops all others. */
  readonly root: string;
  /** How long the disk may be silent, in milliseconds. */
  readonly timeoutMs: number;
  /** Where files must really be; null if links may lead anywhere. */
  readonly within?: Confinement | null;
}

const TIMEOUT_MS = 30_000;

function nullIfMissing(error: unknown): null {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return null;
  throw error;
}

/**
 * Files of the local disk, network mounts included. Nothing but regular files is ever opened: a FIFO would never answer.
 *
 * Methods throw SOURCE_READ_TIMEOUT, SOURCE_NOT_A_FILE, SOURCE_FILE_CHANGED, SOURCE_PATH_OUTSIDE.
 */
export function openLocalFileStore({ root, timeoutMs, within = null }: LocalStoreOptions): FileStore {
  const realPathOf = within === null ? null : confine(within);
  /** Gives `read` the real path, which is what is looked at and opened; null if there is nothing. */
  const inTime = <Result>(path: string, read: (real: string) => Promise<Result>): Promise<Result | null> =>
    readInTime({ root, path, timeoutMs }, async () => {
      const real = realPathOf === null ? path : await realPathOf(path).catch(nullIfMissing);
      return real === null ? null : read(real);
    });
  return {
    list: (folder, after, limit) => inTime(folder, (real) => list(real, after, limit)),
    async hasFolder(folder) {
      const found = await inTime(folder, (real) => stat(real).catch(nullIfMissing));
      return found?.isDirectory() ?? false;
    },
    stat: (path) => inTime(path, (real) => statFile(path, real)),
    readRange: (path, offset, length, etag) => inTime(path, (real) => readRange(path, { real, offset, length, etag })),
    whileAnswering: (reading) => whileAnswering({ root, timeoutMs }, reading, () => inTime(root, stat)),
    watch: (folder, onChange) => inTime(folder, (real) => watchFolder(real, onChange)),
  };
}

/** @internal For tests. */
export const localFileStore: FileStore = openLocalFileStore({ root: '/', timeoutMs: TIMEOUT_MS });

async function list(folder: string, after = '', limit = Number.POSITIVE_INFINITY): Promise<FileEntry[] | null> {
  const found = await readdir(folder, { withFileTypes: true }).catch(nullIfMissing);
  const entries = found?.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
  return entries
    ? firstEntries(
        entries.filter((entry) => entryOrder(entry) > after),
        limit,
      )
    : null;
}

async function statFile(path: string, real: string): Promise<FileStat | null> {
  const found = await stat(real, { bigint: true }).catch(nullIfMissing);
  if (found === null || found.isDirectory()) return null;
  requireFile(path, found);
  return {
    sizeBytes: Number(found.size),
    modifiedAtMs: Number(found.mtimeNs) / 1e6,
    etag: etagOf(found),
    mayGrow: found.ctimeNs === found.mtimeNs,
  };
}

/** Not the inode: some network file systems number their files anew. */
function etagOf({ size, mtimeNs }: BigIntStats): string {
  return `${size}-${mtimeNs}`;
}

async function readRange(
  path: string,
  range: {
    readonly real: string;
    readonly offset: number;
    readonly length: number;
    readonly etag: string | null | undefined;
  },
): Promise<Buffer | null> {
  const file = await openFile(path, range.real);
  if (file === null) return null;
  try {
    const before = await file.stat({ bigint: true });
    if (before.isDirectory()) return null;
    requireFile(path, before);
    const etag = range.etag ?? etagOf(before);
    const { offset } = range;
    const length = Math.max(0, Math.min(range.length, Number(before.size) - offset));
    const bytes = await readBytes(file, { offset, length });
    for (const found of [before, await file.stat({ bigint: true })]) {
      if (etagOf(found) !== etag) throw syncedTablesError('SOURCE_FILE_CHANGED', { file: path });
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/** Without waiting for the other end of a FIFO; null if there is no such file. */
async function openFile(path: string, real: string): Promise<FileHandle | null> {
  return open(real, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    // What a socket answers.
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') throw notAFile(path, 'a socket');
    return nullIfMissing(error);
  });
}

async function readBytes(file: FileHandle, { offset, length }: { offset: number; length: number }): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

function requireFile(path: string, found: BigIntStats): void {
  if (found.isFile()) return;
  throw notAFile(path, found.isFIFO() ? 'a named pipe' : found.isSocket() ? 'a socket' : 'a device');
}

function notAFile(path: string, kind: string): Error {
  return syncedTablesError('SOURCE_NOT_A_FILE', { path, kind });
}

/** File systems of disks of this machine, by their numbers in Linux: ext4, xfs, btrfs, zfs, f2fs, tmpfs, overlayfs. */
const OF_THIS_MACHINE: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x2fc12fc1, 0xf2f52010, 0x01021994, 0x794c7630,
]);

async function watchFolder(folder: string, onChange: (name: string | null) => void): Promise<Watch | null> {
  let watcher: FSWatcher;
  let seesAll = process.platform === 'linux';
  try {
    watcher = watch(folder, { persistent: false }, (event, name) => {
      // What tells of the folder itself bears its name: it was moved or deleted.
      const isGone = event === 'rename' && name === basename(folder);
      if (isGone) seesAll = false;
      onChange(isGone ? null : name);
    });
  } catch {
    // No such folder, or the system's limit of watches is reached: callers poll anyway.
    return null;
  }
  const isOfThis = await isOfThisMachine(folder);
  seesAll &&= isOfThis;
  watcher.on('error', () => {
    seesAll = false;
    watcher.close();
    onChange(null);
  });
  return {
    get seesAll() {
      return seesAll;
    },
    [Symbol.dispose]: () => watcher.close(),
  };
}

async function isOfThisMachine(folder: string): Promise<boolean> {
  const found = await statfs(folder).catch(() => null);
  return found !== null && OF_THIS_MACHINE.has(found.type >>> 0);
}
