import { expect } from 'vitest';
import type { SyncedLake } from './synced-lake.js';

/**
 * Writes down every position that a synced table ever commits, in the transaction that commits it. To be made when the
 * table has its first rows.
 */
export async function keepPositionLedger(lake: SyncedLake): Promise<void> {
  await lake.admin.query(
    `create schema ledger;
     create table ledger.positions (step bigint generated always as identity, table_id uuid, before bigint, after bigint);
     create function ledger.note() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
     begin
       insert into ledger.positions (table_id, before, after) values (new.table_id, old.synced_version, new.synced_version);
       return null;
     end $$;
     create trigger ledger after update of synced_version on synced_tables._tables
       for each row when (old.synced_version is distinct from new.synced_version) execute function ledger.note()`,
  );
}

/** Fails unless the positions of a table lead from one to the next, without a gap and without a repeat. Returns how many. */
export async function expectWholeLedger(
  lake: SyncedLake,
  target: string,
  first: number,
  last: number,
): Promise<number> {
  const { rows } = await lake.admin.query<{ before: string; after: string }>(
    `select before, after from ledger.positions join synced_tables._tables using (table_id)
      where synced_table = $1 order by step`,
    [target],
  );
  let at = String(first);
  for (const { before, after } of rows) {
    expect(before, 'each position follows the one before').toBe(at);
    expect(Number(after)).toBeGreaterThan(Number(before));
    at = after;
  }
  expect(at).toBe(String(last));
  return rows.length;
}
