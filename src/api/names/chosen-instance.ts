import { syncedTablesError } from '../../core/errors.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';
import { describeInstance } from '../places/describe-instance.js';
import { BRANCH_ID, projectIdOf } from './resource-names.js';

/** How requests of the `database` service name a server. */
export interface InstanceFields {
  readonly database_instance_name?: string | undefined;
  readonly database_project_id?: string | undefined;
  readonly database_branch_id?: string | undefined;
}

/**
 * The instance that a request refers to: by name, or as a project with its single branch. Projects are identified by
 * id, resource name or uid.
 * @returns undefined if the request names none
 * @throws API_INSTANCE_NOT_FOUND, RESOURCE_NOT_FOUND; REQUEST_INVALID when both are given and differ
 */
export async function chooseInstance(
  context: ApiContext,
  caller: Caller,
  fields: InstanceFields,
): Promise<ApiInstance | undefined> {
  const { database_instance_name: name, database_project_id: project, database_branch_id: branch } = fields;
  const named = name ? context.instances.find(caller, name) : undefined;
  if (!project) {
    if (!branch) return named;
    throw syncedTablesError('REQUEST_INVALID', { reason: 'database_branch_id: it has no meaning without a project' });
  }
  const found = await findProject(context, caller, project);
  if (branch && ![BRANCH_ID, `projects/${projectIdOf(found)}/branches/${BRANCH_ID}`].includes(branch)) {
    throw syncedTablesError('RESOURCE_NOT_FOUND', { resource: `projects/${projectIdOf(found)}/branches/${branch}` });
  }
  if (named === undefined || named === found) return found;
  throw syncedTablesError('REQUEST_INVALID', {
    reason: `database_project_id: project ${project} is instance ${found.name}, but database_instance_name says ${named.name}`,
  });
}

async function findProject(context: ApiContext, caller: Caller, project: string): Promise<ApiInstance> {
  const instances = context.instances.of(caller);
  const id = project.replace(/^projects\//, '');
  const byId = instances.find((instance) => projectIdOf(instance) === id);
  if (byId) return byId;
  for (const instance of instances) {
    if ((await describeInstance(instance))?.uid === id) return instance;
  }
  throw syncedTablesError('RESOURCE_NOT_FOUND', { resource: `projects/${id}` });
}
