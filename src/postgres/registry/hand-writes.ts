import type pg from 'pg';

/** Somebody else than a sidecar has written to a table since its last copy. */
export interface HandChange {
  /** When that began, for messages. */
  readonly since: string;
  /** The first role that did. */
  readonly by: string;
}

/** Changes cannot make a table equal to its source, because somebody else has written to it: nothing was applied. */
export class ChangedByHand extends Error {
  constructor() {
    super('the table was changed by hand');
  }
}

/**
 * The statement that forgets the writes by hand which replacing all rows mends: those that are committed when it runs. Runs
 * in the transaction that replaces them, before the statement that does, or once nobody else can write to the table.
 */
export function forgetHandWrites(client: pg.Client, tableId: string): string {
  return `select synced_tables_internal._forget_hand_writes(${client.escapeLiteral(tableId)})`;
}

/** Who has changed a table by hand since its last copy, and since when; null if nobody has. */
export async function readHandChange(client: pg.Client, tableId: string): Promise<HandChange | null> {
  const { rows } = await client.query<HandChange>(
    `select to_char(h.changed_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') as since, h.changed_by as by
       from synced_tables_internal._hand_changes h where h.table_id = $1`,
    [tableId],
  );
  return rows[0] ?? null;
}
