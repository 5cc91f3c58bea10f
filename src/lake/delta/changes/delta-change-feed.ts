import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import type { ChangeFeed, ChangeRelation, ChangesOptions } from '../../changes/change-relation.js';
import { requireRange } from '../../changes/require-range.js';
import type { Watch } from '../../relation/watch.js';
import type { DeltaTableOptions } from '../delta-table-options.js';
import type { PartitionTexts } from '../log/action.js';
import { type Commit, probeNewestVersion, readCommits, truncatedLog } from '../log/commit-tail.js';
import { hasInCommitTimestamp, inCommitTimestampMs } from '../log/commit-time.js';
import { duckDbCheckpointReader } from '../log/duckdb-checkpoint-reader.js';
import { commitFingerprint, decodeBookmark, encodeBookmark, type LogHead } from '../log/log-bookmark.js';
import { commitPath, listLog, logFolder } from '../log/log-listing.js';
import { canonicalRoot } from '../log/log-path.js';
import { type DeltaSnapshot, latestDeltaVersion, openTableState, type ReadState } from '../snapshot/delta-snapshot.js';
import { openChangeRelation } from './open-change-relation.js';
import { planChanges } from './plan-changes.js';
import { AddedFiles } from './recorded-commit.js';

const NO_VERSIONS: ReadonlySet<bigint> = new Set();
const BEFORE_THE_FIRST: LogHead = { version: -1n, protocol: null, metadata: null, fingerprint: null };
/** Names of commits; other files of the log come and go without a new version. */
const COMMIT_NAME = /^\d{20}\.json$/;

/** The changes of a Delta table (protocol: "Change Data Files" and what it leaves to the file actions). */
export class DeltaChangeFeed implements ChangeFeed {
  readonly #options: DeltaTableOptions;
  readonly #root: string;
  /** Where the last `changes` ended: following a table continues from here, without reading the earlier log. */
  #head: LogHead | null = null;
  /** What the last snapshot found: reading the whole log again takes minutes if it has no checkpoint. */
  #noted: Pick<DeltaSnapshot, 'version' | 'protocol' | 'metadata' | 'commit'> | null = null;
  readonly #addedFiles = new AddedFiles();
  /** The bookmark that was compared last. */
  #decoded: { readonly bookmark: string; readonly head: LogHead } | null = null;
  /** The commit that was identified last, by its version and the status of its file. */
  #identified: { readonly file: string; readonly identity: string | null } | null = null;

  constructor(options: DeltaTableOptions) {
    this.#root = canonicalRoot(options.root);
    this.#options = { ...options, root: this.#root };
  }

  /** Remembers a snapshot of the same table whose bookmark will be needed. */
  note({ version, protocol, metadata, commit }: DeltaSnapshot): void {
    this.#noted = { version, protocol, metadata, commit };
  }

