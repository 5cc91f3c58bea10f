import type pg from 'pg';
import { openSession } from '../postgres/session/session.js';

/** How `pg_stat_activity` names sidecars; `synced-tables` commands look for it to tell whether one runs. */
export const SIDECAR_APPLICATION = 'synced-tables sidecar';

/**
 * A session of the sidecar for a short piece of work beside its queue.
 * @param role to act as; null: the login role
 */
export function openSidecarSession(url: string, role: string | null): Promise<pg.Client> {
  return openSession({ url, applicationName: SIDECAR_APPLICATION, role });
}
