import type pg from 'pg';
import { type Backoff, backoffMs } from '../core/backoff.js';
import { asSyncedTablesError, syncedTablesError } from '../core/errors.js';
import { News } from '../core/news.js';
import type { Slots } from '../core/slots.js';
import type { UpdateMode, UpdateOutcome } from '../core/update-outcome.js';
import { WakeUp } from '../core/wake-up.js';
import {
  type ClaimedUpdate,
  claimUpdates,
  readFollowerShare,
  readOutlook,
  readPipelineNews,
  readRegistryMarks,
} from '../postgres/registry/update-queue.js';
import { LeaseKeeper } from './lease-keeper.js';
import { onSession } from './on-session.js';
import { ReturnedUpdates } from './returned-updates.js';
import { type RunSignals, runLeased } from './run-leased.js';

export interface WorkerOptions {
  /** Id of this sidecar. */
  readonly holder: string;
  /** Opens a session for short queries in the database whose queue is served; one is held all the time. */
  readonly openSession: () => Promise<pg.Client>;
  /** Opens the session that works on the queue, and hears of requests. */
  readonly openQueueSession: () => Promise<pg.Client>;
  /** Names of the catalogs that it can read; without them it takes updates of any. */
  readonly catalogs?: readonly string[];
  /** What keeps this sidecar from its work at the moment, for the status of its tables. */
  readonly trouble?: () => string | null;
  /** Called when a comparison waits to be claimed. */
  readonly onVerificationDue?: () => void;
  /** Does the work of one update. Throws only when aborted, or for a defect. */
  readonly runUpdate: (claim: ClaimedUpdate, signals: RunSignals) => Promise<UpdateOutcome>;
  /** Called before the first claim, and about every `maintenanceSeconds`: cleans up leftovers. */
  readonly maintain: (client: pg.Client) => Promise<void>;
  /** Called at every check of the queue: requests updates that are due. Returns milliseconds until the next one. */
  readonly runSchedules: (client: pg.Client) => Promise<number | null>;
  /** One for each update that runs; those that follow their sources take one only while they copy a table. */
  readonly slots: Slots;
  /** The only pipeline to work on. */
  readonly pipelineId?: string;
  readonly leaseSeconds: number;
  /** Notifications are hints and may get lost: the queue is checked this often anyway. */
  readonly pollSeconds: number;
  readonly maintenanceSeconds: number;
  readonly onError: (error: unknown, doing: string) => void;
}

export interface Worker {
  /** Checks the queue now. */
  wake(): void;
  /** True while the database answers. */
  isHealthy(): boolean;
  /** Claims no more updates; returns running ones to the queue. */
  stop(): Promise<void>;
}

/** An update in progress. */
interface RunningUpdate {
  readonly claim: ClaimedUpdate;
  readonly lost: AbortController;
  readonly yielding: AbortController;
  readonly registryNews: News;
  /** What `readRegistryMarks` said of the pipeline. */
  registryMark: string | null;
  readonly task: Promise<void>;
}

/** Channel that wakes sidecars. Its payload is empty: the work is in the queue. */
const REQUESTS_CHANNEL = 'synced_tables_requests';

/** The pipeline was deleted, stopped or taken over: its update ends without us recording anything. */
class PipelineGone extends Error {}

const PAUSE_MS_MIN = 50;
/** How many updates one statement claims. */
const CLAIMS_AT_ONCE = 50;
const STARVING: Backoff = { firstMs: 500, longestMs: 30_000 };

/** Serves the update queue of one database until stopped, and survives the loss of the connection. */
export function startWorker(options: WorkerOptions): Worker {
  const worker = new QueueWorker(options);
  const finished = worker.run();
  return {
    wake: () => worker.wake(),
    isHealthy: () => worker.isHealthy,
    async stop() {
      worker.stop();
      await finished;
      await worker.settled();
    },
  };
}

