import type { Socket } from 'node:net';
import type pg from 'pg';
import { type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { describeServer } from '../../core/postgres-url.js';
import { copiedBytesOf } from './copies-in-progress.js';
import { type ServerProcess, serverProcess } from './server-process.js';
import { closeSession, cutSession, isPostgresError, openSession } from './session.js';

/** Answers that take less time cost nothing but a timer. */
const UNANSWERED_MS = 2_000;
/** How long the server must have been waiting for us while we wait for it. Slow networks deliver something meanwhile. */
const SILENT_MS = 4_000;
const LOOK_MS = 1_000;
/** How long the session that asks the server is kept when there is nothing to ask. */
const IDLE_MS_MAX = 10_000;
/** How long the server may take to answer that session. */
const ASK_MS_MAX = 5_000;
/** If the server cannot be asked at all for this long, nobody answers on the watched sessions either. */
const DEAF_MS_MAX = 8_000;

export interface SessionWatchOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Called after a session was cut. */
  readonly onSilent: (error: SyncedTablesError) => void;
}

interface Watched {
  readonly client: pg.ClientBase;
  readonly process: ServerProcess;
  /** Bytes that had arrived when the wait for an answer was noticed, and since when nothing was added. */
  bytesRead: number;
  waitingSince: number | null;
  /** What the server said of a session on which it waits for us, and since when it has said so. */
  mark: string | null;
  markedSince: number;
}

interface Seen {
  readonly pid: number;
  readonly isThere: boolean;
  readonly waitsForUs: boolean;
  readonly bytesProcessed: string | null;
  readonly mark: string;
}

/**
 * Notices connections that have fallen silent: a network that lost its route, a proxy or pooler that acknowledges and
 * delivers nothing, a server process that is gone or stopped. TCP alone needs a quarter of an hour for some of that, and
 * for ever for the rest. A session whose answer is late is looked up on the server over another session. If its process
 * is gone, or waits for us while we wait for it, the session is cut: everything on it fails with POSTGRES_SILENT.
 *
 * A statement that works for hours is never cut, nor is a load whose source is slow. A server process that was stopped
 * while it worked (SIGSTOP) cannot be told from one that still works.
 */
export class SessionWatch implements AsyncDisposable {
  readonly #options: SessionWatchOptions;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | null = null;
  #asker: pg.Client | null = null;
  #askedAt = 0;
  #deafSince: number | null = null;
  #isDisposed = false;

  constructor(options: SessionWatchOptions) {
    this.#options = options;
  }

