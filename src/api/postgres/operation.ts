import { syncedTablesError } from '../../core/errors.js';
import { isUuid } from '../../core/uuid.js';
import {
  findOperationAction,
  forgetOldOperations,
  insertOperation,
  type OperationAction,
} from '../../postgres/registry/api/operations.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';

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
  const id = await instance.home.asService(async (client) => {
    await forgetOldOperations(client);
    return insertOperation(client, done, role);
  });
  return { ...done, name: `${done.resourceName}/operations/${id}` };
}

/** @throws RESOURCE_NOT_FOUND, also for operations of other roles */
export async function findOperation(context: ApiContext, caller: Caller, name: string): Promise<Operation> {
  const [, resourceName = '', id = ''] = /^(.+)\/operations\/([^/]+)$/.exec(name) ?? [];
  for (const instance of isUuid(id) ? context.instances.of(caller) : []) {
    const role = await instance.home.roleNameOf(caller);
    const action = await instance.home.asService((client) => findOperationAction(client, { id, resourceName, role }));
    if (action !== null) return { name, resourceName, action };
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
