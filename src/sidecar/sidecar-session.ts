import type pg from 'pg';
import { openSession } from '../postgres/session/session.js';

/** How sidecars appear in `pg_stat_activity`; `synced-tables` commands use it to detect a running one. */
export const SIDECAR_APPLICATION = 'synced-tables sidecar';

/**
 * A sidecar session for short work beside its queue.
 * @param role to act as; null: the login role
 */
export function openSidecarSession(url: string, role: string | null): Promise<pg.Client> {
  return openSession({ url, applicationName: SIDECAR_APPLICATION, role, isGuest: true });
}
