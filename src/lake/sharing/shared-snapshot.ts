import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { Action } from '../delta/log/action.js';
import { type LiveFile, LogReplay } from '../delta/log/log-replay.js';
import { type DeltaSnapshot, snapshotOf } from '../delta/snapshot/delta-snapshot.js';
import type { FileStore } from '../storage/file-store.js';
import type { SharedAnswer } from './shared-answer.js';
import { changedMeanwhile, SharedFiles, type SharedUrls, sharedFileStore } from './shared-files.js';
import type { SharedTableApi } from './shared-table-api.js';
import type { SharedTableOptions } from './shared-table-options.js';

/** A shared table at one version, and the addresses of its files. */
export interface SharedSnapshot extends DeltaSnapshot {
  readonly store: FileStore;
}

/** What is in force at a version, as a server answers. */
export type SharedState = Pick<DeltaSnapshot, 'version' | 'protocol' | 'metadata'>;

/**
 * What an answer about one version says of the table.
 * @throws CATALOG_ANSWER_INVALID
 */
export function sharedState(
  answer: SharedAnswer,
  { catalog, tableName: table }: Pick<SharedTableOptions, 'catalog' | 'tableName'>,
): SharedState {
  const { version } = answer;
  const [protocol, metadata] = [answer.protocols[0]?.action, answer.metadata[0]?.action];
  if (version !== null && protocol && metadata) return { version, protocol, metadata };
  const missing = version === null ? 'version' : protocol ? 'metaData' : 'protocol';
  throw syncedTablesError('CATALOG_ANSWER_INVALID', { catalog, table, reason: `it has no ${missing}` });
}

/** Asks for a version, by default the newest, and translates the answer; `files` are the live ones. */
export async function openSharedSnapshot(
  options: SharedTableOptions,
  version?: bigint,
): Promise<{ readonly snapshot: SharedSnapshot; readonly files: readonly LiveFile[] }> {
  const { root, tableName, api } = options;
  const answer = await (version === undefined ? api.query() : queryVersion(options, version));
  const state = sharedState(answer, options);
  const files = await liveFilesOf(answer, options);
  const names = { root, tableName, allowOutsidePaths: false, isRatified: true };
  const renew = () => renewed(options, { answer, version: state.version });
  const store = sharedFileStore({ ...options, files: new SharedFiles({ urls: answer.urls, renew }) });
  const snapshot = {
    ...snapshotOf({ ...state, files }, names),
    committedAtMs: committedAtMs(answer),
    commit: null,
    store,
  };
  return { snapshot, files };
}

/**
 * The files of the version that an answer is about.
 * @throws DELTA_LOG_CORRUPT
 */
export async function liveFilesOf(
  answer: SharedAnswer,
  { root, tableName }: Pick<SharedTableOptions, 'root' | 'tableName'>,
): Promise<readonly LiveFile[]> {
  const replay = new LogReplay({ root, tableName });
  await replay.apply(liveActions(answer), { name: 'the answer of the server' });
  return replay.liveFiles();
}

async function* liveActions({ files }: SharedAnswer): AsyncGenerator<Action> {
  for (const { action } of files) if (action.kind === 'add') yield action;
}

/** Only answers about a version that was asked for say when it was committed. */
function committedAtMs({ files }: SharedAnswer): number | null {
  return files[0]?.committedAtMs ?? null;
}

/**
 * The newest version can be had of every table, others only of those that are shared with their history.
 * @throws DELTA_VERSION_NOT_FOUND, SHARED_VERSION_REFUSED
 */
async function queryVersion({ api, tableName: table }: SharedTableOptions, version: bigint): Promise<SharedAnswer> {
  const latest = await api.version();
  if (version < 0n || version > latest) throw syncedTablesError('DELTA_VERSION_NOT_FOUND', { table, version, latest });
  if (version === latest) {
    const answer = await api.query();
    if (answer.version === version) return answer;
  }
  try {
    return { ...(await api.query({ version })), version };
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (known?.code !== 'SHARING_REQUEST_REFUSED') throw error;
    const reason = known.message.replace(/\.$/, '');
    throw syncedTablesError('SHARED_VERSION_REFUSED', { table, version, reason }, known);
  }
}

interface Reading {
  readonly answer: SharedAnswer;
  readonly version: bigint;
}

/**
 * New addresses of the same files: by the token that came with the old ones; else by asking for the newest version, which
 * may still have the same files; else for this version, if the history is shared.
 * @throws SHARED_TABLE_CHANGED
 */
async function renewed({ api, tableName }: SharedTableOptions, { answer, version }: Reading): Promise<SharedUrls> {
  const { refreshToken, urls } = answer;
  const ways: (() => Promise<SharedAnswer>)[] = [
    ...(refreshToken === null ? [] : [() => api.query({ refreshToken })]),
    () => api.query(),
    () => api.query({ version }),
  ];
  for (const ask of ways) {
    const found = await unlessRefused(ask);
    if (found && hasAll(found.urls, urls)) return found.urls;
  }
  throw changedMeanwhile(tableName, version);
}

async function unlessRefused(ask: () => ReturnType<SharedTableApi['query']>): Promise<SharedAnswer | null> {
  try {
    return await ask();
  } catch (error) {
    if (asSyncedTablesError(error)?.code === 'SHARING_REQUEST_REFUSED') return null;
    throw error;
  }
}

function hasAll(found: SharedUrls, wanted: SharedUrls): boolean {
  return [...wanted.keys()].every((name) => found.has(name));
}
