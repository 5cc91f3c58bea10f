import { syncedTablesError } from '../../../core/errors.js';
import type { FileStore } from '../../storage/file-store.js';

export interface Checkpoint {
  readonly version: bigint;
  /** File names in `_delta_log`: one, or all parts of a multi-part checkpoint. */
  readonly names: readonly string[];
}

/** A file that holds the reconciled actions of the commits `from` to `to`, both included. */
interface Compaction {
  readonly from: bigint;
  readonly to: bigint;
  readonly name: string;
}

/** The contents of `_delta_log` at one moment. */
export interface LogListing {
  /** Names of commit files by version. */
  readonly commits: ReadonlyMap<bigint, string>;
  /** Complete checkpoints, newest first; several of one version may occur. */
  readonly checkpoints: readonly Checkpoint[];
  readonly compactions: readonly Compaction[];
  /** The version of the newest commit or checkpoint. */
  readonly latestVersion: bigint;
}

const COMMIT = /^(\d{20})\.json$/;
const SINGLE_CHECKPOINT =
  /^(\d{20})\.checkpoint(\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.json|(\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?\.parquet)$/i;
const CHECKPOINT_PART = /^(\d{20})\.checkpoint\.(\d{10})\.(\d{10})\.parquet$/;
const COMPACTION = /^(\d{20})\.(\d{20})\.compacted\.json$/;

/** The folder of a table's log. */
export function logFolder(root: string): string {
  return `${root}/_delta_log`;
}

/** `00000000000000000012.json` */
export function commitName(version: bigint): string {
  return `${String(version).padStart(20, '0')}.json`;
}

export function commitPath(root: string, version: bigint): string {
  return `${logFolder(root)}/${commitName(version)}`;
}

/** The newest version that a file of the log is about; null for names that do not begin with a version. */
export function lastVersionOf(name: string): bigint | null {
  const [, to] = COMPACTION.exec(name)?.slice(1) ?? [];
  const digits = to ?? /^(\d{20})\./.exec(name)?.[1];
  return digits === undefined ? null : BigInt(digits);
}

/** True for the name of a compaction. */
export function isCompaction(name: string): boolean {
  return COMPACTION.test(name);
}

/**
 * Lists the log of the table at `root` once. `_last_checkpoint` is not read: it is only a hint, and the listing that we
 * need anyway is more accurate (protocol: "Last Checkpoint File").
 * @throws SOURCE_TABLE_NOT_FOUND if there is no log or nothing in it
 */
export async function listLog(options: { store: FileStore; root: string; tableName: string }): Promise<LogListing> {
  const { store, root, tableName } = options;
  const entries = await store.list(logFolder(root));
  if (!entries) {
    throw syncedTablesError('SOURCE_TABLE_NOT_FOUND', { table: tableName, reason: `there is no ${logFolder(root)}` });
  }
  const names = entries.filter((entry) => !entry.isFolder).map((entry) => entry.name);
  const commits = listCommits(names);
  const checkpoints = [...listSingleCheckpoints(names), ...listMultiPartCheckpoints(names)];
  checkpoints.sort((a, b) => (a.version === b.version ? 0 : a.version < b.version ? 1 : -1));

  let latestVersion = checkpoints[0]?.version ?? -1n;
  for (const version of commits.keys()) if (version > latestVersion) latestVersion = version;
  if (latestVersion < 0n) {
    throw syncedTablesError('SOURCE_TABLE_NOT_FOUND', {
      table: tableName,
      reason: `${logFolder(root)} holds neither a commit nor a complete checkpoint`,
    });
  }
  return { commits, checkpoints, compactions: listCompactions(names), latestVersion };
}

function listCommits(names: readonly string[]): Map<bigint, string> {
  const commits = new Map<bigint, string>();
  for (const name of names) {
    const [, version] = COMMIT.exec(name) ?? [];
    if (version !== undefined) commits.set(BigInt(version), name);
  }
  return commits;
}

function listSingleCheckpoints(names: readonly string[]): Checkpoint[] {
  return names.flatMap((name) => {
    const [, version] = SINGLE_CHECKPOINT.exec(name) ?? [];
    return version === undefined ? [] : [{ version: BigInt(version), names: [name] }];
  });
}

/** Only those with every part: a checkpoint with a missing part does not exist. */
function listMultiPartCheckpoints(names: readonly string[]): Checkpoint[] {
  const groups = new Map<string, { version: bigint; partCount: number; parts: Map<number, string> }>();
  for (const name of names) {
    const [, version, part, partCount] = CHECKPOINT_PART.exec(name) ?? [];
    if (version === undefined || part === undefined || partCount === undefined) continue;
    const key = `${version}.${partCount}`;
    const group = groups.get(key) ?? { version: BigInt(version), partCount: Number(partCount), parts: new Map() };
    group.parts.set(Number(part), name);
    groups.set(key, group);
  }
  return [...groups.values()].flatMap(({ version, partCount, parts }) => {
    const numbers = [...parts.keys()].sort((a, b) => a - b);
    const isComplete = partCount > 0 && numbers.length === partCount && numbers.every((number, i) => number === i + 1);
    return isComplete ? [{ version, names: numbers.map((number) => parts.get(number) ?? '') }] : [];
  });
}

function listCompactions(names: readonly string[]): Compaction[] {
  return names.flatMap((name) => {
    const [, from, to] = COMPACTION.exec(name) ?? [];
    if (from === undefined || to === undefined || BigInt(to) <= BigInt(from)) return [];
    return [{ from: BigInt(from), to: BigInt(to), name }];
  });
}
