import type pg from 'pg';
import type { SyncedTablesError } from '../core/errors.js';
import type { CatalogSet } from '../lake/catalog/catalog.js';
import { explainIfOutdated } from '../postgres/install/migrate.js';
import { dropLeftRoles, maintainTables, pruneHistory, takeSamples } from '../postgres/maintain-tables.js';
import { tellLag } from '../postgres/registry/notices.js';
import { readFailedFollowed } from '../postgres/registry/synced-tables.js';
import type { SharedSession } from '../postgres/session/shared-session.js';
import { lookAtFailedTables } from '../sync/follow/look-at-failed-tables.js';

const PRUNE_SECONDS = 3_600;
const SAMPLE_SECONDS = 60;
const ROLE_SECONDS = 1_800;

export interface MaintenanceOptions {
  /** For what must not hold up the queue. */
  readonly session: SharedSession;
  readonly catalogs: CatalogSet;
  /** A table that is further behind is told of. */
  readonly lagSecondsMax: number;
  /** How long events and ended updates are kept. */
  readonly historyDays: number;
  readonly onError: (error: unknown, doing: string) => void;
  /** Number of the newest numbered file of this release. */
  readonly knownMigration: number;
  /** Called with DATABASE_NEWER when a newer release has made the schema one that this release cannot work with. */
  readonly onOutdated: (error: SyncedTablesError) => void;
}

/** What a sidecar does for its database periodically, beside the queue. */
export class Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #stopping = new AbortController();
  #prunedAt = Number.NEGATIVE_INFINITY;
  #sampledAt = Number.NEGATIVE_INFINITY;
  /** Not at the start: nobody is in a hurry. */
  #rolesDroppedAt = performance.now();
  /** The check of failed tables that is in progress. */
  #look: Promise<void> | null = null;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
  }

  /**
   * Cleans up leftovers; once a minute samples lag and rows, and tells of lag; every half an hour drops roles of dropped databases; once an
   * hour prunes old history, in small steps.
   */
  async run(client: pg.Client): Promise<void> {
    const outdated = await explainIfOutdated(client, this.#options.knownMigration);
    if (outdated !== null) return this.#options.onOutdated(outdated);
    await maintainTables(client);
    await this.#lookAtFailed(client);
    if (performance.now() - this.#sampledAt >= SAMPLE_SECONDS * 1000) {
      await takeSamples(client);
      await tellLag(client, this.#options.lagSecondsMax);
      this.#sampledAt = performance.now();
    }
    if (performance.now() - this.#rolesDroppedAt >= ROLE_SECONDS * 1000) {
      this.#rolesDroppedAt = performance.now();
      await dropLeftRoles(client);
    }
    if (performance.now() - this.#prunedAt < PRUNE_SECONDS * 1000) return;
    const hasMore = await pruneHistory(client, this.#options.historyDays);
    if (!hasMore) this.#prunedAt = performance.now();
  }

  stop(): void {
    this.#stopping.abort(new Error('the sidecar is stopping'));
  }

  async settled(): Promise<void> {
    await this.#look;
  }

  /** Runs beside the queue, which an unresponsive store must not hold up. */
  async #lookAtFailed(client: pg.Client): Promise<void> {
    const tables = this.#look === null ? await readFailedFollowed(client) : [];
    if (tables.length === 0) return;
    const { catalogs, session, onError } = this.#options;
    const { signal } = this.#stopping;
    this.#look = lookAtFailedTables({ session, catalogs, tables, signal })
      .catch((error: unknown) => signal.aborted || onError(error, 'looking at sources'))
      .then(() => {
        this.#look = null;
      });
  }
}
