import { open, readFile } from 'node:fs/promises';
import type { FileStore } from '../../src/lake/storage/file-store.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';

/** The local disk as if its files had to be fetched, as those of object stores. */
export const fetchedFileStore: FileStore = {
  list: (folder, after, limit) => localFileStore.list(folder, after, limit),
  hasFolder: (folder) => localFileStore.hasFolder(folder),
  stat: (path) => localFileStore.stat(path),
  readRange: (path, offset, length, etag) => localFileStore.readRange(path, offset, length, etag),
  async download(path, { destination, offset = 0 }) {
    if ((await localFileStore.stat(path)) === null) return false;
    const bytes = await readFile(path);
    const file = await open(destination, 'wx');
    try {
      await file.write(bytes, offset, bytes.length - offset, offset);
    } finally {
      await file.close();
    }
    return true;
  },
};