  async newestVersion(after?: bigint): Promise<bigint> {
    const { ratified } = this.#options;
    if (ratified !== undefined) return ratified.latestVersion();
    const found = after === undefined ? null : await probeNewestVersion({ ...this.#options, after });
    return found ?? latestDeltaVersion(this.#options);
  }

  async isSameCommit(bookmark: string): Promise<boolean> {
    const head = this.#decoded?.bookmark === bookmark ? this.#decoded.head : decodeBookmark(bookmark);
    this.#decoded = { bookmark, head };
    return isSameContent(head, await this.commitIdentity(head.version));
  }

  async commitIdentity(version: bigint): Promise<string | null> {
    const { store } = this.#options;
    // Asked before the content is read, so that a later change shows next time.
    const stat = await store.stat(commitPath(this.#root, version));
    if (stat === null) return null;
    const file = `${version} ${stat.sizeBytes} ${stat.modifiedAtMs} ${stat.etag ?? ''}`;
    if (this.#identified?.file === file) return this.#identified.identity;
    const identity = await commitFingerprint(store, this.#root, version);
    this.#identified = { file, identity };
    return identity;
  }

  async committedAtMs(version: bigint): Promise<number | null> {
    const configuration = (this.#head?.metadata ?? this.#noted?.metadata)?.configuration;
    // A catalog ratifies commits with their times only: the file's time is that of its publication.
    if (this.#options.ratified !== undefined || (configuration && hasInCommitTimestamp(configuration, version))) {
      const stamped = await inCommitTimestampMs({ ...this.#options, version });
      if (stamped !== null) return stamped;
    }
    const stat = await this.#options.store.stat(commitPath(this.#root, version));
    return stat && Math.floor(stat.modifiedAtMs);
  }

  async bookmark(version?: bigint): Promise<string> {
    return encodeBookmark(await this.#headFromLog(version));
  }

  async watch(onHint: () => void): Promise<Watch | null> {
    const onChange = (name: string | null) => {
      if (name === null || COMMIT_NAME.test(name)) onHint();
    };
    return (await this.#options.store.watch?.(logFolder(this.#root), onChange)) ?? null;
  }

  async changes(options: ChangesOptions): Promise<ChangeRelation> {
    const { tableName, store } = this.#options;
    const { from } = options;
    const to = options.to ?? (await this.newestVersion(from < 0n ? undefined : from));
    requireRange(tableName, options, to);
    // Beside proving that the history is the same. If it is not, that is what there is to say.
    const reading = readCommits({ store, root: this.#root, tableName, from, to });
    reading.catch(() => {});
    const head = await this.#headAt(from, options.bookmark);
    if (options.tableId !== undefined && head.metadata !== null && head.metadata.id !== options.tableId) {
      throw syncedTablesError('SOURCE_TABLE_REPLACED', { table: tableName, version: from });
    }
    // What was read of an unfinished commit changed nothing: it is read again, whole.
    const hasGrown = await this.#hasGrown(head, head.emptyBytes);
    const commits = await (hasGrown
      ? readCommits({ store, root: this.#root, tableName, from: from - 1n, to })
      : reading);
    const { keyColumns = [], neededColumns = null, requiredColumns = [], schemaPolicy: policy = 'stop' } = options;
    const rules = { tableName, keyColumns, neededColumns, requiredColumns, policy };
    const plan = await planChanges({
      ...this.#options,
      isRatified: this.#options.ratified !== undefined,
      head,
      commits,
      rules,
      allowFileDiff: options.allowFileDiff,
      byFiles: options.byFiles ?? NO_VERSIONS,
      addedFiles: this.#addedFiles,
      livePartitions: () => this.#livePartitions(from),
    });
    const { protocol, metadata } = plan;
    const identifying = this.#identityOf(commits.at(-1), head);
    const ending = identifying.then((identity): LogHead => ({ ...identity, version: to, protocol, metadata }));
    const bookmark = ending.then(encodeBookmark);
    // Whoever opens the changes waits for it, unless the changes cannot be opened.
    bookmark.catch(() => {});
    const relation = await openChangeRelation({ ...this.#options, plan, commits, from, to, bookmark });
    this.#head = await ending;
    return relation;
  }

  /**
   * @throws SOURCE_COMMIT_GREW if only the beginning of commit `from` was read, SOURCE_HISTORY_REWRITTEN if it is another
   *   one
   */
  async #headAt(from: bigint, bookmark: string | undefined): Promise<LogHead> {
    if (from === -1n) return BEFORE_THE_FIRST;
    const kept = bookmark === undefined ? this.#head : decodeBookmark(bookmark);
    if (kept === null || kept.version !== from) {
      if (bookmark !== undefined) throw new Error(`the bookmark is that of version ${kept?.version}, not of ${from}`);
      return this.#headFromOldLog(from);
    }
    const isSame = isSameContent(kept, await commitFingerprint(this.#options.store, this.#root, from));
    if (!isSame && !(await this.#hasGrown(kept, kept.emptyBytes))) {
      const { tableName: table } = this.#options;
      if (await this.#hasGrown(kept, kept.readBytes)) {
        throw syncedTablesError('SOURCE_COMMIT_GREW', { table, version: from });
      }
      const reason = `commit ${from} has different content from when it was applied`;
      throw syncedTablesError('SOURCE_HISTORY_REWRITTEN', { table, reason });
    }
    return kept;
  }

  /** True if a commit was read when it had so many bytes, and is longer now but begins as it did. */
  async #hasGrown({ version, fingerprint }: LogHead, bytes: number | undefined): Promise<boolean> {
    if (bytes === undefined || fingerprint === null) return false;
    const { store } = this.#options;
    const stat = await store.stat(commitPath(this.#root, version));
    if (stat === null || stat.sizeBytes <= bytes) return false;
    return (await commitFingerprint(store, this.#root, version, bytes)) === fingerprint;
  }

  /** By what the last commit will be known again. */
  async #identityOf(
    last: Commit | undefined,
    head: LogHead,
  ): Promise<Omit<LogHead, 'version' | 'protocol' | 'metadata'>> {
    if (last === undefined) return head;
    const { stat, version, isEmpty } = last;
    const fingerprint = await commitFingerprint(this.#options.store, this.#root, version, stat.sizeBytes);
    return { fingerprint, emptyBytes: isEmpty ? stat.sizeBytes : undefined, readBytes: stat.sizeBytes };
  }

  /** @throws DELTA_TRUNCATED_TRANSACTION_LOG if the log no longer records the metadata of that version */
  async #headFromOldLog(from: bigint): Promise<LogHead> {
    try {
      return await this.#headFromLog(from);
    } catch (error) {
      if (asSyncedTablesError(error)?.code !== 'DELTA_LOG_GAP') throw error;
      const head = await this.#headFromLater(from);
      if (head === null) throw await truncatedLog(this.#options, from, error);
      return head;
    }
  }

  /**
   * What was in force at a version of which nothing is left, for the changes of the oldest commit that a cleaned log still
   * has: the same as at the next checkpoint, unless a commit up to that changed it. Null if that is so.
   * @throws DELTA_TRUNCATED_TRANSACTION_LOG if one of those commits is gone
   */
  async #headFromLater(from: bigint): Promise<LogHead | null> {
    const { checkpoints } = await listLog(this.#options);
    const later = checkpoints.map(({ version }) => version).filter((version) => version > from);
    const to = later.reduce<bigint | null>((least, each) => (least === null || each < least ? each : least), null);
    if (to === null) return null;
    const commits = await readCommits({ ...this.#options, from, to });
    if (commits.some(({ protocol, metadata }) => protocol !== null || metadata !== null)) return null;
    const { protocol, metadata } = await this.#headFromLog(to);
    return { version: from, protocol, metadata, fingerprint: null };
  }

  async #headFromLog(version: bigint | undefined): Promise<LogHead> {
    const noted = this.#noted?.version === version ? this.#noted : null;
    const { protocol, metadata, version: found, commit } = noted ?? (await this.#inForce(version));
    const { store } = this.#options;
    const readBytes = commit?.stat.sizeBytes;
    const fingerprint = await commitFingerprint(store, this.#root, found, readBytes);
    const emptyBytes = commit?.isEmpty ? readBytes : undefined;
    return { version: found, protocol, metadata, fingerprint, emptyBytes, readBytes };
  }

  async #inForce(version: bigint | undefined) {
    const { protocol, metadata, segment, commit } = await this.#state(version);
    return { version: segment.version, protocol, metadata, commit };
  }

  async #livePartitions(version: bigint): Promise<ReadonlyMap<string, PartitionTexts>> {
    if (version < 0n) return new Map();
    const { files } = await this.#state(version).catch(async (error: unknown) => {
      if (asSyncedTablesError(error)?.code !== 'DELTA_LOG_GAP') throw error;
      throw await truncatedLog(this.#options, version, error);
    });
    return new Map(files.flatMap(({ path, add }) => (add.partitionValues ? [[path, add.partitionValues]] : [])));
  }

  async #state(version: bigint | undefined): Promise<ReadState> {
    const { engine, store, tableName, allowOutsidePaths } = this.#options;
    const connection = await engine.connect();
    try {
      const readCheckpoint = duckDbCheckpointReader(connection, { store, scratchFolder: engine.scratchFolder });
      const base = { store, root: this.#root, tableName, allowOutsidePaths, readCheckpoint };
      return await openTableState(version === undefined ? base : { ...base, version });
    } finally {
      connection.closeSync();
    }
  }
}

/** Log clean-up may have removed a commit; then there is nothing to compare. */
function isSameContent(kept: LogHead, fingerprint: string | null): boolean {
  return kept.fingerprint === null || fingerprint === null || fingerprint === kept.fingerprint;
}
