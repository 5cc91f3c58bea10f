import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { syncedTablesError } from '../../core/errors.js';
import type { Library } from './pipeline-spec.js';

export interface PipelineFile {
  /** As named in the request. */
  readonly name: string;
  readonly text: string;
}

const BYTES_MAX = 1_000_000;
const FILES_MAX = 100;
/** Entries of `libraries` that are not SQL files. */
const OTHER_KINDS = ['notebook', 'jar', 'maven', 'whl'] as const;

/**
 * Reads the files that a pipeline's libraries name, in order. Paths are relative to the configured folder, even with a
 * leading slash; nothing outside that folder is read, even through links.
 * @param folder pipelines.folder of the settings
 * @throws PIPELINE_LIBRARY_UNSUPPORTED, PIPELINE_FOLDER_MISSING, PIPELINE_FILE_UNREADABLE
 */
export async function readPipelineLibraries(
  libraries: readonly Library[],
  folder: string | undefined,
): Promise<PipelineFile[]> {
  const files: PipelineFile[] = [];
  for (const library of libraries) {
    const other = OTHER_KINDS.find((kind) => library[kind] !== undefined);
    const given = library.file?.path ?? library.glob?.include;
    if (other !== undefined || given === undefined) {
      throw syncedTablesError('PIPELINE_LIBRARY_UNSUPPORTED', { what: `a library of kind ${other ?? 'unknown'}` });
    }
    if (folder === undefined) throw syncedTablesError('PIPELINE_FOLDER_MISSING', { file: given });
    const names = library.glob === undefined ? [given] : await namesOf(folder, given);
    for (const name of names) files.push({ name, text: await readOne(folder, name) });
    if (files.length > FILES_MAX) throw unreadable(given, `a pipeline has at most ${FILES_MAX} files`);
  }
  return files;
}

/** A file, or the SQL files of a folder whose name ends with `/**`. */
async function namesOf(folder: string, include: string): Promise<string[]> {
  if (!/[*?[]/.test(include)) return [include];
  const base = /^([^*?[]*?)\/?\*\*$/.exec(include)?.[1];
  if (base === undefined) throw unreadable(include, 'only folders can be included, as folder/**');
  const place = await locate(folder, base);
  const entries = await readdir(place, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(include, reasonOf(error), error);
  });
  const found = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.sql'))
    .map((entry) => path.posix.join(base, path.relative(place, path.join(entry.parentPath, entry.name))))
    .sort();
  if (found.length === 0) throw unreadable(include, 'there are no .sql files in it');
  return found;
}

async function readOne(folder: string, name: string): Promise<string> {
  if (!name.endsWith('.sql')) throw unreadable(name, 'it is not a .sql file');
  const place = await locate(folder, name);
  try {
    const { size } = await stat(place);
    if (size <= BYTES_MAX) return await readFile(place, 'utf8');
  } catch (error) {
    throw unreadable(name, reasonOf(error), error);
  }
  throw unreadable(name, `it has more than ${BYTES_MAX} bytes`);
}

/** The real path of what a request names. */
async function locate(folder: string, name: string): Promise<string> {
  try {
    if (name.includes('\0')) throw unreadable(name.replaceAll('\0', ''), 'its name holds a NUL');
    const base = await realpath(folder);
    const place = await realpath(path.join(base, name));
    if (place === base || place.startsWith(base + path.sep)) return place;
  } catch (error) {
    throw unreadable(name.replaceAll('\0', ''), reasonOf(error), error);
  }
  throw unreadable(name, 'it lies outside of the folder of pipeline files');
}

/** Without this machine's path, which callers have no need to know. */
function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'it does not exist';
  return code === undefined ? 'its name cannot be one' : `the system says ${code}`;
}

function unreadable(file: string, reason: string, cause?: unknown) {
  return syncedTablesError('PIPELINE_FILE_UNREADABLE', { file, reason }, cause);
}
