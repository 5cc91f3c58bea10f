import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { ChangeFeed, ChangeRelation, ChangesOptions, SchemaChange } from '../changes/change-relation.js';
import { requireRange } from '../changes/require-range.js';
import { compareNeeded, neededFields, requireFollowable } from '../changes/schema-changes.js';
import { type ChangeBookmark, decodeBookmark, encodeBookmark, hashOfColumns } from './change-bookmark.js';
import { openRemoteChanges, type RemoteChangeFeedOptions } from './remote-changes.js';
import type { RemoteColumn, RemoteCommit, RemoteState, VersionRange } from './row-source.js';

/** How long the newest commit is believed to be the newest: as long as one look at a table takes. */
const NEWEST_MS = 1_000;

/**
 * The changes of a table that a server reads for us, from the change data feed that the server reads. The server says
 * which commits there are; whether all of them are still there is checked before it is asked, since it may give nothing
 * for one that is gone.
 */
export class RemoteChangeFeed implements ChangeFeed {
  readonly #options: RemoteChangeFeedOptions;
  #newest: { readonly commit: RemoteCommit; readonly atMs: number } | null = null;
  /** The columns of the version that was read last. */
  #noted: { readonly version: bigint; readonly columns: readonly RemoteColumn[] } | null = null;

  constructor(options: RemoteChangeFeedOptions) {
    this.#options = options;
  }

  /** Remembers a state of the same table whose bookmark will be needed. */
  note({ version, columns }: RemoteState): void {
    if (version !== null) this.#noted = { version, columns };
  }

