import type { Settings } from '../settings/settings-schema.js';

/** What a sidecar does at once in a database, so that its sessions stay within a number. */
export type SessionPlan = Readonly<
  Record<'concurrentUpdates' | 'concurrentBatches' | 'connections' | 'acceleratedConnections', number>
>;

/**
 * One works on the queue and hears of requests, one renews leases, one asks for comparisons and one does those, one looks at
 * what others wait for, one asks after sessions that have fallen silent. The last four are opened when they are needed.
 */
const FIXED_SESSIONS = 6;
/** One does the work, one reports progress. */
const SESSIONS_OF_AN_UPDATE = 2;
/** The least that can be planned with: one update and one batch. */
const SESSIONS_MIN = 9;
const SHARE_MAX = 24;

/**
 * How many sessions a sidecar takes in a database: by default a modest share of those that are free when it starts, which
 * the databases of a server divide.
 */
export function sessionsOf(
  { sessions }: Pick<Settings['sync'], 'sessions'>,
  freeSessions: number,
  databases: number,
): number {
  return sessions ?? Math.min(SHARE_MAX, Math.max(SESSIONS_MIN, Math.floor(freeSessions / 3 / databases)));
}

/**
 * Shares sessions out between updates with an end, which may be long, as copies of followed tables are, and batches of
 * those, so that neither has to wait for the other.
 */
export function planSessions(
  sessionsMax: number,
  wanted: Pick<
    Settings['sync'],
    'concurrent_updates' | 'concurrent_batches' | 'connections' | 'accelerated_connections'
  >,
): SessionPlan {
  let left = Math.max(SESSIONS_MIN, sessionsMax) - FIXED_SESSIONS;
  const concurrentUpdates = Math.min(wanted.concurrent_updates, Math.max(1, Math.floor(left / 4)));
  left -= concurrentUpdates * SESSIONS_OF_AN_UPDATE;
  const concurrentBatches = Math.min(wanted.concurrent_batches, left);
  left -= concurrentBatches;
  const readers = 1 + Math.floor(left / concurrentUpdates);
  return {
    concurrentUpdates,
    concurrentBatches,
    connections: Math.min(wanted.connections, readers),
    acceleratedConnections: Math.min(wanted.accelerated_connections, readers),
  };
}
