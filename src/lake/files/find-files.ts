import { syncedTablesError } from '../../core/errors.js';
import type { FileStat, FileStore } from '../storage/file-store.js';

/** A file of a table that is nothing but files. */
export interface FoundFile {
  /** Absolute path of the store. */
  readonly path: string;
  readonly stat: FileStat;
  /** Values of the folders that are named `column=value`, in their order; null where the value stands for null. */
  readonly partitions: ReadonlyMap<string, string | null>;
}

export interface FilePlace {
  readonly store: FileStore;
  /** Folder or URL without a slash at its end. */
  readonly root: string;
  /** Below the root: a file, a folder with everything below it, or a pattern with `*`, `?` and `**`. */
  readonly path: string;
  /** For messages. */
  readonly tableName: string;
}

const FILES_MAX = 100_000;
const LOOKS_AT_ONCE = 16;
const NULL_PARTITION = '__HIVE_DEFAULT_PARTITION__';

/**
 * Finds the files of a table, in the order of their paths. Files and folders whose names begin with `_` or `.` are none
 * of it: markers, checksums and unfinished files of writers.
 * @throws SOURCE_TABLE_NOT_FOUND if there is none, FILES_INVALID if they are partitioned in different ways or too many
 */
export async function findFiles(place: FilePlace): Promise<FoundFile[]> {
  const { store, root, path, tableName } = place;
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  const paths: string[] = [];
  await walk(store, root, segments, (found) => {
    if (paths.push(found) > FILES_MAX) {
      const reason = `there are more than ${FILES_MAX} of them`;
      throw syncedTablesError('FILES_INVALID', { table: tableName, reason });
    }
  });
  const found: FoundFile[] = [];
  const waiting = paths.sort().values();
  const look = async () => {
    for (const each of waiting) {
      const stat = await store.stat(each);
      // One that vanishes while the others are looked at is no longer part of the table.
      if (stat !== null) found.push({ path: each, stat, partitions: partitionsOf(each.slice(root.length)) });
    }
  };
  await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, look));
  if (found.length === 0) {
    const reason = `no file matches ${root}/${segments.join('/')}`;
    throw syncedTablesError('SOURCE_TABLE_NOT_FOUND', { table: tableName, reason });
  }
  requireSamePartitions(found, tableName);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function walk(
  store: FileStore,
  folder: string,
  segments: readonly string[],
  onFile: (path: string) => void,
): Promise<void> {
  const [segment, ...rest] = segments;
  if (segment !== undefined && !/[*?]/.test(segment)) return walk(store, `${folder}/${segment}`, rest, onFile);
  const entries = await store.list(folder);
  if (entries === null) {
    // The path was that of a file.
    if (segment === undefined && (await store.stat(folder)) !== null) onFile(folder);
    return;
  }
  for (const { name, isFolder } of entries) {
    if (/^[._]/.test(name)) continue;
    const below = `${folder}/${name}`;
    if (segment === undefined) {
      if (isFolder) await walk(store, below, [], onFile);
      else onFile(below);
    } else if (segment === '**') {
      if (isFolder) await walk(store, below, segments, onFile);
      else if (rest.length === 0) onFile(below);
      else if (rest.length === 1 && patternOf(rest[0] ?? '').test(name)) onFile(below);
    } else if (patternOf(segment).test(name)) {
      if (rest.length > 0) {
        if (isFolder) await walk(store, below, rest, onFile);
      } else if (isFolder) await walk(store, below, [], onFile);
      else onFile(below);
    }
  }
}

function patternOf(segment: string): RegExp {
  const text = segment
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${text}$`, 's');
}

function partitionsOf(path: string): Map<string, string | null> {
  const folders = path.split('/').slice(0, -1);
  const pairs = folders.flatMap((folder) => {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(folder) ?? [];
    if (name === undefined || value === undefined) return [];
    return [[unescaped(name), value === NULL_PARTITION ? null : unescaped(value)] as const];
  });
  return new Map(pairs);
}

/** Writers escape in names of folders what a file system or a URL would take otherwise. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function requireSamePartitions(files: readonly FoundFile[], tableName: string): void {
  const namesOf = ({ partitions }: FoundFile) => [...partitions.keys()].join(', ');
  const [first] = files;
  const other = first && files.find((file) => namesOf(file) !== namesOf(first));
  if (first === undefined || other === undefined) return;
  const words = (file: FoundFile) => `${file.path} by ${namesOf(file) || 'nothing'}`;
  const reason = `they are partitioned in different ways: ${words(first)}, ${words(other)}`;
  throw syncedTablesError('FILES_INVALID', { table: tableName, reason });
}
