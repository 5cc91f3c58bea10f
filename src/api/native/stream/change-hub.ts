import { syncedTablesError } from '../../../core/errors.js';
import type { ApiContext } from '../../places/api-context.js';
import type { ApiDatabase } from '../../places/api-database.js';
import type { Caller } from '../../places/caller.js';
import { databasesOf } from '../../places/database-place.js';
import { ChangeWatch } from './change-watch.js';

/** Streams of all callers together. */
const STREAMS_MAX = 100;

/** Who looks on, at which databases. */
export class ChangeHub implements AsyncDisposable {
  readonly #context: ApiContext;
  readonly #watches = new Map<ApiDatabase, ChangeWatch>();
  #streams = 0;
  #isClosed = false;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  /**
   * Tells a caller what changes, until the returned function is called. Databases that are down are left out.
   * @throws TOO_MANY_STREAMS
   */
  async watch(caller: Caller, tell: (hints: readonly string[]) => void): Promise<() => void> {
    if (this.#streams >= STREAMS_MAX) throw syncedTablesError('TOO_MANY_STREAMS', { limit: STREAMS_MAX });
    this.#streams += 1;
    const known = await Promise.all(
      databasesOf(this.#context, caller).map(async ({ database }) => {
        const role = await database.roleNameOf(caller).catch((error: unknown) => this.#note(error));
        return role === undefined ? null : { database, role };
      }),
    );
    // A viewer who comes while the sidecar stops would open sessions that nobody closes.
    const leave = known.flatMap((each) =>
      each === null || this.#isClosed ? [] : [this.#watchOf(each.database).add({ role: each.role, tell })],
    );
    return () => {
      this.#streams -= 1;
      for (const leaveOne of leave) leaveOne();
    };
  }

  #watchOf(database: ApiDatabase): ChangeWatch {
    const known = this.#watches.get(database) ?? new ChangeWatch(database, (error) => this.#note(error));
    this.#watches.set(database, known);
    return known;
  }

  #note(error: unknown): undefined {
    this.#context.logger.debug({ error }, 'changes of a database cannot be told at the moment');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#watches.values()].map((watch) => watch[Symbol.asyncDispose]()));
  }
}
