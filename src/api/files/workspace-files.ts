import { constants, createWriteStream, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, realpath, rename, rm, rmdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { falseIfExists, inOurWords, nullIfMissing } from './file-system-errors.js';
import { FolderUsage, type Usage } from './folder-usage.js';
import { LimitedBytes } from './limited-bytes.js';
import { entryOf, idOf, type WorkspaceEntry } from './workspace-entry.js';
import { WorkspaceFolder } from './workspace-folder.js';
import { parseWorkspacePath, type WorkspacePath } from './workspace-path.js';

/** What callers may keep. */
export interface WorkspaceLimits {
  readonly fileBytes: number;
  /** Of one caller, and of the shared folder. */
  readonly folderBytes: number;
  readonly folderFiles: number;
}

/** Who asks, and what they may do. */
export interface WorkspaceCaller {
  readonly name: string;
  /** Whether the shared folder is there for them. */
  maySeeShared(): Promise<boolean>;
}

/** A file that is open for reading. */
export interface OpenedFile {
  readonly bytes: number;
  readonly handle: FileHandle;
}

/** The workspace of the settings. */
export class WorkspaceFiles {
  readonly #folder: WorkspaceFolder;
  readonly #limits: WorkspaceLimits;
  readonly #usage = new FolderUsage();

  constructor(folder: string, limits: WorkspaceLimits) {
    this.#folder = new WorkspaceFolder(folder);
    this.#limits = limits;
  }

  /**
   * What there is under a path.
   * @throws WORKSPACE_PATH_INVALID, WORKSPACE_PATH_NOT_FOUND
   */
  async status(caller: WorkspaceCaller, given: string): Promise<WorkspaceEntry> {
    return this.#reading(async () => {
      const wanted = await this.#parse(caller, given);
      if (wanted.below.length === 0) return this.#topEntry(caller, wanted);
      const place = await this.#existing(caller, wanted);
      return entryOf(wanted.shown, place.stats);
    });
  }

  /**
   * What is directly in a folder, by name; of a file, the file itself.
   * @throws as `status`
   */
  async list(caller: WorkspaceCaller, given: string): Promise<WorkspaceEntry[]> {
    return this.#reading(async () => {
      const wanted = await this.#parse(caller, given);
      const child = (name: string) => `${wanted.shown === '/' ? '' : wanted.shown}/${name}`;
      if (wanted.area === 'root') {
        const tops = (await caller.maySeeShared()) ? ['Shared', 'Users'] : ['Users'];
        return tops.map((name) => entryOf(child(name), null));
      }
      if (wanted.area === 'users') return [entryOf(child(caller.name), null)];
      const place = await this.#find(caller, wanted);
      if (place === null && wanted.below.length === 0) return [];
      if (place === null) throw notFound(wanted);
      if (!place.stats.isDirectory()) return [entryOf(wanted.shown, place.stats)];
      const entries: WorkspaceEntry[] = [];
      for (const name of (await readdir(place.path)).sort()) {
        const stats = await lstat(path.join(place.path, name)).catch(nullIfMissing);
        if (stats?.isFile() || stats?.isDirectory()) entries.push(entryOf(child(name), stats));
      }
      return entries;
    });
  }

  /**
   * Opens a file; whoever asked closes it.
   * @throws as `status`, WORKSPACE_NOT_A_FILE
   */
  async open(caller: WorkspaceCaller, given: string): Promise<OpenedFile> {
    return this.#reading(async () => {
      const wanted = await this.#parse(caller, given);
      const place = wanted.below.length === 0 ? null : await this.#existing(caller, wanted);
      if (place === null || !place.stats.isFile()) {
        throw syncedTablesError('WORKSPACE_NOT_A_FILE', { path: wanted.shown });
      }
      const handle = await open(place.path, constants.O_RDONLY | constants.O_NOFOLLOW);
      return { handle, bytes: place.stats.size };
    });
  }

  /**
   * The file or folder of an id, among those that the caller sees.
   * @throws WORKSPACE_PATH_NOT_FOUND
   */
  async find(caller: WorkspaceCaller, id: string): Promise<WorkspaceEntry> {
    return this.#reading(async () => {
      const homes = [`/Users/${caller.name}`, ...((await caller.maySeeShared()) ? ['/Shared'] : [])];
      for (const top of ['/', '/Users', ...homes]) if (String(idOf(top)) === id) return this.status(caller, top);
      for (const top of homes) {
        const place = await this.#folder.areaPlace(caller.name, top === '/Shared' ? 'shared' : 'home');
        for (const below of (await readdir(place, { recursive: true }).catch(nullIfMissing)) ?? []) {
          const shown = `${top}/${below.split(path.sep).join('/')}`;
          if (String(idOf(shown)) === id) return this.status(caller, shown);
        }
      }
      throw syncedTablesError('WORKSPACE_PATH_NOT_FOUND', { path: `object ${id}` });
    });
  }

  /**
   * Where a file or folder lies on this machine, with no link on the way.
   * @throws as `status`
   */
  async locate(caller: WorkspaceCaller, given: string): Promise<string> {
    return this.#reading(async () => {
      const wanted = await this.#parse(caller, given);
      return (await this.#existing(caller, wanted)).path;
    });
  }

  /**
   * Makes a folder and those above it; one that exists stays as it is.
   * @throws WORKSPACE_PATH_INVALID, WORKSPACE_PATH_EXISTS, WORKSPACE_FULL, ACCESS_DENIED
   */
  async makeFolder(caller: WorkspaceCaller, given: string): Promise<void> {
    return this.#writing(async () => {
      const wanted = await this.#parseToWrite(caller, given);
      const area = await this.#folder.areaFolder(caller.name, wanted.area);
      const usage = await this.#usage.of(area);
      let place = area;
      for (const name of wanted.below) {
        place = path.join(place, name);
        const there = await lstat(place).catch(nullIfMissing);
        if (there?.isDirectory()) continue;
        if (there !== null) throw syncedTablesError('WORKSPACE_PATH_EXISTS', { path: wanted.shown });
        this.#requireRoom(usage, { files: 1, bytes: 0 }, wanted);
        // Another request may make it at the same moment.
        if (await mkdir(place, { mode: 0o700 }).then(() => true, falseIfExists)) usage.files += 1;
      }
    });
  }

  /**
   * Keeps a file: all of it, or nothing.
   * @param overwrite whether it may take the place of another
   * @throws WORKSPACE_PATH_INVALID, WORKSPACE_PARENT_MISSING, WORKSPACE_PATH_EXISTS, WORKSPACE_FILE_TOO_LARGE,
   *   WORKSPACE_FULL, ACCESS_DENIED
   */
  async write(
    caller: WorkspaceCaller,
    given: string,
    content: AsyncIterable<Buffer>,
    overwrite: boolean,
  ): Promise<void> {
    return this.#writing(async () => {
      const wanted = await this.#parseToWrite(caller, given);
      const area = await this.#folder.areaFolder(caller.name, wanted.area);
      const place = await this.#placeToWrite(area, wanted);
      const usage = await this.#usage.of(area);
      const isNew = (await this.#replaced(place, wanted, overwrite)) === null;
      this.#requireRoom(usage, { files: isNew ? 1 : 0, bytes: 0 }, wanted);
      const temporary = await this.#folder.incoming();
      try {
        const bytes = await this.#receive(temporary, content, wanted);
        const replaced = await this.#replaced(place, wanted, overwrite);
        const added = { files: replaced === null ? 1 : 0, bytes: bytes - (replaced?.size ?? 0) };
        this.#requireRoom(usage, added, wanted);
        // Of several that must not overwrite, the file system lets one make the file.
        if (!overwrite) await (await open(place, 'wx', 0o600)).close();
        await rename(temporary, place);
        usage.files += added.files;
        usage.bytes += added.bytes;
      } catch (error) {
        await unlink(temporary).catch(nullIfMissing);
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EEXIST' || code === 'EISDIR') {
          throw syncedTablesError('WORKSPACE_PATH_EXISTS', { path: wanted.shown }, error);
        }
        if (code === 'ENOENT' || code === 'ENOTDIR') throw parentMissing(wanted, error);
        throw error;
      }
    });
  }

  /**
   * Removes a file, or a folder with all that is in it.
   * @throws WORKSPACE_PATH_INVALID, WORKSPACE_PATH_NOT_FOUND, WORKSPACE_FOLDER_NOT_EMPTY, ACCESS_DENIED
   */
  async remove(caller: WorkspaceCaller, given: string, recursive: boolean): Promise<void> {
    return this.#writing(async () => {
      const wanted = await this.#parseToWrite(caller, given);
      if (wanted.below.length === 0) {
        throw syncedTablesError('ACCESS_DENIED', {
          reason: `folder ${wanted.shown} itself stays; delete what is in it`,
        });
      }
      const { path: place, stats } = await this.#existing(caller, wanted);
      if (!stats.isDirectory()) {
        await unlink(place);
      } else if (recursive) {
        const temporary = await this.#folder.incoming();
        await rename(place, temporary);
        await rm(temporary, { recursive: true, force: true });
      } else {
        await rmdir(place).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
          throw syncedTablesError('WORKSPACE_FOLDER_NOT_EMPTY', { path: wanted.shown }, error);
        });
      }
      this.#usage.forget(await this.#folder.areaFolder(caller.name, wanted.area));
    });
  }

  async #parse(caller: WorkspaceCaller, given: string): Promise<WorkspacePath> {
    const wanted = parseWorkspacePath(given, caller.name);
    if (wanted.area === 'shared' && !(await caller.maySeeShared())) throw notFound(wanted);
    return wanted;
  }

  /** Also refuses the folders above, which nobody can change. */
  async #parseToWrite(caller: WorkspaceCaller, given: string): Promise<WorkspacePath> {
    const outside = () => {
      const reason = `${caller.name} may write below /Users/${caller.name}, and below /Shared if they may create synced tables`;
      return syncedTablesError('ACCESS_DENIED', { reason });
    };
    const wanted = await this.#parse(caller, given).catch((error: unknown) => {
      throw asSyncedTablesError(error)?.code === 'WORKSPACE_PATH_NOT_FOUND' ? outside() : error;
    });
    if (wanted.area === 'root' || wanted.area === 'users') throw outside();
    return wanted;
  }

  #topEntry(caller: WorkspaceCaller, { shown, area }: WorkspacePath): Promise<WorkspaceEntry> {
    if (area === 'root' || area === 'users') return Promise.resolve(entryOf(shown, null));
    return this.#folder
      .areaPlace(caller.name, area)
      .then(async (place) => entryOf(shown, await lstat(place).catch(nullIfMissing)));
  }

  async #existing(caller: WorkspaceCaller, wanted: WorkspacePath) {
    const found = await this.#find(caller, wanted);
    if (found === null) throw notFound(wanted);
    return found;
  }

  async #find(
    caller: WorkspaceCaller,
    { area, below }: WorkspacePath,
  ): Promise<{ readonly path: string; readonly stats: Stats } | null> {
    if (area === 'root' || area === 'users') return null;
    const place = path.join(await this.#folder.areaPlace(caller.name, area), ...below);
    const stats = await lstat(place).catch(nullIfMissing);
    if (stats === null || !(stats.isFile() || stats.isDirectory())) return null;
    return (await realpath(place).catch(nullIfMissing)) === place ? { path: place, stats } : null;
  }

  /** Where a file is to lie: in a folder that is there. */
  async #placeToWrite(area: string, wanted: WorkspacePath): Promise<string> {
    const name = wanted.below.at(-1);
    if (name === undefined) throw syncedTablesError('WORKSPACE_PATH_EXISTS', { path: wanted.shown });
    const parent = path.join(area, ...wanted.below.slice(0, -1));
    if ((await realpath(parent).catch(nullIfMissing)) !== parent) throw parentMissing(wanted);
    if (!(await lstat(parent)).isDirectory()) throw parentMissing(wanted);
    return path.join(parent, name);
  }

  /** The file that a new one takes the place of. */
  async #replaced(place: string, { shown }: WorkspacePath, overwrite: boolean): Promise<Stats | null> {
    const there = await lstat(place).catch(nullIfMissing);
    if (there === null || (overwrite && !there.isDirectory())) return there;
    throw syncedTablesError('WORKSPACE_PATH_EXISTS', { path: shown });
  }

  async #receive(temporary: string, content: AsyncIterable<Buffer>, { shown }: WorkspacePath): Promise<number> {
    const limited = new LimitedBytes(this.#limits.fileBytes, (limit) =>
      syncedTablesError('WORKSPACE_FILE_TOO_LARGE', { path: shown, limit: `${limit / 2 ** 20} MiB` }),
    );
    await pipeline(content, limited, createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true }));
    return limited.bytes;
  }

  #requireRoom(usage: Usage, added: Usage, { shown }: WorkspacePath): void {
    const { folderFiles, folderBytes } = this.#limits;
    const full = (limit: string) => syncedTablesError('WORKSPACE_FULL', { path: shown, limit });
    if (added.files > 0 && usage.files + added.files > folderFiles) throw full(`${folderFiles} files and folders`);
    if (added.bytes > 0 && usage.bytes + added.bytes > folderBytes) throw full(`${folderBytes / 2 ** 20} MiB`);
  }

  #reading<Result>(work: () => Promise<Result>): Promise<Result> {
    return inOurWords(work, 'read');
  }

  #writing<Result>(work: () => Promise<Result>): Promise<Result> {
    return inOurWords(work, 'written');
  }
}

function notFound({ shown }: WorkspacePath) {
  return syncedTablesError('WORKSPACE_PATH_NOT_FOUND', { path: shown });
}

function parentMissing({ shown }: WorkspacePath, cause?: unknown) {
  return syncedTablesError('WORKSPACE_PARENT_MISSING', { path: path.posix.dirname(shown) }, cause);
}
