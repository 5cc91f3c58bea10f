import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { nullIfMissing } from './file-system-errors.js';
import { homeFolderOf, type WorkspacePath } from './workspace-path.js';

// The files of callers, below one folder of the settings:
//
//   Users/<caller>/…   seen by that caller alone
//   Shared/…           seen by all who may create synced tables
//   .incoming/…        what is being written or removed; renamed into or out of its place in one step
//
// Nothing here follows a link. Several sidecars may share the folder: what has to happen once (a file that must not exist
// yet) is left to the file system.

/** Leftovers of sidecars that died are removed after a day. */
const INCOMING_MS_MAX = 86_400_000;

/** The folder of the settings, and its parts. */
export class WorkspaceFolder {
  readonly #folder: string;
  #base: Promise<string> | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Where what belongs to a caller, or to all, is kept. */
  async areaPlace(callerName: string, area: WorkspacePath['area']): Promise<string> {
    const base = await this.#real();
    return area === 'shared' ? path.join(base, 'Shared') : path.join(base, 'Users', homeFolderOf(callerName));
  }

  /** The folder of an area, made if it is not there. */
  async areaFolder(callerName: string, area: WorkspacePath['area']): Promise<string> {
    const place = await this.areaPlace(callerName, area);
    await mkdir(place, { recursive: true, mode: 0o700 });
    return place;
  }

  /** The name of a new entry of `.incoming`. */
  async incoming(): Promise<string> {
    return path.join(await this.#real(), '.incoming', randomUUID());
  }

  /** The folder itself, made on first use. */
  #real(): Promise<string> {
    this.#base ??= this.#prepare().catch((error: unknown) => {
      this.#base = null;
      throw error;
    });
    return this.#base;
  }

  async #prepare(): Promise<string> {
    await mkdir(path.join(this.#folder, '.incoming'), { recursive: true, mode: 0o700 });
    const base = await realpath(this.#folder);
    const incoming = path.join(base, '.incoming');
    for (const name of await readdir(incoming)) {
      const left = path.join(incoming, name);
      const stats = await lstat(left).catch(nullIfMissing);
      if (stats !== null && Date.now() - stats.mtimeMs > INCOMING_MS_MAX) {
        await rm(left, { recursive: true, force: true });
      }
    }
    return base;
  }
}
