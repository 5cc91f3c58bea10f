import type pg from 'pg';

/**
 * Reserves a name for a while, in the home database of the instance that all look at.
 * @param place instance and database in which it is to be taken
 * @returns the id of the reservation; null if somebody else has it
 */
export async function reserveName(client: pg.ClientBase, name: string, place: string): Promise<string | null> {
  const { rows } = await client.query<{ id: string | null }>(
    'select synced_tables_internal._reserve_name($1, $2) as id',
    [name, place],
  );
  return rows[0]?.id ?? null;
}

/** Ends a reservation. */
export async function releaseName(client: pg.ClientBase, reservationId: string): Promise<void> {
  await client.query('delete from synced_tables._reserved_names where reservation_id = $1', [reservationId]);
}
