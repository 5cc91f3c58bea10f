import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { syncedTablesError } from '../../../core/errors.js';
import type { PreviewStep } from '../../../sync/source/preview-rows.js';
import type { Caller } from '../../places/caller.js';
import { type EarlierRows, earlierRowsOf, readEarlierRows } from './earlier-rows.js';
import type { PreviewDraft } from './preview-draft.js';
import { cancelJob, ownerOf, type PreviewJob, type VersionedRows } from './preview-job.js';
import { jobReplyOf, lostReplyOf } from './preview-reply.js';
import type { PreviewReply } from './preview-schema.js';
import type { SharedPreviews } from './shared-previews.js';

/** In one sidecar; each reads all rows of a table. */
const JOBS_AT_ONCE = 2;
const JOB_MINUTES_MAX = 5;
/** How often a job says how far it has come, and hears whether it is to end. */
const REPORT_MS = 1_000;
/** A job of another sidecar hears within a second that it is to end, and then ends at once. */
const END_MS_MAX = 10_000;
const END_LOOK_MS = 200;

export interface JobRequest {
  readonly caller: Caller;
  readonly source: string;
  readonly draft: PreviewDraft;
  readonly read: (signal: AbortSignal, onStep: (step: PreviewStep) => void) => Promise<VersionedRows>;
}

/**
 * Previews that read rows: one at a time for each caller, whichever sidecar reads. What this process reads is known here, and
 * everything to all sidecars by way of `SharedPreviews`.
 */
export class PreviewJobs {
  readonly #jobs = new Map<string, PreviewJob>();
  readonly #shared: SharedPreviews;
  /** Told of what could not be noted; jobs go on. */
  readonly #onError: (error: unknown, doing: string) => void;

  constructor(shared: SharedPreviews, onError: (error: unknown, doing: string) => void) {
    this.#shared = shared;
    this.#onError = onError;
  }

  /**
   * Begins to read; ends what the same caller has begun earlier.
   * @throws PREVIEWS_BUSY
   */
  async start({ caller, source, draft, read }: JobRequest): Promise<PreviewJob> {
    const owner = ownerOf(caller);
    const reason = 'its caller has begun another one';
    for (const job of this.#running().filter((each) => each.owner === owner)) cancelJob(job, reason);
    const others = this.#running().filter((each) => each.owner !== owner).length;
    if (others >= JOBS_AT_ONCE) throw syncedTablesError('PREVIEWS_BUSY', { running: others });
    const job: PreviewJob = {
      id: randomUUID(),
      owner,
      draft,
      end: Promise.resolve(),
      isOver: false,
      step: { done: 0, total: null },
      result: null,
      failure: null,
      canceled: new AbortController(),
    };
    this.#jobs.set(job.id, job);
    try {
      await this.#shared.begin({ id: job.id, caller: owner, reply: jobReplyOf(job), steps: job.step }, reason);
    } catch (error) {
      this.#jobs.delete(job.id);
      throw error;
    }
    job.end = this.#run(job, source, read);
    return job;
  }

  /** What a caller is told of a job. @throws PREVIEW_NOT_FOUND, also for those of others */
  async reply(caller: Caller, id: string): Promise<PreviewReply> {
    const job = this.#own(caller, id);
    if (job !== null) return jobReplyOf(job);
    const { reply, steps, state } = await this.#find(caller, id);
    const told = { ...(reply as PreviewReply), steps_done: steps.done, steps_total: steps.total };
    return state === 'LOST' ? lostReplyOf(told) : told;
  }

  /** What the rows of a job said; null if that is not known. @throws PREVIEW_NOT_FOUND, also for those of others */
  async rows(caller: Caller, id: string): Promise<EarlierRows | null> {
    const job = this.#own(caller, id);
    return readEarlierRows(job === null ? (await this.#find(caller, id)).found : foundBy(job));
  }

  /** Ends a job, if it runs, and waits until it reads no more. @throws PREVIEW_NOT_FOUND */
  async cancel(caller: Caller, id: string): Promise<void> {
    const reason = 'its caller has canceled it';
    const job = this.#own(caller, id);
    if (job !== null) {
      cancelJob(job, reason);
      return job.end;
    }
    if ((await this.#find(caller, id)).state !== 'RUNNING') return;
    await this.#shared.askToEnd({ id, caller: ownerOf(caller) }, reason);
    const deadline = performance.now() + END_MS_MAX;
    while (performance.now() < deadline && (await this.#find(caller, id)).state === 'RUNNING') await sleep(END_LOOK_MS);
  }

  async stop(): Promise<void> {
    const jobs = [...this.#jobs.values()];
    for (const job of jobs) cancelJob(job, 'the sidecar is being stopped');
    await Promise.all(jobs.map(({ end }) => end));
  }

  /** A job of this process. */
  #own(caller: Caller, id: string): PreviewJob | null {
    const job = this.#jobs.get(id);
    return job?.owner === ownerOf(caller) ? job : null;
  }

  async #find(caller: Caller, id: string) {
    const found = await this.#shared.find({ id, caller: ownerOf(caller) });
    if (found === null) throw syncedTablesError('PREVIEW_NOT_FOUND', { preview: id });
    return found;
  }

  #running(): PreviewJob[] {
    return [...this.#jobs.values()].filter(({ isOver }) => !isOver);
  }

  async #run(job: PreviewJob, source: string, read: JobRequest['read']): Promise<void> {
    const { canceled } = job;
    const over = new AbortController();
    sleep(JOB_MINUTES_MAX * 60_000, undefined, { signal: over.signal, ref: false }).then(
      () => canceled.abort(syncedTablesError('PREVIEW_TOO_LONG', { table: source, minutes: JOB_MINUTES_MAX })),
      () => {},
    );
    const reports = this.#report(job, over.signal);
    try {
      job.result = await read(canceled.signal, (step) => {
        job.step = step;
      });
    } catch (error) {
      job.failure = canceled.signal.aborted ? canceled.signal.reason : error;
    } finally {
      job.isOver = true;
      over.abort();
    }
    await reports;
    await this.#noteEnd(job);
    this.#jobs.delete(job.id);
  }

  /** Until it is over, says how far a job has come, and ends it if another sidecar was asked to. */
  async #report(job: PreviewJob, over: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(REPORT_MS, undefined, { signal: over, ref: false }).catch(() => {});
      if (over.aborted) return;
      try {
        const reason = await this.#shared.report(job.id, job.step);
        if (reason !== null) cancelJob(job, reason);
      } catch (error) {
        this.#onError(error, 'saying how far a preview has come');
      }
    }
  }

  async #noteEnd(job: PreviewJob): Promise<void> {
    const { id, owner: caller, step: steps } = job;
    try {
      await this.#shared.end({ id, caller, steps, reply: jobReplyOf(job), found: foundBy(job) });
    } catch (error) {
      this.#onError(error, 'noting what a preview has found');
    }
  }
}

function foundBy({ draft, result }: PreviewJob): object | null {
  return result === null ? null : earlierRowsOf(draft, result);
}
