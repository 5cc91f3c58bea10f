import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import type { PreviewStep, RowPreview } from '../../../sync/source/preview-rows.js';
import type { Caller } from '../../places/caller.js';

/** In one sidecar; each reads all rows of a table. */
const JOBS_AT_ONCE = 2;
const JOB_MINUTES_MAX = 5;
const KEPT_MS = 10 * 60_000;
/** Ended jobs; the oldest are forgotten first. */
const KEPT_MAX = 100;

export type VersionedRows = RowPreview & { readonly version: bigint | null };

/** Rows of a source table that are being read, or were, for one caller. */
export interface PreviewJob<Draft> {
  readonly id: string;
  readonly owner: string;
  /** What was asked for. */
  readonly draft: Draft;
  readonly startedAtMs: number;
  /** Fulfils when nothing is read any more. */
  end: Promise<void>;
  endedAtMs: number | null;
  step: PreviewStep;
  result: VersionedRows | null;
  /** Why it ended without a result. */
  failure: unknown;
  readonly canceled: AbortController;
}

export interface JobRequest<Draft> {
  readonly caller: Caller;
  readonly source: string;
  readonly draft: Draft;
  readonly read: (signal: AbortSignal, onStep: (step: PreviewStep) => void) => Promise<VersionedRows>;
}

/** The previews of this process that read rows: one at a time for each caller. */
export class PreviewJobs<Draft> {
  readonly #jobs = new Map<string, PreviewJob<Draft>>();

  /**
   * Begins to read; ends what the same caller has begun earlier.
   * @throws PREVIEWS_BUSY
   */
  start({ caller, source, draft, read }: JobRequest<Draft>): PreviewJob<Draft> {
    const owner = ownerOf(caller);
    this.#forgetOld();
    for (const job of this.#running().filter((each) => each.owner === owner)) {
      cancel(job, 'its caller has begun another one');
    }
    const others = this.#running().filter((each) => each.owner !== owner).length;
    if (others >= JOBS_AT_ONCE) throw syncedTablesError('PREVIEWS_BUSY', { running: others });
    const canceled = new AbortController();
    const job: PreviewJob<Draft> = {
      id: randomUUID(),
      owner,
      draft,
      startedAtMs: Date.now(),
      end: Promise.resolve(),
      endedAtMs: null,
      step: { done: 0, total: null },
      result: null,
      failure: null,
      canceled,
    };
    this.#jobs.set(job.id, job);
    job.end = run(job, source, read);
    return job;
  }

  /** @throws PREVIEW_NOT_FOUND, also for those of others */
  find(caller: Caller, id: string): PreviewJob<Draft> {
    this.#forgetOld();
    const job = this.#jobs.get(id);
    if (job?.owner !== ownerOf(caller)) throw syncedTablesError('PREVIEW_NOT_FOUND', { preview: id });
    return job;
  }

  /** Ends a job, if it runs, and waits until it reads no more. @throws PREVIEW_NOT_FOUND */
  async cancel(caller: Caller, id: string): Promise<void> {
    const job = this.find(caller, id);
    cancel(job, 'its caller has canceled it');
    await job.end;
  }

  async stop(): Promise<void> {
    const running = this.#running();
    for (const job of running) cancel(job, 'the sidecar is being stopped');
    await Promise.all(running.map(({ end }) => end));
  }

  #running(): PreviewJob<Draft>[] {
    return [...this.#jobs.values()].filter(({ endedAtMs }) => endedAtMs === null);
  }

  #forgetOld(): void {
    const ended = [...this.#jobs.values()].filter(({ endedAtMs }) => endedAtMs !== null);
    const surplus = ended.slice(0, Math.max(0, ended.length - KEPT_MAX));
    const old = ended.filter(({ endedAtMs }) => Date.now() - (endedAtMs ?? 0) > KEPT_MS);
    for (const { id } of [...surplus, ...old]) this.#jobs.delete(id);
  }
}

/** What a job ended with before its time; null while it runs, and for other ends. */
export function isCanceled({ canceled }: Pick<PreviewJob<unknown>, 'canceled'>): boolean {
  return canceled.signal.aborted && (canceled.signal.reason as SyncedTablesError).code === 'PREVIEW_CANCELED';
}

function cancel({ canceled }: Pick<PreviewJob<unknown>, 'canceled'>, reason: string): void {
  canceled.abort(syncedTablesError('PREVIEW_CANCELED', { reason }));
}

async function run<Draft>(job: PreviewJob<Draft>, source: string, read: JobRequest<Draft>['read']): Promise<void> {
  const { canceled } = job;
  const ended = new AbortController();
  sleep(JOB_MINUTES_MAX * 60_000, undefined, { signal: ended.signal, ref: false }).then(
    () => canceled.abort(syncedTablesError('PREVIEW_TOO_LONG', { table: source, minutes: JOB_MINUTES_MAX })),
    () => {},
  );
  try {
    job.result = await read(canceled.signal, (step) => {
      job.step = step;
    });
  } catch (error) {
    job.failure = canceled.signal.aborted ? canceled.signal.reason : error;
  } finally {
    ended.abort();
    job.endedAtMs = Date.now();
  }
}

/** Who may see a job. Callers of different kinds may have the same name. */
function ownerOf({ kind, name }: Caller): string {
  return `${kind} ${name}`;
}
