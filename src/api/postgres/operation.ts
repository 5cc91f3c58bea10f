import { syncedTablesError } from '../../core/errors.js';
import { isUuid } from '../../core/uuid.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';

export type OperationAction = 'CREATE' | 'DELETE';

/** An operation that is done. */
export interface Operation {
  readonly name: string;
  readonly resourceName: string;
  readonly action: OperationAction;
}

/** Records a finished operation, so that it can be read for a day. */
export async function recordOperation(
  instance: ApiInstance,
  caller: Caller,
  done: { readonly resourceName: string; readonly action: OperationAction },
): Promise<Operation> {
  const role = await instance.home.roleNameOf(caller);
  const { rows } = await instance.home.asService(async (client) => {
    await client.query(`delete from synced_tables._operations where created_at < now() - interval '1 day'`);
    return client.query<{ operation_id: string }>(
      `insert into synced_tables._operations (resource_name, action, role_name) values ($1, $2, $3) returning operation_id`,
      [done.resourceName, done.action, role],
    );
  });
  return { ...done, name: `${done.resourceName}/operations/${rows[0]?.operation_id}` };
}

/** @throws RESOURCE_NOT_FOUND, also for operations of other roles */
export async function findOperation(context: ApiContext, caller: Caller, name: string): Promise<Operation> {
  const [, resourceName = '', id = ''] = /^(.+)\/operations\/([^/]+)$/.exec(name) ?? [];
  for (const instance of isUuid(id) ? context.instances.of(caller) : []) {
    const role = await instance.home.roleNameOf(caller);
    const { rows } = await instance.home.asService((client) =>
      client.query<{ action: OperationAction }>(
        'select action from synced_tables._operations where operation_id = $1 and resource_name = $2 and role_name = $3',
        [id, resourceName, role],
      ),
    );
    if (rows[0]) return { name, resourceName, action: rows[0].action };
  }
  throw syncedTablesError('RESOURCE_NOT_FOUND', { resource: name });
}

export const TYPES = 'type.googleapis.com/databricks.postgres.v1';
/** The response of an operation without a result. */
export const EMPTY_RESPONSE = { '@type': 'type.googleapis.com/google.protobuf.Empty' };

/**
 * An operation as replies show it: every one is done by the time it is answered.
 * @param kind of the resource, as in the name of its type
 */
export function operationReplyOf<Response>({ name, action }: Operation, kind: string, response: Response) {
  const what = `${action === 'CREATE' ? 'Create' : 'Delete'}${kind}Metadata`;
  return { name, done: true as const, metadata: { '@type': `${TYPES}.${what}` }, response };
}
