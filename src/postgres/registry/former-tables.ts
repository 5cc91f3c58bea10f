import type pg from 'pg';

/**
 * OID of the former synced table whose place the first load of a synced table takes; null if there is none, or the
 * creator of the new one may not take it over. From here on it is read-only and the sidecar's; safe to repeat. Fails with
 * 55P03 at once if somebody holds it.
 */
export async function takeOverFormer(client: pg.Client, tableId: string): Promise<number | null> {
  const { rows } = await client.query<{ relation: number | null }>(
    'select synced_tables_internal._take_over($1)::oid as relation',
    [tableId],
  );
  return rows[0]?.relation ?? null;
}

/** The managers of a synced table, as `restoreManagers` takes them. */
export async function readManagers(client: pg.Client, relation: number): Promise<string> {
  const { rows } = await client.query<{ managers: string }>(
    'select synced_tables_internal._managers_of($1::oid)::text as managers',
    [relation],
  );
  return rows[0]?.managers ?? '[]';
}

/** Makes those of a table that was replaced managers of the one in its place. */
export async function restoreManagers(client: pg.Client, relation: number, managers: string): Promise<void> {
  await client.query('select synced_tables_internal._restore_managers($1::oid, $2::jsonb)', [relation, managers]);
}

/** Lets the creator of a synced table read it, and pass that right on. */
export async function grantCreator(client: pg.Client, relation: number, createdBy: string): Promise<void> {
  await client.query('select synced_tables_internal._grant_creator($1::oid, $2)', [relation, createdBy]);
}
