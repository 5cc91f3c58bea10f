import type pg from 'pg';
import { expect } from 'vitest';

/**
 * Does what a sidecar does while somebody deletes: holds `table`, which the deletion has to wait for, and proves the
 * lease of its pipeline last. Fails if the deletion holds the pipeline, as each would then wait for the other.
 */
export async function deleteBesideAnUpdate(
  sidecar: pg.Client,
  table: string,
  runDeletion: () => Promise<unknown>,
): Promise<void> {
  await sidecar.query(`begin; lock table ${table} in row exclusive mode`);
  const deletion = runDeletion();
  try {
    const waiting = () =>
      sidecar.query('select from pg_locks where relation = to_regclass($1) and not granted', [table]);
    await expect.poll(async () => (await waiting()).rowCount, { timeout: 4000, interval: 20 }).toBeGreaterThan(0);
    await sidecar.query(`set local lock_timeout = '3s'; select from synced_tables._pipelines for share`);
  } finally {
    await sidecar.query('commit');
    await deletion;
  }
}
