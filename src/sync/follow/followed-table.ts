import type { SyncedTable } from '../../core/synced-table.js';
import type { CatalogSet } from '../../lake/catalog/catalog.js';
import type { LakeTable } from '../../lake/lake-table.js';
import { chosenSource } from '../source/chosen-source.js';
import { requireHistory } from '../source/source-history.js';
import { readSourceLag, type SourceLag } from '../source/source-lag.js';
import { ComparisonPause } from './comparison-pause.js';
import type { Followed } from './follow-loop.js';
import { RetryPause } from './retry-pause.js';
import { SourceWatch } from './source-watch.js';

/** A synced table whose source is followed: the source stays open, and failures are counted. */
export class FollowedTable implements Followed {
  #table: SyncedTable;
  #source: { readonly lakeTable: LakeTable; readonly watch: SourceWatch } | null = null;
  readonly #pause = new RetryPause();
  readonly #comparison = new ComparisonPause();
  #newestVersion: bigint | null = null;

  constructor(table: SyncedTable) {
    this.#table = table;
  }

  /** As recorded in the registry. */
  get table(): SyncedTable {
    return this.#table;
  }

  get lakeTable(): LakeTable | null {
    return this.#source?.lakeTable ?? null;
  }

  /** What the last check found; null before it. */
  get newestVersion(): bigint | null {
    return this.#newestVersion;
  }

  get failures(): number {
    return this.#pause.failures;
  }

  waitMs(): number | null {
    return this.#pause.waitMs();
  }

  get isTold(): boolean {
    return this.#source?.watch.seesAll === true;
  }

  /**
   * Looks for a version other than the one that the table reflects, by the name of the next commit. A rewritten commit
   * of the reflected version is news too: reading the changes since then will reveal it.
   * @param onHint called when something may have been committed
   * @throws errors of opening the source and reading its log
   */
  async hasNews(catalogs: CatalogSet, onHint: () => void): Promise<boolean> {
    this.#source ??= await this.#open(catalogs, onHint);
    const { lakeTable, watch } = this.#source;
    const changeFeed = requireHistory(lakeTable, this.#table.source);
    const { syncedVersion, sourceBookmark } = this.#table;
    return watch.look(async () => {
      this.#newestVersion = await changeFeed.newestVersion(syncedVersion ?? undefined);
      if (this.#newestVersion !== syncedVersion) return true;
      if (sourceBookmark === null || !this.#comparison.isDue(watch.isLocal)) return false;
      return !(await changeFeed.isSameCommit(sourceBookmark));
    });
  }

  async #open(catalogs: CatalogSet, onHint: () => void) {
    const lakeTable = chosenSource(await catalogs.open(this.#table.source), this.#table);
    return { lakeTable, watch: await SourceWatch.open(lakeTable.changeFeed, onHint) };
  }

  /** How far the source is ahead of the table, as far as known: null unless the last check found news. */
  async readLag(): Promise<SourceLag | null> {
    const changeFeed = this.#source?.lakeTable.changeFeed;
    const newest = this.#newestVersion;
    const { syncedVersion } = this.#table;
    if (!changeFeed || newest === null || syncedVersion === null || newest <= syncedVersion) return null;
    return readSourceLag(changeFeed, syncedVersion, newest);
  }

  /** The table was brought to another version. */
  moveTo(table: SyncedTable): void {
    this.startFrom(table);
    this.recover();
  }

  /** The next changes are those since the version that the registry has for the table. */
  startFrom(table: SyncedTable): void {
    this.#table = table;
  }

  /** Earlier failures are over. */
  recover(): void {
    this.#pause.recover();
  }

  /** Counts a failure. The source is reopened next time: the fault may lie in what was kept of it. */
  fail(): number {
    this.close();
    return this.#pause.fail();
  }

  close(): void {
    this.#source?.watch[Symbol.dispose]();
    this.#source = null;
  }
}
