import type pg from 'pg';

/** What an operation did to its resource. */
export type OperationAction = 'CREATE' | 'DELETE';

/** An operation as it is kept. */
interface OperationRecord {
  readonly resourceName: string;
  readonly action: OperationAction;
}

/** Forgets operations that are older than a day. */
export async function forgetOldOperations(client: pg.ClientBase): Promise<void> {
  await client.query(`delete from synced_tables._operations where created_at < now() - interval '1 day'`);
}

/**
 * Notes what a role has done.
 * @returns the id of the operation
 */
export async function insertOperation(
  client: pg.ClientBase,
  { resourceName, action }: OperationRecord,
  role: string,
): Promise<string | undefined> {
  const { rows } = await client.query<{ operation_id: string }>(
    `insert into synced_tables._operations (resource_name, action, role_name) values ($1, $2, $3) returning operation_id`,
    [resourceName, action, role],
  );
  return rows[0]?.operation_id;
}

/** What an operation of a role did; null if there is none of that id. */
export async function findOperationAction(
  client: pg.ClientBase,
  operation: { readonly id: string; readonly resourceName: string; readonly role: string },
): Promise<OperationAction | null> {
  const { rows } = await client.query<{ action: OperationAction }>(
    'select action from synced_tables._operations where operation_id = $1 and resource_name = $2 and role_name = $3',
    [operation.id, operation.resourceName, operation.role],
  );
  return rows[0]?.action ?? null;
}
