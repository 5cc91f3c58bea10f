import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { Library } from './pipeline-spec.js';

export interface PipelineFile {
  /** As named in the request. */
  readonly name: string;
  readonly text: string;
}

/** Where the files of pipelines are. */
export interface PipelineFolders {
  /** pipelines.folder of the settings. */
  readonly folder: string | undefined;
  /** The real path of what a path of the workspace names, for whoever declares the pipeline; null if no files of callers are kept. */
  readonly inWorkspace: ((path: string) => Promise<string>) | null;
}

const BYTES_MAX = 1_000_000;
const FILES_MAX = 100;
/** Entries of `libraries` that are not SQL files. */
const OTHER_KINDS = ['notebook', 'jar', 'maven', 'whl'] as const;

/**
 * Reads the files that a pipeline's libraries name, in order. Paths below /Workspace are files of callers; others are
 * relative to the configured folder, even with a leading slash. Nothing outside of either is read, even through links.
 * @throws PIPELINE_LIBRARY_UNSUPPORTED, PIPELINE_FOLDER_MISSING, PIPELINE_FILE_UNREADABLE
 */
export async function readPipelineLibraries(
  libraries: readonly Library[],
  folders: PipelineFolders,
): Promise<PipelineFile[]> {
  const files: PipelineFile[] = [];
  for (const library of libraries) {
    const other = OTHER_KINDS.find((kind) => library[kind] !== undefined);
    const given = library.file?.path ?? library.glob?.include;
    if (other !== undefined || given === undefined) {
      throw syncedTablesError('PIPELINE_LIBRARY_UNSUPPORTED', { what: `a library of kind ${other ?? 'unknown'}` });
    }
    const names = library.glob === undefined ? [given] : await namesOf(folders, given);
    for (const name of names) files.push({ name, text: await readOne(folders, name) });
    if (files.length > FILES_MAX) throw unreadable(given, `a pipeline has at most ${FILES_MAX} files`);
  }
  return files;
}

/** A file, or the SQL files of a folder whose name ends with `/**`. */
async function namesOf(folders: PipelineFolders, include: string): Promise<string[]> {
  if (!/[*?[]/.test(include)) return [include];
  const base = /^([^*?[]*?)\/?\*\*$/.exec(include)?.[1];
  if (base === undefined) throw unreadable(include, 'only folders can be included, as folder/**');
  const place = await locate(folders, base);
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

async function readOne(folders: PipelineFolders, name: string): Promise<string> {
  if (!name.endsWith('.sql')) throw unreadable(name, 'it is not a .sql file');
  const place = await locate(folders, name);
  try {
    const { size } = await stat(place);
    if (size <= BYTES_MAX) return await readFile(place, 'utf8');
  } catch (error) {
    throw unreadable(name, reasonOf(error), error);
  }
  throw unreadable(name, `it has more than ${BYTES_MAX} bytes`);
}

/** The real path of what a request names. */
async function locate({ folder, inWorkspace }: PipelineFolders, name: string): Promise<string> {
  if (inWorkspace !== null && (folder === undefined || /^\/+Workspace(\/|$)/.test(name))) {
    return inWorkspace(name).catch((error: unknown) => {
      throw asPipelineError(name, error);
    });
  }
  if (folder === undefined) throw syncedTablesError('PIPELINE_FOLDER_MISSING', { file: name });
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

/** Why a file of the workspace cannot be read, as said of a pipeline. */
function asPipelineError(name: string, error: unknown): unknown {
  const known = asSyncedTablesError(error);
  if (known?.code === 'WORKSPACE_PATH_INVALID') return unreadable(printable(name), 'its path cannot be one', error);
  if (known?.code !== 'WORKSPACE_PATH_NOT_FOUND') return error;
  return unreadable(name, 'whoever declares the pipeline has no such file in the workspace', error);
}

function printable(name: string): string {
  return name.replace(/[\p{Cc}\p{Cs}]/gu, '\ufffd');
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
