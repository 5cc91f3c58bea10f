import {
  CHANGES_CHANNEL,
  readVisibleChanges,
  type VisibleTable,
} from '../../../postgres/registry/api/visible-changes.js';
import type { ApiDatabase } from '../../places/api-database.js';
import { type Change, parseChange } from './change.js';

/** Somebody who looks on, with the role that they have in a database. */
export interface Viewer {
  readonly role: string;
  /** Takes hints such as `table:ID`; `all`: so much has changed that everything is to be asked for anew. */
  readonly tell: (hints: readonly string[]) => void;
}

/** Changes are told together, once in this time. */
const TOGETHER_MS = 1_000;
/** A listener that was lost is opened again after this. */
const AGAIN_MS = 5_000;

/**
 * What changes in one database, for as long as somebody looks on: one session that listens, and at most one statement a
 * second, however many look on. Without viewers it does nothing.
 */
export class ChangeWatch implements AsyncDisposable {
  readonly #database: ApiDatabase;
  readonly #onError: (error: unknown) => void;
  readonly #viewers = new Set<Viewer>();
  /** Payloads that have not been told yet. */
  readonly #pending = new Set<string>();
  /** Rows that running loads had copied when they were last told of, by table. */
  #loads = new Map<string, string>();
  #listener: Promise<AsyncDisposable | null> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isTelling = false;
  #openAfter = 0;

  constructor(database: ApiDatabase, onError: (error: unknown) => void) {
    this.#database = database;
    this.#onError = onError;
  }

  /** Looks on until the returned function is called. */
  add(viewer: Viewer): () => void {
    this.#viewers.add(viewer);
    this.#timer ??= setInterval(() => void this.#look(), TOGETHER_MS).unref();
    void this.#look();
    return () => {
      this.#viewers.delete(viewer);
      if (this.#viewers.size === 0) void this[Symbol.asyncDispose]();
    };
  }

  async #look(): Promise<void> {
    if (this.#isTelling || this.#viewers.size === 0) return;
    this.#isTelling = true;
    try {
      this.#open();
      if (this.#pending.size > 0 || this.#loads.size > 0) await this.#tell();
    } catch (error) {
      this.#onError(error);
    } finally {
      this.#isTelling = false;
    }
  }

  #open(): void {
    if (this.#listener !== null || performance.now() < this.#openAfter) return;
    const lost = () => {
      // One that was closed says so late: by then there may be another for the next viewer.
      if (this.#listener !== opened) return;
      this.#listener = null;
      this.#openAfter = performance.now() + AGAIN_MS;
    };
    const opened: Promise<AsyncDisposable | null> = this.#database
      .listen(CHANGES_CHANNEL, (payload) => this.#pending.add(payload), lost)
      .then(
        (listener) => {
          // What was told before is lost.
          for (const { tell } of this.#viewers) tell(['all']);
          return listener;
        },
        (error: unknown) => {
          lost();
          this.#onError(error);
          return null;
        },
      );
    this.#listener = opened;
  }

  async #tell(): Promise<void> {
    const changes = [...this.#pending].flatMap((payload) => parseChange(payload) ?? []);
    this.#pending.clear();
    const roles = [...new Set([...this.#viewers].map(({ role }) => role))];
    const tables = changes.flatMap(({ tableId }) => tableId ?? []);
    const pipelines = changes.flatMap(({ pipelineId }) => pipelineId ?? []);
    const visible = await this.#database.asService((client) =>
      readVisibleChanges(client, roles, { tables, pipelines }),
    );
    const moved = this.#noteLoads(visible);
    for (const { role, tell } of this.#viewers) {
      const own = visible.filter((table) => table.role === role);
      const hints = new Set([
        ...changes.filter((change) => isShown(change, own)).map(({ hint }) => hint),
        ...own.filter(({ tableId }) => moved.has(tableId)).map(({ tableId }) => `table:${tableId}`),
      ]);
      if (hints.size > 0) tell([...hints]);
    }
  }

  /** Tables whose loads have got on, or ended, since the last look. */
  #noteLoads(visible: readonly VisibleTable[]): Set<string> {
    const loads = new Map(
      visible.flatMap(({ tableId, rowsDone }) => (rowsDone === null ? [] : [[tableId, rowsDone] as const])),
    );
    const moved = [...loads].filter(([tableId, rowsDone]) => this.#loads.get(tableId) !== rowsDone);
    this.#loads = loads;
    return new Set(moved.map(([tableId]) => tableId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    const listener = this.#listener;
    this.#listener = null;
    this.#pending.clear();
    this.#loads.clear();
    await (await listener)?.[Symbol.asyncDispose]();
  }
}

/** A table that is gone can be seen by nobody any more; its id says nothing to those who never saw it. */
function isShown(change: Change, own: readonly VisibleTable[]): boolean {
  if (change.isGone) return true;
  if (change.tableId !== null) return own.some(({ tableId }) => tableId === change.tableId);
  return own.some(({ pipelineId }) => pipelineId === change.pipelineId);
}
