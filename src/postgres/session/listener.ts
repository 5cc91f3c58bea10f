import { setTimeout as sleep } from 'node:timers/promises';
import pgListen from 'pg-listen';

/** Channel that wakes sidecars. Its payload is empty: the work is in the queue. */
export const REQUESTS_CHANNEL = 'synced_tables_requests';

const HEALTH_CHECK_MS = 15_000;
/** A connection lost without notice shows when a query goes unanswered. */
const QUERY_TIMEOUT_MS = 10_000;
/** How long to wait for an orderly close. */
const CLOSE_MS_MAX = 2_000;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 10_000;

export interface ListenerOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly channel: string;
  /** Called for each notification, and after each (re)connection: notifications sent meanwhile are lost. */
  readonly onWake: () => void;
  readonly onError: (error: unknown) => void;
}

export interface Listener {
  stop(): Promise<void>;
}

/**
 * Listens on one channel for ever, and reconnects when needed. Never required for correctness: where LISTEN does not
 * work (a transaction pooler), polling does the same a little later.
 */
export function startListener(options: ListenerOptions): Listener {
  let isStopped = false;
  let subscriber = subscribe();

  function subscribe() {
    const current = pgListen.default(
      {
        connectionString: options.url,
        application_name: options.applicationName,
        query_timeout: QUERY_TIMEOUT_MS,
        connectionTimeoutMillis: QUERY_TIMEOUT_MS,
        keepAliveInitialDelayMillis: 30_000,
      },
      {
        paranoidChecking: HEALTH_CHECK_MS,
        retryTimeout: 0,
        retryInterval: (attempt) => {
          // The only way to make it give up.
          if (isStopped) throw new Error('the listener was stopped');
          return Math.min(RETRY_MS_MIN * 2 ** attempt, RETRY_MS_MAX) * (0.5 + Math.random() / 2);
        },
        parse: (payload) => payload,
      },
    );
    current.notifications.on(options.channel, options.onWake);
    current.events.on('connected', () => {
      if (isStopped) current.close().catch(() => {});
      else options.onWake();
    });
    // It retries on its own; it reports an error here only after giving up.
    current.events.on('error', (error) => {
      if (isStopped || current !== subscriber) return;
      options.onError(error);
      restartLater();
    });
    current
      .connect()
      .then(() => current.listenTo(options.channel))
      .then(options.onWake)
      .catch((error: unknown) => {
        if (isStopped || current !== subscriber) return;
        options.onError(error);
        restartLater();
      });
    return current;
  }

  function restartLater(): void {
    const old = subscriber;
    setTimeout(() => {
      old.close().catch(() => {});
      if (!isStopped && old === subscriber) subscriber = subscribe();
    }, RETRY_MS_MAX / 5).unref();
  }

  return {
    async stop() {
      isStopped = true;
      const closed = subscriber.close().catch(() => {});
      // The close may go unanswered; the socket alone does not keep the process alive for long.
      await Promise.race([closed, sleep(CLOSE_MS_MAX, undefined, { ref: false })]);
    },
  };
}
