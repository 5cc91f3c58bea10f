import type pg from 'pg';
import type { ViewDeclaration } from '../../core/flows/pipeline-declaration.js';
import type { CatalogSet } from '../../lake/catalog/catalog.js';
import type { Engine } from '../../lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../lake/lake-table.js';
import {
  declarationOf,
  type RegisteredPipeline,
  type StreamingTable,
} from '../../postgres/registry/streaming-tables.js';
import { tableActivity } from '../../postgres/registry/table-activity.js';
import { ComparisonPause } from '../follow/comparison-pause.js';
import type { Followed } from '../follow/follow-loop.js';
import { RetryPause } from '../follow/retry-pause.js';
import { SourceWatch } from '../follow/source-watch.js';
import { flowReads } from './source/flow-reads.js';

export interface SignalOptions {
  /** The session, for sources within the database. */
  readonly session: () => Promise<pg.Client>;
  readonly engine: Engine;
  readonly catalogs: CatalogSet;
  /** How often to read a source that cannot tell whether it has changed. */
  readonly pollSeconds: number;
  /** Called when a source may have a new commit. */
  readonly onHint: () => void;
}

/** A lakehouse table kept open to detect its commits. */
interface WatchedTable {
  readonly lakeTable: LakeTable;
  readonly watch: SourceWatch;
  readonly comparison: ComparisonPause;
  newest: { readonly version: bigint; readonly identity: string | null } | null;
}

/** A streaming table whose flows are followed: its sources stay open, and failures are counted. */
export class FollowedFlows implements Followed {
  /** Whether the registry may say that the table is behind: at first nobody knows what a follower before has left. */
  isSaidBehind = true;
  readonly #pause = new RetryPause();
  #table: StreamingTable;
  #views: readonly ViewDeclaration[];
  #sources: {
    readonly lake: readonly WatchedTable[];
    readonly postgres: readonly { readonly schema: string; readonly table: string }[];
  } | null = null;
  /** The state of the sources when they were last read. */
  #applied: string | null = null;

  constructor(table: StreamingTable, { views }: RegisteredPipeline) {
    this.#table = table;
    this.#views = views;
  }

  /** As recorded in the registry. */
  get table(): StreamingTable {
    return this.#table;
  }

  get failures(): number {
    return this.#pause.failures;
  }

  waitMs(): number | null {
    return this.#pause.waitMs();
  }

  get isTold(): boolean {
    const { lake, postgres } = this.#sources ?? { lake: [], postgres: [] };
    return lake.length > 0 && postgres.length === 0 && lake.every(({ watch }) => watch.seesAll);
  }

  /** Takes over what the registry has now. If the declaration changed, the sources are reopened. */
  redeclare(table: StreamingTable, { views }: RegisteredPipeline): void {
    const isSame = table.declarationHash === this.#table.declarationHash;
    if (isSame && table.isMade === this.#table.isMade) return;
    this.#table = table;
    this.#views = views;
    if (!isSame) this.close();
  }

  /**
   * The current state of the sources; null if unchanged since they were last read.
   * @throws errors of opening the sources and reading their logs
   */
  async news(options: SignalOptions): Promise<string | null> {
    this.#sources ??= await this.#open(options);
    const states: string[] = [];
    for (const watched of this.#sources.lake) states.push(await lakeState(watched, options.pollSeconds));
    for (const { schema, table } of this.#sources.postgres) {
      states.push(await tableActivity(await options.session(), schema, table));
    }
    const state = states.join('\n');
    return state === this.#applied ? null : state;
  }

  /** The state from `news` has been read and applied. */
  applied(state: string): void {
    this.#applied = state;
    this.#pause.recover();
  }

  /** Counts a failure. The sources are reopened next time: the fault may lie in what was kept of them. */
  fail(): number {
    this.close();
    return this.#pause.fail();
  }

  close(): void {
    for (const { watch } of this.#sources?.lake ?? []) watch[Symbol.dispose]();
    this.#sources = null;
    this.#applied = null;
  }

  async #open({ engine, catalogs, onHint }: SignalOptions) {
    const names = new Set<string>();
    const postgres: { schema: string; table: string }[] = [];
    for (const { source } of declarationOf(this.#table).flows) {
      const reads = await flowReads(engine, source, this.#views);
      for (const name of reads.lakeTables) names.add(name);
      postgres.push(...reads.postgresTables);
    }
    const lake: WatchedTable[] = [];
    try {
      for (const name of names) {
        const lakeTable = await catalogs.open(name);
        const watch = await SourceWatch.open(lakeTable.changeFeed, onHint);
        lake.push({ lakeTable, watch, comparison: new ComparisonPause(), newest: null });
      }
    } catch (error) {
      for (const { watch } of lake) watch[Symbol.dispose]();
      throw error;
    }
    return { lake, postgres };
  }
}

/**
 * A version alone says little: its commit may be written anew, or be that of another table with as many commits. A flow
 * that reads on from there finds out.
 */
async function lakeState(watched: WatchedTable, pollSeconds: number): Promise<string> {
  const { lakeTable, watch, comparison } = watched;
  const { changeFeed, name } = lakeTable;
  if (changeFeed === null) {
    const { version, tableId } = await lakeTable.snapshot();
    // Files without a log do not say: such a source is reread from time to time.
    return `${name} ${version ?? Math.floor(performance.now() / (pollSeconds * 1000))} ${tableId}`;
  }
  await watch.look(async () => {
    const { newest } = watched;
    const version = await changeFeed.newestVersion(newest?.version);
    if (version === newest?.version && !comparison.isDue(watch.isLocal)) return false;
    watched.newest = { version, identity: await changeFeed.commitIdentity(version) };
    return version !== newest?.version || watched.newest.identity !== newest.identity;
  });
  return `${name} ${watched.newest?.version} ${watched.newest?.identity}`;
}
