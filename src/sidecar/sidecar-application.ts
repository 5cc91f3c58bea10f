/** How `pg_stat_activity` names sidecars; `synced-tables` commands look for it to tell whether one runs. */
export const SIDECAR_APPLICATION = 'synced-tables sidecar';
