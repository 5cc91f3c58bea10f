import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { ChangeFeed, ChangeRelation, ChangesOptions } from '../changes/change-relation.js';
import { requireRange } from '../changes/require-range.js';
import { openChangeRelation } from '../delta/changes/open-change-relation.js';
import { type PlannedCommit, planChanges } from '../delta/changes/plan-changes.js';
import { AddedFiles } from '../delta/changes/recorded-commit.js';
import type { ChangeFileAction, FileAction, PartitionTexts } from '../delta/log/action.js';
import { decodeBookmark, encodeBookmark, type LogHead } from '../delta/log/log-bookmark.js';
import type { SharedAnswer } from './shared-answer.js';
import { changedMeanwhile, SharedFiles, sharedFileStore } from './shared-files.js';
import { openSharedSnapshot, type SharedState, sharedState } from './shared-snapshot.js';
import type { SharedTableOptions } from './shared-table-options.js';

const BEFORE_THE_FIRST: LogHead = { version: -1n, protocol: null, metadata: null, fingerprint: null };

/** How long the id of a table is believed. */
const IDENTITY_MS = 10_000;

/** The answers of a server that has no changes to give. */
const REFUSALS: ReadonlySet<string> = new Set(['SHARING_REQUEST_REFUSED', 'CATALOG_ACCESS_DENIED']);

/**
 * The changes of a shared table, where its provider shares its history: the server gives the files of a range of versions,
 * and says which actions of Delta's log they come from. The log itself stays with the provider, so that nothing tells a
 * history that was rewritten under the same versions and the same id.
 */
export class SharedChangeFeed implements ChangeFeed {
  readonly #options: SharedTableOptions;
  /** Where the last `changes` ended. */
  #head: LogHead | null = null;
  /** What the last snapshot found. */
  #noted: SharedState | null = null;
  /** The id of the table when it was asked for last. */
  #identity: { readonly id: string; readonly atMs: number } | null = null;

  constructor(options: SharedTableOptions) {
    this.#options = options;
  }

  /** Remembers a snapshot of the same table whose bookmark will be needed. */
  note({ version, protocol, metadata }: SharedState): void {
    this.#noted = { version, protocol, metadata };
  }

  newestVersion(): Promise<bigint> {
    return this.#options.api.version();
  }

  async refusal(): Promise<SyncedTablesError | null> {
    const { api, tableName: table } = this.#options;
    const newest = await api.version();
    try {
      await api.changes(newest, newest);
      return null;
    } catch (error) {
      const known = asSyncedTablesError(error);
      if (!known || !REFUSALS.has(known.code)) throw error;
      return syncedTablesError('SHARE_WITHOUT_HISTORY', { table, reason: known.message.replace(/\.$/, '') }, known);
    }
  }

  async isSameCommit(bookmark: string): Promise<boolean> {
    const { metadata } = decodeBookmark(bookmark);
    return metadata === null || metadata.id === (await this.commitIdentity());
  }

