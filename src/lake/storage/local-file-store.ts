import { type FSWatcher, watch } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { entryOrder, type FileEntry, type FileStat, type FileStore, firstEntries } from './file-store.js';

function nullIfMissing(error: unknown): null {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return null;
  throw error;
}

/** Files of the local disk. */
export const localFileStore: FileStore = {
  async list(folder, after = '', limit = Number.POSITIVE_INFINITY): Promise<FileEntry[] | null> {
    const found = await readdir(folder, { withFileTypes: true }).catch(nullIfMissing);
    const entries = found?.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
    return entries
      ? firstEntries(
          entries.filter((entry) => entryOrder(entry) > after),
          limit,
        )
      : null;
  },

  async hasFolder(folder) {
    return (await stat(folder).catch(nullIfMissing))?.isDirectory() ?? false;
  },

  async stat(path): Promise<FileStat | null> {
    const found = await stat(path).catch(nullIfMissing);
    return found && { sizeBytes: found.size, modifiedAtMs: found.mtimeMs };
  },

  async readRange(path, offset, length) {
    const file = await open(path, 'r').catch(nullIfMissing);
    if (!file) return null;
    try {
      const buffer = Buffer.alloc(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    } finally {
      await file.close();
    }
  },

  watch(folder, onChange): Disposable | null {
    let watcher: FSWatcher;
    try {
      watcher = watch(folder, { persistent: false }, (_, name) => onChange(name));
    } catch {
      // No such folder, or the system's limit of watches is reached: callers poll anyway.
      return null;
    }
    watcher.on('error', () => watcher.close());
    return { [Symbol.dispose]: () => watcher.close() };
  },
};
