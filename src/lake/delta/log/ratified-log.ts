import type { FileEntry, FileStore } from '../../storage/file-store.js';
import { commitName, lastVersionOf, logFolder } from './log-listing.js';

/** What a catalog says about the commits of a table that it manages. */
export interface RatifiedCommits {
  /** The newest version that the catalog has accepted. What lies in the log beyond it is no part of the table. */
  readonly latestVersion: bigint;
  /** Names of files in `_delta_log/_staged_commits`, by version, of commits that may not be published yet. */
  readonly staged: ReadonlyMap<bigint, string>;
}

/** The log of a table whose commits a catalog ratifies. */
export interface RatifiedLog {
  /** The files of the table; its log as the catalog has ratified it. */
  readonly store: FileStore;
  /** Asks the catalog. */
  latestVersion(): Promise<bigint>;
}

const STAGED_FOLDER = '_staged_commits';
const STAGED_NAME = /^(\d{20})\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json$/;

/** Whether this can be the name of the staged commit of a version: a catalog must not name any other file. */
export function isStagedCommitName(name: string, version: bigint): boolean {
  const [, digits] = STAGED_NAME.exec(name) ?? [];
  return digits !== undefined && BigInt(digits) === version;
}

/**
 * Shows the log of a table as its catalog has ratified it, so that readers of a log need not know of catalogs (protocol:
 * "Catalog-managed tables", reader requirements). The catalog is asked before each listing: a commit that was published
 * and forgotten by the catalog in between is then in the listing; the other way round it would be in neither. A staged
 * commit is what was ratified; a file of the same version in the log may be that of somebody who lost. Nothing else of
 * the folder of staged commits is ever read, since it holds those, too.
 * @param options.ask requests what is ratified; is called for each listing and for `latestVersion`, and when a staged
 *   commit is gone
 */
export function ratifiedLog(options: {
  readonly store: FileStore;
  /** Canonical. */
  readonly root: string;
  readonly ask: () => Promise<RatifiedCommits>;
}): RatifiedLog {
  const { store, root, ask } = options;
  const folder = logFolder(root);
  let known: RatifiedCommits | null = null;
  const refresh = async () => {
    known = await ask();
    return known;
  };

  /** Calls `use` with the file that holds the content of `path`; null if there is none. */
  async function atPath<Result>(path: string, use: (path: string) => Promise<Result | null>): Promise<Result | null> {
    const version = commitVersion(path, folder);
    if (version === null) return use(path);
    const { latestVersion, staged } = known ?? (await refresh());
    if (version > latestVersion) return null;
    const name = staged.get(version);
    if (name === undefined) return use(path);
    const found = await use(`${folder}/${STAGED_FOLDER}/${name}`);
    if (found !== null) return found;
    // It may have been published and removed since. While the catalog still names it, only the staged file counts.
    return (await refresh()).staged.has(version) ? null : use(path);
  }

  const { download, whileAnswering } = store;
  const shown: FileStore = {
    async list(listed, after, limit) {
      if (listed !== folder) return store.list(listed, after, limit);
      const ratified = await refresh();
      const entries = await store.list(listed, after, limit);
      return entries && ratifiedEntries(entries, ratified);
    },
    hasFolder: (path) => store.hasFolder(path),
    stat: (path) => atPath(path, (place) => store.stat(place)),
    readRange: (path, ...range) => atPath(path, (place) => store.readRange(place, ...range)),
    ...(download && {
      download: async (path, wanted) => {
        const isThere = await atPath(path, async (place) => (await download.call(store, place, wanted)) || null);
        return isThere ?? false;
      },
    }),
    ...(whileAnswering && { whileAnswering: (reading) => whileAnswering.call(store, reading) as typeof reading }),
    // No watch: a file of the log appears some time after the commit, a staged one before it, and some never.
  };
  return { store: shown, latestVersion: async () => (await refresh()).latestVersion };
}

/** The version of the commit at a path; null for all other files. */
function commitVersion(path: string, folder: string): bigint | null {
  if (!path.startsWith(`${folder}/`)) return null;
  const [, digits] = /^(\d{20})\.json$/.exec(path.slice(folder.length + 1)) ?? [];
  return digits === undefined ? null : BigInt(digits);
}

/** The entries of a log without those of versions that are not ratified, and with all commits that are. */
function ratifiedEntries(entries: readonly FileEntry[], { latestVersion, staged }: RatifiedCommits): FileEntry[] {
  const kept = entries.filter(({ name }) => (lastVersionOf(name) ?? -1n) <= latestVersion);
  const names = new Set(kept.map(({ name }) => name));
  const missing = [...staged.keys()].map(commitName).filter((name) => !names.has(name));
  return [...kept, ...missing.map((name) => ({ name, isFolder: false }))];
}