  async newestVersion(): Promise<bigint> {
    return (await this.#look()).version;
  }

  async isSameCommit(bookmark: string): Promise<boolean> {
    const { version, commit } = decodeBookmark(bookmark);
    const identity = await this.commitIdentity(version);
    return identity === null || identity === commit;
  }

  async commitIdentity(version: bigint): Promise<string | null> {
    return (await this.#commit(version))?.identity ?? null;
  }

  async committedAtMs(version: bigint): Promise<number | null> {
    return (await this.#commit(version))?.committedAtMs ?? null;
  }

  async watch(): Promise<null> {
    return null;
  }

  async bookmark(version?: bigint): Promise<string> {
    const commit = version === undefined ? await this.#look() : await this.#commit(version);
    const { catalog, tableName: table } = this.#options;
    if (commit === null) throw syncedTablesError('REMOTE_VERSION_GONE', { catalog, version: version ?? 0n, table });
    return encodeBookmark(bookmarkOf(commit, await this.#columns(commit.version)));
  }

  async changes(options: ChangesOptions): Promise<ChangeRelation> {
    const { history, tableName, tableId } = this.#options;
    const { from } = options;
    const newest = await this.#look();
    const to = options.to ?? newest.version;
    requireRange(tableName, options, to);
    if (options.tableId !== undefined && options.tableId !== tableId) {
      throw syncedTablesError('SOURCE_TABLE_REPLACED', { table: tableName, version: from });
    }
    const range = { from, to };
    const known = options.bookmark === undefined ? null : decodeBookmark(options.bookmark);
    await this.#requireHistory(range, known);
    const last = to === newest.version ? newest : await this.#commit(to);
    if (last === null) throw this.#gone(range, `version ${to} is no longer in its history`);
    const columns = await this.#columns(to).catch((error) => this.#fail(error, range));
    const { keyColumns = [], neededColumns = null, requiredColumns = [], schemaPolicy: policy = 'stop' } = options;
    const rules = { tableName, keyColumns, neededColumns, requiredColumns, policy };
    const changed = await this.#schemaChanges(range, { known, columns, rules });
    // Nothing but its name tells a column from another.
    requireFollowable(changed, { areIdentified: false }, rules);
    const fields = neededFields(
      columns.map(({ field }) => field),
      rules,
    );
    return openRemoteChanges({
      ...this.#options,
      range,
      columns: columns.filter(({ field }) => fields.includes(field)),
      changes: (wanted) => history.changes(range, wanted),
      end: {
        tableName,
        version: to,
        committedAtMs: last.committedAtMs,
        tableId,
        columns: fields,
        rowCount: null,
        hasChangeFeed: true,
      },
      schemaChanges: changed,
      bookmark: encodeBookmark(bookmarkOf(last, columns)),
      explain: (error) => this.#explain(error, range),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  }

  async #look(): Promise<RemoteCommit> {
    const commit = await this.#options.history.newest();
    const { catalog, tableName: table } = this.#options;
    if (commit === null) {
      throw syncedTablesError('REMOTE_CHANGES_NOT_GIVEN', { catalog, table, reason: 'it has no history any more' });
    }
    this.#newest = { commit, atMs: performance.now() };
    return commit;
  }

  async #commit(version: bigint): Promise<RemoteCommit | null> {
    const newest = this.#newest;
    if (newest?.commit.version === version && performance.now() - newest.atMs < NEWEST_MS) return newest.commit;
    const found = await this.#options.history.commits(version, version);
    return found.find((commit) => commit.version === version) ?? null;
  }

  async #columns(version: bigint): Promise<readonly RemoteColumn[]> {
    if (this.#noted?.version !== version) {
      this.#noted = { version, columns: await this.#options.history.columns(version) };
    }
    return this.#noted.columns;
  }

  /** @throws REMOTE_CHANGES_GONE if a version of the range is not there, SOURCE_HISTORY_REWRITTEN if the one before it is another one */
  async #requireHistory(range: VersionRange, known: ChangeBookmark | null): Promise<void> {
    const { history, tableName: table } = this.#options;
    const { from, to } = range;
    if (known !== null && known.version !== from) {
      throw new Error(`the bookmark is that of version ${known.version}, not of ${from}`);
    }
    const first = from < 0n ? 0n : from;
    const commits = new Map((await history.commits(first, to)).map((commit) => [commit.version, commit]));
    for (let version = first; version <= to; version++) {
      const commit = commits.get(version);
      if (commit === undefined) throw this.#gone(range, `version ${version} is no longer in its history`);
      if (version === from && known !== null && known.commit !== commit.identity) {
        const reason = `version ${from} is another one than the one that was applied`;
        throw syncedTablesError('SOURCE_HISTORY_REWRITTEN', { table, reason });
      }
      if (version > from && !history.isExact(commit.operation)) {
        const what = commit.operation.slice(0, WORD_MAX);
        throw this.#gone(
          range,
          `version ${version} was made by ${what}, of which it does not give exactly what changed`,
        );
      }
    }
  }

  async #schemaChanges(
    range: VersionRange,
    { known, columns, rules }: Pick<RemoteState, 'columns'> & SchemaComparison,
  ): Promise<SchemaChange[]> {
    if (range.from < 0n || known?.columns === hashOfColumns(columns)) return [];
    const before = await this.#options.history.columns(range.from).catch((error) => this.#fail(error, range));
    const fields = (all: readonly RemoteColumn[]) => ({ columns: all.map(({ field }) => field) });
    return compareNeeded(fields(before), fields(columns), rules, range.to);
  }

  #fail(error: unknown, range: VersionRange): never {
    throw this.#explain(error, range);
  }

  /** What a server refuses of the past, it no longer has: a copy of the newest version fails by itself if that is not so. */
  #explain(error: unknown, range: VersionRange): unknown {
    const known = asSyncedTablesError(error);
    if (known?.code !== 'REMOTE_QUERY_FAILED') return error;
    const told = known.message.split(`${this.#options.tableName}: `).at(-1) ?? '';
    return this.#gone(range, told.replace(/\.$/, ''), known);
  }

  #gone(range: VersionRange, reason: string, cause?: unknown): Error {
    const { catalog, tableName: table } = this.#options;
    return syncedTablesError('REMOTE_CHANGES_GONE', { catalog, table, ...range, reason }, cause);
  }
}

interface SchemaComparison {
  readonly known: ChangeBookmark | null;
  readonly rules: Parameters<typeof compareNeeded>[2];
}

/** Of a word of the server in a message. */
const WORD_MAX = 60;

function bookmarkOf({ version, identity }: RemoteCommit, columns: readonly RemoteColumn[]): ChangeBookmark {
  return { version, commit: identity, columns: hashOfColumns(columns) };
}
