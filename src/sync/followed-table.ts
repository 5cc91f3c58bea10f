import { syncedTablesError } from '../core/errors.js';
import type { SyncedTable } from '../core/synced-table.js';
import type { CatalogSet } from '../lake/catalog/catalog.js';
import type { LakeTable } from '../lake/lake-table.js';
import { RetryPause } from './retry-pause.js';

/** A synced table whose source is being followed: the source stays open, and failures are counted. */
export class FollowedTable {
  #table: SyncedTable;
  #source: { readonly lakeTable: LakeTable; readonly watch: Disposable | null } | null = null;
  readonly #pause = new RetryPause();

  constructor(table: SyncedTable) {
    this.#table = table;
  }

  /** As the registry has it. */
  get table(): SyncedTable {
    return this.#table;
  }

  get lakeTable(): LakeTable | null {
    return this.#source?.lakeTable ?? null;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#pause.failures;
  }

  /** Milliseconds until the next attempt; null if it does not have to wait. */
  waitMs(): number | null {
    return this.#pause.waitMs();
  }

  /**
   * Looks for a version other than the one that the table reflects, by the name of the next commit.
   * @param onHint called when something may have been committed
   * @throws what opening the source and looking at its log throw
   */
  async hasNews(catalogs: CatalogSet, onHint: () => void): Promise<boolean> {
    this.#source ??= await this.#open(catalogs, onHint);
    const { changeFeed } = this.#source.lakeTable;
    if (changeFeed === null) throw syncedTablesError('SOURCE_WITHOUT_HISTORY', { table: this.#table.source });
    const position = this.#table.syncedVersion;
    return (await changeFeed.newestVersion(position ?? undefined)) !== position;
  }

  async #open(catalogs: CatalogSet, onHint: () => void) {
    const lakeTable = await catalogs.open(this.#table.source);
    return { lakeTable, watch: lakeTable.changeFeed?.watch(onHint) ?? null };
  }

  /** The table was brought to another version. */
  moveTo(table: SyncedTable): void {
    this.#table = table;
    this.recover();
  }

  /** What failed before does not any more. */
  recover(): void {
    this.#pause.recover();
  }

  /** Counts a failure. The source is opened anew next time: what was kept of it may be what is wrong. Returns the pause. */
  fail(): number {
    this.close();
    return this.#pause.fail();
  }

  close(): void {
    this.#source?.watch?.[Symbol.dispose]();
    this.#source = null;
  }
}