  /** Watches a session until it ends. */
  add(client: pg.ClientBase): void {
    const process = serverProcess(client);
    if (this.#isDisposed || process === null) return;
    const watched = { client, process, bytesRead: 0, waitingSince: null, mark: null, markedSince: 0 };
    this.#watched.add(watched);
    client.once('end', () => this.#watched.delete(watched));
    this.#timer ??= setInterval(() => this.#tick(), LOOK_MS).unref();
  }

  #tick(): void {
    const now = performance.now();
    const late = [...this.#watched].filter((watched) => now - waitingSince(watched, now) >= UNANSWERED_MS);
    if (this.#looking !== null) return;
    const look = late.length > 0 ? this.#look(late) : this.#rest(now);
    this.#looking = look.finally(() => {
      this.#looking = null;
    });
  }

  /** Nothing is late: the session for asking is closed after a while. */
  async #rest(now: number): Promise<void> {
    this.#deafSince = null;
    if (this.#asker !== null && now - this.#askedAt > IDLE_MS_MAX) await this.#closeAsker();
    if (this.#watched.size > 0 || this.#asker !== null) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(late: readonly Watched[]): Promise<void> {
    const startedAt = performance.now();
    try {
      this.#asker ??= await this.#openAsker();
      const seen = await readSessions(this.#asker, late);
      this.#deafSince = null;
      this.#askedAt = performance.now();
      for (const watched of late) {
        const found = seen.get(watched.process.pid);
        if (found === undefined || !isSilent(watched, found)) continue;
        this.#cut(watched);
        // Else it would keep its locks until its own side notices, and the next attempt would wait for them.
        if (found.isThere) await terminate(this.#asker, watched.process);
      }
    } catch (error) {
      await this.#closeAsker();
      this.#hearNothing(late, startedAt, error);
    }
  }

  /** Whether the sessions are alive is unknown now. */
  #hearNothing(late: readonly Watched[], askedAt: number, error: unknown): void {
    // The server answered, if only that it has no room for one more session.
    if (this.#isDisposed || isPostgresError(error) || isPostgresError((error as Error).cause)) return;
    const now = performance.now();
    this.#deafSince ??= askedAt;
    if (now - this.#deafSince < DEAF_MS_MAX) return;
    for (const watched of late) if (waitingSince(watched, now) < this.#deafSince) this.#cut(watched);
  }

  #cut(watched: Watched): void {
    const now = performance.now();
    const seconds = Math.round((now - waitingSince(watched, now)) / 1000);
    const error = syncedTablesError('POSTGRES_SILENT', { server: describeServer(this.#options.url), seconds });
    this.#watched.delete(watched);
    cutSession(watched.client, error);
    this.#options.onSilent(error);
  }

  /** Other roles than the login role of all sessions cannot see them. */
  #openAsker(): Promise<pg.Client> {
    const { url, applicationName } = this.#options;
    return openSession({ url, applicationName, role: null, isGuest: true, queryTimeoutMs: ASK_MS_MAX });
  }

  async #closeAsker(): Promise<void> {
    const asker = this.#asker;
    this.#asker = null;
    if (asker !== null) await closeSession(asker);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    clearInterval(this.#timer);
    this.#watched.clear();
    // Closed first: an unanswered look must not hold anything up.
    await this.#closeAsker();
    await this.#looking;
    await this.#closeAsker();
  }
}

/** What `pg` has on its clients but omits from its type declarations. */
interface Internals {
  /** False from the moment a query is sent until it is answered. */
  readonly readyForQuery?: boolean;
  readonly connection: { readonly stream: Socket };
}

/** Since when an answer is overdue and nothing has arrived; `now` if there is none to wait for. */
function waitingSince(watched: Watched, now: number): number {
  const { readyForQuery, connection } = watched.client as unknown as Internals;
  const { stream } = connection;
  // A paused stream: what the server has sent is not taken yet.
  const isWaiting = readyForQuery === false && !stream.isPaused() && !stream.destroyed;
  if (!isWaiting || watched.waitingSince === null || stream.bytesRead !== watched.bytesRead) {
    watched.bytesRead = stream.bytesRead;
    watched.waitingSince = isWaiting ? now : null;
    watched.mark = null;
  }
  return watched.waitingSince ?? now;
}

/** Judges what the server said just now of a session whose answer is late. */
function isSilent(watched: Watched, seen: Seen): boolean {
  const now = performance.now();
  // The answer came while the server was asked.
  if (now - waitingSince(watched, now) < UNANSWERED_MS) return false;
  if (!seen.isThere) return true;
  const sent = copiedBytesOf(watched.client);
  const hasAll = sent !== null && (seen.bytesProcessed === null || BigInt(seen.bytesProcessed) >= BigInt(sent));
  if (!seen.waitsForUs || hasAll) {
    watched.mark = null;
    return false;
  }
  if (watched.mark !== seen.mark) {
    watched.mark = seen.mark;
    watched.markedSince = now;
  }
  return now - watched.markedSince >= SILENT_MS;
}

async function readSessions(asker: pg.Client, watched: readonly Watched[]): Promise<ReadonlyMap<number, Seen>> {
  const { rows } = await asker.query<Seen>(
    `select s.pid, a.pid is not null as "isThere", c.bytes_processed::text as "bytesProcessed",
            coalesce(a.wait_event in ('ClientRead', 'ClientWrite') or a.state like 'idle%', false) as "waitsForUs",
            concat_ws(' ', a.state, a.wait_event, a.state_change, a.query_start, c.bytes_processed) as mark
       from unnest($1::int[], $2::numeric[]) as s(pid, started)
       left join pg_stat_activity a on a.pid = s.pid and extract(epoch from a.backend_start) = s.started
       left join pg_stat_progress_copy c on c.pid = a.pid`,
    [watched.map(({ process }) => process.pid), watched.map(({ process }) => process.startedAt)],
  );
  return new Map(rows.map((row) => [row.pid, row]));
}

async function terminate(asker: pg.Client, { pid, startedAt }: ServerProcess): Promise<void> {
  await asker.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where pid = $1 and extract(epoch from backend_start) = $2::numeric`,
    [pid, startedAt],
  );
}