class QueueWorker {
  isHealthy = false;
  readonly #options: WorkerOptions;
  readonly #stopping = new AbortController();
  readonly #keeper: LeaseKeeper;
  /** The running updates, by pipeline. */
  readonly #running = new Map<string, RunningUpdate>();
  #startedUpdates = 0;
  /** Updates in a row for which the server had no connection. */
  #starved = 0;
  #maintainedAt = Number.NEGATIVE_INFINITY;
  #registryReadAt = Number.NEGATIVE_INFINITY;
  #gaveUpAt = Number.NEGATIVE_INFINITY;
  readonly #wakeUp = new WakeUp();
  readonly #returned = new ReturnedUpdates((work) => this.#keeper.use(work, new AbortController().signal));
  /** Whether it was said that leases have to run out. */
  #hasSaidLeft = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { holder, openSession, leaseSeconds, slots } = options;
    slots.onFree = () => this.wake();
    this.#keeper = new LeaseKeeper({
      holder,
      openSession,
      leaseSeconds,
      note: () => ({
        trouble: options.trouble?.() ?? null,
        servesAll: options.pipelineId === undefined,
        catalogs: options.catalogs ?? null,
      }),
      onHeld: () => this.wake(),
      onLost: () => this.#loseAll(),
      onError: (error) => options.onError(error, 'renewing leases'),
    });
  }

  wake(): void {
    this.#wakeUp.wake();
  }

  stop(): void {
    this.#keeper.retire();
    this.#stopping.abort(new Error('the sidecar is stopping'));
    this.wake();
  }

  async settled(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ task }) => task));
    await this.#keeper.stop();
  }

  #loseAll(): void {
    const reason = syncedTablesError('LEASES_RUN_OUT', { seconds: this.#options.leaseSeconds });
    for (const { lost } of this.#running.values()) lost.abort(reason);
  }

  async run(): Promise<void> {
    const { openQueueSession, onError } = this.#options;
    await onSession({
      openSession: openQueueSession,
      signal: this.#stopping.signal,
      work: (client, recovered) => this.#work(client, recovered),
      onError: (error) => onError(error, 'working on the queue'),
    });
  }

  async #work(client: pg.Client, recovered: () => void): Promise<void> {
    client.once('end', () => this.wake());
    client.on('notification', () => this.wake());
    try {
      await client.query(`listen ${REQUESTS_CHANNEL}`);
      // What was told meanwhile is lost.
      this.wake();
      while (!this.#stopping.signal.aborted) {
        const pauseMs = await this.#look(client);
        this.isHealthy = true;
        recovered();
        await this.#wakeUp.sleep(pauseMs);
      }
    } finally {
      this.isHealthy = false;
    }
  }

  /** One check of the queue. Returns the pause after it, in milliseconds: until an update is due, or it is time to poll. */
  async #look(client: pg.Client): Promise<number> {
    const { holder, maintain, maintenanceSeconds, onError } = this.#options;
    this.#wakeUp.rearm();
    if (performance.now() - this.#maintainedAt > maintenanceSeconds * 1000) {
      // A failing cleanup must not keep updates from running.
      await maintain(client).catch((error: unknown) => onError(error, 'cleaning up'));
      this.#maintainedAt = performance.now();
    }
    // First: somebody waits for what was just asked for.
    await this.#claimUpdates(client);
    const scheduleMs = await this.#options.runSchedules(client);
    await this.#passNewsOn(client);
    await this.#passRegistryOn(client);
    await this.#claimFollowers(client);
    const { dueMs, isVerificationDue } = await readOutlook(client, holder, this.#options.slots.free === 0);
    if (isVerificationDue) this.#options.onVerificationDue?.();
    const nextMs = Math.min(this.#options.pollSeconds * 1000, dueMs ?? Infinity, scheduleMs ?? Infinity);
    return Math.max(PAUSE_MS_MIN, nextMs);
  }

  /** Claims updates for all places that are free. */
  async #claimUpdates(client: pg.Client): Promise<void> {
    const { slots } = this.#options;
    const before = this.#startedUpdates;
    const taken = slots.takeFree();
    try {
      await this.#claim(client, 'DEFAULT', taken);
    } finally {
      slots.putBack(taken - (this.#startedUpdates - before));
    }
  }

  async #claimFollowers(client: pg.Client): Promise<void> {
    const { pipelineId } = this.#options;
    if (pipelineId !== undefined) return this.#claim(client, 'CONTINUOUS', 1);
    const surplus = this.#runningOf('CONTINUOUS').length - (await readFollowerShare(client, this.#options.holder));
    if (surplus < 0) await this.#claim(client, 'CONTINUOUS', -surplus);
    // Nobody else may be able to.
    else await this.#claim(client, 'CONTINUOUS', CLAIMS_AT_ONCE, true);
    if (surplus > 0) this.#giveUp(surplus);
  }

  /** Claims what is due, up to so many. */
  async #claim(client: pg.Client, mode: UpdateMode, count: number, onlyOverdue = false): Promise<void> {
    const { holder, pipelineId } = this.#options;
    for (let left = count; left > 0 && !this.#stopping.signal.aborted; ) {
      const running = [...this.#running.keys()];
      const limit = Math.min(left, CLAIMS_AT_ONCE);
      const claims = await claimUpdates(client, { holder, pipelineId, running, mode, limit, onlyOverdue });
      for (const claim of claims) this.#start(claim);
      if (claims.length < limit) return;
      left -= limit;
    }
  }

  /** Leaves some of the pipelines that it follows to others, which have fewer. Not all at once: others may do so too. */
  #giveUp(surplus: number): void {
    if (performance.now() - this.#gaveUpAt < this.#options.pollSeconds * 1000) return;
    this.#gaveUpAt = performance.now();
    for (const { yielding } of this.#runningOf('CONTINUOUS').slice(0, Math.ceil(surplus / 2))) yielding.abort();
  }

  #runningOf(mode: UpdateMode): RunningUpdate[] {
    return [...this.#running.values()].filter(({ claim }) => claim.mode === mode);
  }

  /** Tells running updates that their pipeline is gone, or that another update of it was requested. */
  async #passNewsOn(client: pg.Client): Promise<void> {
    if (this.#running.size === 0) return;
    const leases = [...this.#running.values()].map(({ claim }) => claim.lease);
    for (const news of await readPipelineNews(client, leases)) {
      const running = this.#running.get(news.pipelineId);
      if (!news.isOurs) running?.lost.abort(new PipelineGone('the pipeline was deleted, stopped or taken over'));
      else if (news.isAskedFor) running?.yielding.abort();
    }
  }

  /** Tells those who follow their sources that their pipeline, or a table of it, was changed: one look for all of them. */
  async #passRegistryOn(client: pg.Client): Promise<void> {
    if (performance.now() - this.#registryReadAt < this.#options.pollSeconds * 1000) return;
    this.#registryReadAt = performance.now();
    const followers = [...this.#running].filter(([, { claim }]) => claim.mode === 'CONTINUOUS');
    if (followers.length === 0) return;
    const marks = await readRegistryMarks(
      client,
      followers.map(([pipelineId]) => pipelineId),
    );
    for (const [pipelineId, running] of followers) {
      const mark = marks.get(pipelineId) ?? null;
      if (mark !== running.registryMark) running.registryNews.announce();
      running.registryMark = mark;
    }
  }

  #start(claim: ClaimedUpdate): void {
    const lost = new AbortController();
    const yielding = new AbortController();
    const registryNews = new News();
    const { pipelineId } = claim.lease;
    const hasSlot = claim.mode === 'DEFAULT';
    if (hasSlot) this.#startedUpdates++;
    const task = this.#runClaim(claim, { lost, yielding, registryNews }).finally(() => {
      this.#running.delete(pipelineId);
      if (hasSlot) this.#options.slots.giveBack();
      this.wake();
    });
    this.#running.set(pipelineId, { claim, lost, yielding, registryNews, registryMark: null, task });
    // An earlier attempt may have been cut short: clean up soon.
    if (claim.attempt > 1) this.#maintainedAt = Number.NEGATIVE_INFINITY;
  }

  async #runClaim(
    claim: ClaimedUpdate,
    { lost, yielding, registryNews }: Pick<RunningUpdate, 'lost' | 'yielding' | 'registryNews'>,
  ): Promise<void> {
    const { leaseSeconds, runUpdate, onError } = this.#options;
    try {
      await runLeased({
        starve: () => backoffMs(STARVING, ++this.#starved) / 1000,
        keeper: this.#keeper,
        claim,
        defectSeconds: leaseSeconds,
        stopSignal: this.#stopping.signal,
        yieldSignal: yielding.signal,
        registryNews,
        lost: lost.signal,
        giveUp: (given) => this.#returned.add(given),
        run: runUpdate,
      });
      this.#starved = 0;
    } catch (error) {
      if (error instanceof PipelineGone) return;
      // A thousand may have the same reason.
      const code = asSyncedTablesError(error)?.code;
      if (code === 'POSTGRES_CONNECTIONS_TAKEN' || code === 'LEASES_RUN_OUT') return onError(error, 'running updates');
      // The update is resumed: by us once we reach the database, or by another sidecar once the lease has expired.
      if (!this.#stopping.signal.aborted) return onError(error, `running update ${claim.updateId}`);
      if (!this.#hasSaidLeft) onError(error, 'returning updates to the queue, whose leases now run out');
      this.#hasSaidLeft = true;
    }
  }
}
