import { syncedTablesError } from '../../core/errors.js';
import { projectIdOfName } from '../../core/names.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';

// Each instance is one project with one branch and one endpoint (docs/reference/databricks-api.md#postgres-service).

export const BRANCH_ID = 'production';
export const ENDPOINT_ID = 'primary';

export function projectIdOf(instance: ApiInstance): string {
  return projectIdOfName(instance.name);
}

export function branchNameOf(instance: ApiInstance): string {
  return `projects/${projectIdOf(instance)}/branches/${BRANCH_ID}`;
}

/** @throws RESOURCE_NOT_FOUND */
export function findProject(context: ApiContext, caller: Caller, projectId: string): ApiInstance {
  const instance = context.instances.of(caller).find((each) => projectIdOf(each) === projectId);
  if (!instance) throw syncedTablesError('RESOURCE_NOT_FOUND', { resource: `projects/${projectId}` });
  return instance;
}

/**
 * The instance named by a resource name that begins with a branch, such as that of an endpoint.
 * @throws RESOURCE_NOT_FOUND
 */
export function findByBranch(context: ApiContext, caller: Caller, name: string): ApiInstance {
  const match = /^projects\/([^/]+)\/branches\/([^/]+)(\/.*)?$/.exec(name);
  if (match?.[2] !== BRANCH_ID) throw syncedTablesError('RESOURCE_NOT_FOUND', { resource: name });
  return findProject(context, caller, match[1] ?? '');
}