  /** That of the table: a server tells nothing else of a commit. Asked for seldom, since a followed table looks often. */
  async commitIdentity(): Promise<string> {
    if (this.#identity !== null && performance.now() - this.#identity.atMs < IDENTITY_MS) return this.#identity.id;
    const { metadata } = await this.#stateAt(undefined);
    this.#identity = { id: metadata.id, atMs: performance.now() };
    return metadata.id;
  }

  async committedAtMs(): Promise<null> {
    return null;
  }

  async watch(): Promise<null> {
    return null;
  }

  async bookmark(version?: bigint): Promise<string> {
    return encodeBookmark(await this.#headAt(version));
  }

  async changes(options: ChangesOptions): Promise<ChangeRelation> {
    const { api, tableName, root } = this.#options;
    const { from } = options;
    const to = options.to ?? (await api.version());
    requireRange(tableName, options, to);
    const head = await this.#given({ from, to }, () => this.#headOf(options));
    // An answer about changes tells by itself whose they are.
    const tableId = from === to && head.metadata !== null ? await this.commitIdentity() : options.tableId;
    const isOther = [tableId, options.tableId].some((id) => id !== undefined && id !== (head.metadata?.id ?? id));
    if (isOther) throw syncedTablesError('SOURCE_TABLE_REPLACED', { table: tableName, version: from });
    const ask = () => this.#given({ from, to }, () => api.changes(from + 1n, to));
    const answer = from === to ? null : await ask();
    const { commits, times } = this.#commits(answer, { from, to });
    const { keyColumns = [], neededColumns = null, requiredColumns = [], schemaPolicy: policy = 'stop' } = options;
    const plan = await planChanges({
      root,
      tableName,
      isRatified: true,
      allowOutsidePaths: false,
      head,
      commits,
      rules: { tableName, keyColumns, neededColumns, requiredColumns, policy },
      allowFileDiff: options.allowFileDiff,
      byFiles: new Set(),
      addedFiles: new AddedFiles(),
      livePartitions: () => this.#given({ from, to }, () => this.#removedPartitions(commits)),
    });
    const { protocol, metadata } = plan;
    const end: LogHead = { version: to, protocol, metadata, fingerprint: null };
    const renew = async () => {
      const { urls } = await ask();
      const isComplete = [...(answer?.urls.keys() ?? [])].every((name) => urls.has(name));
      if (!isComplete) throw changedMeanwhile(tableName, to);
      return urls;
    };
    const files = new SharedFiles({ urls: answer?.urls ?? new Map(), renew });
    const relation = await openChangeRelation({
      ...this.#options,
      store: sharedFileStore({ ...this.#options, files }),
      allowOutsidePaths: false,
      // The server leaves out what else a commit with change files did, so there is nothing to compare them with.
      plan: { ...plan, committedAtMs: times.get(to) ?? null, recorded: [] },
      commits: [],
      from,
      to,
      bookmark: encodeBookmark(end),
    });
    this.#head = end;
    return relation;
  }

  /**
   * The partition values of removed files, which a log need not repeat: of the version before, whose files they were. What a
   * commit with change files has added is in no answer about changes.
   */
  async #removedPartitions(commits: readonly PlannedCommit[]): Promise<ReadonlyMap<string, PartitionTexts>> {
    const found = new Map<string, PartitionTexts>();
    for (const { version, removes } of commits) {
      if (removes.every(({ partitionValues }) => partitionValues !== null)) continue;
      const { files } = await openSharedSnapshot(this.#options, version - 1n);
      for (const { path, add } of files) if (add.partitionValues) found.set(path, add.partitionValues);
    }
    return found;
  }

  /** @throws SHARED_CHANGES_GONE, SHARE_WITHOUT_HISTORY */
  async #given<Answer>(
    range: { readonly from: bigint; readonly to: bigint },
    ask: () => Promise<Answer>,
  ): Promise<Answer> {
    const { tableName: table } = this.#options;
    try {
      return await ask();
    } catch (error) {
      const known = asSyncedTablesError(error);
      if (!known || !REFUSALS.has(known.code)) throw error;
      // A server that still gives the newest changes has lost the older ones, or never had them.
      const refusal = await this.refusal();
      if (refusal) throw refusal;
      const reason = known.message.replace(/\.$/, '');
      throw syncedTablesError('SHARED_CHANGES_GONE', { table, ...range, reason }, known);
    }
  }

  async #headOf({ from, bookmark }: ChangesOptions): Promise<LogHead> {
    if (from === -1n) return BEFORE_THE_FIRST;
    const kept = bookmark === undefined ? this.#head : decodeBookmark(bookmark);
    if (kept?.version === from) return kept;
    if (bookmark !== undefined) throw new Error(`the bookmark is that of version ${kept?.version}, not of ${from}`);
    return this.#headAt(from);
  }

  async #headAt(version: bigint | undefined): Promise<LogHead> {
    const noted = version !== undefined && this.#noted?.version === version ? this.#noted : null;
    const state = noted ?? (await this.#stateAt(version));
    return { ...state, fingerprint: null };
  }

  async #stateAt(version: bigint | undefined): Promise<SharedState> {
    const { api } = this.#options;
    const newest = await api.metadata();
    if (version === undefined || newest.version === version) return sharedState(newest, this.#options);
    return sharedState({ ...(await api.metadata(version)), version }, this.#options);
  }

  /**
   * The commits of an answer, in the order of their versions, and their times. Where it says nothing of a version, nothing
   * happened that concerns readers.
   */
  #commits(
    answer: SharedAnswer | null,
    { from, to }: { readonly from: bigint; readonly to: bigint },
  ): { readonly commits: PlannedCommit[]; readonly times: ReadonlyMap<bigint, number> } {
    const commits = new Map<bigint, CommitInMaking>();
    const times = new Map<bigint, number>();
    const at = (version: bigint) => {
      if (version <= from || version > to) throw this.#outOfRange(version);
      const commit = commits.get(version) ?? emptyCommit(version);
      commits.set(version, commit);
      return commit;
    };
    // What comes first is in force where the range begins, or is the newest of all: servers differ.
    const first = (version: bigint | null) => {
      return at(version === null || version <= from || version > to ? from + 1n : version);
    };
    for (const { action, version } of answer?.protocols ?? []) first(version).protocol = action;
    for (const { action, version } of answer?.metadata ?? []) first(version).metadata = action;
    for (const { action, version, committedAtMs } of answer?.files ?? []) {
      const commit = at(version ?? -1n);
      if (action.kind === 'cdc') commit.changeFiles.push(action);
      else if (action.kind === 'add') commit.adds.push(action);
      else commit.removes.push(action);
      if (committedAtMs === null) continue;
      times.set(commit.version, committedAtMs);
      commit.modifiedAtMs = committedAtMs;
    }
    return { commits: [...commits.values()].sort((a, b) => (a.version < b.version ? -1 : 1)), times };
  }

  #outOfRange(version: bigint): Error {
    const { catalog, tableName: table } = this.#options;
    const what = version < 0n ? 'a change of no version' : `changes of version ${version}`;
    return syncedTablesError('CATALOG_ANSWER_INVALID', { catalog, table, reason: `it has ${what}` });
  }
}

type Writable<Shape> = { -readonly [Key in keyof Shape]: Shape[Key] };

interface CommitInMaking extends Writable<Omit<PlannedCommit, 'adds' | 'removes' | 'changeFiles'>> {
  readonly adds: FileAction[];
  readonly removes: FileAction[];
  readonly changeFiles: ChangeFileAction[];
}

function emptyCommit(version: bigint): CommitInMaking {
  const none = { adds: [], removes: [], changeFiles: [] };
  return { version, protocol: null, metadata: null, inCommitTimestampMs: null, modifiedAtMs: 0, ...none };
}
