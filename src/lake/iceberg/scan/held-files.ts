import type { FileStat } from '../../storage/file-store.js';
import type { SpoolFolder } from '../../storage/spool-folder.js';
import type { DeleteSource } from '../deletes/dead-rows.js';
import type { PlacedFile } from '../files/placed-file.js';
import type { ContentFile } from '../manifests/content-file.js';

/** Files of a store that are fetched together. */
const CHUNK_BYTES = 32 * 1024 * 1024;
const CHUNK_FILES_MAX = 100;

/** A file of the local disk, read in place. */
export function placedInPlace(file: ContentFile, index: number): PlacedFile {
  return { file, index, data: file.path, footer: file.path };
}

/** Passes over files of the local disk: all at once. */
export const heldInPlace: DeleteSource['held'] = async function* (files) {
  if (files.length > 0) yield files.map(placedInPlace);
};

/** Passes over files of a store, which are fetched ahead and removed. */
export function heldInSpool(spool: SpoolFolder, stats: ReadonlyMap<string, FileStat>): DeleteSource['held'] {
  return async function* (files) {
    const parts = chunksOf(files, stats).map((chunk) => {
      const placed = chunk.map(({ file, stat }) => ({ file, spooled: spool.place(file.path, stat) }));
      return { placed, select: '', files: placed.map(({ spooled }) => spooled) };
    });
    const pass = spool.remoteParts(parts).begin();
    try {
      for (const { placed } of parts) {
        const held = await pass.next();
        if (held === null) throw new Error('a part is missing');
        yield placed.map(({ file, spooled: { destination } }, index) => {
          return { file, index, data: destination, footer: destination };
        });
        await held[Symbol.asyncDispose]();
      }
    } finally {
      await pass[Symbol.asyncDispose]();
    }
  };
}

function chunksOf(files: readonly ContentFile[], stats: ReadonlyMap<string, FileStat>) {
  const chunks: { readonly file: ContentFile; readonly stat: FileStat }[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const file of files) {
    const stat = stats.get(file.path);
    if (!stat) throw new Error('a file was not looked at');
    bytes += stat.sizeBytes;
    const current = chunks.at(-1);
    if (current && bytes <= CHUNK_BYTES && current.length < CHUNK_FILES_MAX) current.push({ file, stat });
    else {
      chunks.push([{ file, stat }]);
      bytes = stat.sizeBytes;
    }
  }
  return chunks;
}
