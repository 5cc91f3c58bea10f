import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import {
  BRANCH_ID,
  branchNameOf,
  ENDPOINT_ID,
  findByBranch,
  findProject,
  projectIdOf,
} from '../names/resource-names.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import { describeInstance } from '../places/describe-instance.js';
import { readInstanceRoles } from '../places/instance-role.js';
import { pageOf, pageQuery } from '../wire/page.js';

const PATH = '/api/2.0/postgres/projects';
const BRANCH = `${PATH}/:project_id/branches/:branch_id`;
const tags = ['postgres'];

const projectParams = z.object({ project_id: z.string() });
const branchParams = projectParams.extend({ branch_id: z.string() });
const memberParams = branchParams.extend({ member_id: z.string() });

const named = z.object({ name: z.string() });
const project = named.extend({
  status: z.object({
    display_name: z.string(),
    pg_version: z.int().optional(),
    owner: z.string().optional(),
    default_branch: z.string(),
  }),
});
const branch = named.extend({
  status: z.object({ current_state: z.enum(['READY', 'INIT']), default: z.boolean(), is_protected: z.boolean() }),
});
const endpoint = named.extend({
  status: z.object({
    current_state: z.enum(['ACTIVE', 'IDLE']),
    endpoint_type: z.literal('ENDPOINT_TYPE_READ_WRITE'),
    hosts: z.object({ host: z.string() }),
  }),
});
const database = named.extend({ status: z.object({ postgres_database: z.string() }) });
const role = named.extend({
  status: z.object({
    postgres_role: z.string(),
    identity_type: z.enum(['GROUP', 'SERVICE_PRINCIPAL', 'USER']).optional(),
    membership_roles: z.array(z.string()),
  }),
});

/** A kind of member of a branch, and the name of its list. */
interface Members {
  readonly list: string;
  readonly summary: string;
  readonly reply: z.ZodType<{ readonly name: string }>;
  read(instance: ApiInstance): Promise<{ readonly name: string }[]>;
}

/** Projects, branches and their members: each instance is one project with one branch and one endpoint. Read-only. */
export function addProjectRoutes(server: ApiServer, context: ApiContext): void {
  const list = z.object({ projects: z.array(project), next_page_token: z.string().optional() });
  server.get(
    PATH,
    { schema: { tags, summary: 'The projects', querystring: pageQuery, response: { 200: list } } },
    async ({ query, caller }) => {
      const { items, next } = pageOf(context.instances.of(caller), projectIdOf, query);
      const projects = await Promise.all(items.map(projectOf));
      return { projects, ...(next === null ? {} : { next_page_token: next }) };
    },
  );
  server.get(
    `${PATH}/:project_id`,
    { schema: { tags, summary: 'Read a project', params: projectParams, response: { 200: project } } },
    async ({ params, caller }) => projectOf(findProject(context, caller, params.project_id)),
  );
  server.get(
    `${PATH}/:project_id/branches`,
    {
      schema: {
        tags,
        summary: 'The branches of a project',
        params: projectParams,
        response: { 200: z.object({ branches: z.array(branch) }) },
      },
    },
    async ({ params, caller }) => ({ branches: [branchOf(findProject(context, caller, params.project_id))] }),
  );
  server.get(
    BRANCH,
    { schema: { tags, summary: 'Read a branch', params: branchParams, response: { 200: branch } } },
    async ({ params, caller }) => branchOf(findByBranch(context, caller, branchPath(params))),
  );
  addMembers(server, context, {
    list: 'endpoints',
    summary: 'endpoints',
    reply: endpoint,
    read: async (instance) => [endpointOf(instance)],
  });
  addMembers(server, context, {
    list: 'databases',
    summary: 'databases',
    reply: database,
    read: async (instance) => databasesOf(instance),
  });
  addMembers(server, context, { list: 'roles', summary: 'roles', reply: role, read: rolesOf });
  addRefusedCalls(server);
}

function branchPath(params: z.output<typeof branchParams>): string {
  return `projects/${params.project_id}/branches/${params.branch_id}`;
}

/** The list of one kind of branch member, and a single one by id. */
function addMembers(server: ApiServer, context: ApiContext, members: Members): void {
  const { list, summary, reply } = members;
  const listReply = z.object({ [list]: z.array(reply), next_page_token: z.string().optional() });
  server.get(
    `${BRANCH}/${list}`,
    {
      schema: {
        tags,
        summary: `The ${summary} of a branch`,
        params: branchParams,
        querystring: pageQuery,
        response: { 200: listReply },
      },
    },
    async ({ params, query, caller }) => {
      const all = await members.read(findByBranch(context, caller, branchPath(params)));
      const { items, next } = pageOf(all, ({ name }) => name, query);
      return { [list]: items, ...(next === null ? {} : { next_page_token: next }) };
    },
  );
  server.get(
    `${BRANCH}/${list}/:member_id`,
    { schema: { tags, summary: `One of the ${summary} of a branch`, params: memberParams, response: { 200: reply } } },
    async ({ params, caller }) => {
      const name = `${branchPath(params)}/${list}/${params.member_id}`;
      const all = await members.read(findByBranch(context, caller, branchPath(params)));
      const found = all.find((member) => member.name === name);
      if (!found) throw syncedTablesError('RESOURCE_NOT_FOUND', { resource: name });
      return found;
    },
  );
}

async function projectOf(instance: ApiInstance): Promise<z.output<typeof project>> {
  const description = await describeInstance(instance);
  return {
    name: `projects/${projectIdOf(instance)}`,
    status: {
      display_name: instance.name,
      default_branch: branchNameOf(instance),
      ...(description === null ? {} : { pg_version: description.major, owner: description.creator }),
    },
  };
}

function branchOf(instance: ApiInstance): z.output<typeof branch> {
  return { name: branchNameOf(instance), status: { current_state: 'READY', default: true, is_protected: false } };
}

function endpointOf(instance: ApiInstance): z.output<typeof endpoint> {
  return {
    name: `${branchNameOf(instance)}/endpoints/${ENDPOINT_ID}`,
    status: {
      current_state: 'ACTIVE',
      endpoint_type: 'ENDPOINT_TYPE_READ_WRITE',
      hosts: { host: instance.address.host },
    },
  };
}

function databasesOf(instance: ApiInstance): z.output<typeof database>[] {
  return instance.databases().map(({ name }) => ({
    name: `${branchNameOf(instance)}/databases/${name}`,
    status: { postgres_database: name },
  }));
}

async function rolesOf(instance: ApiInstance): Promise<z.output<typeof role>[]> {
  const roles = await readInstanceRoles(instance.home);
  return roles.map(({ name, identityType, isSuperuserMember }) => ({
    name: `${branchNameOf(instance)}/roles/${name}`,
    status: {
      postgres_role: name,
      ...(identityType === 'PG_ONLY' ? {} : { identity_type: identityType }),
      membership_roles: isSuperuserMember ? ['DATABRICKS_SUPERUSER'] : [],
    },
  }));
}

/** Calls that would create or change a server. */
function addRefusedCalls(server: ApiServer): void {
  for (const url of [
    PATH,
    `${PATH}/:project_id/branches`,
    `${BRANCH}/endpoints`,
    `${BRANCH}/databases`,
    `${BRANCH}/roles`,
  ]) {
    server.post(url, { schema: { tags, summary: 'Refused: projects are the servers of the settings' } }, async () => {
      throw syncedTablesError('NOT_IMPLEMENTED', {
        call: 'Creating projects and what is in them',
        reason: `each Postgres server under "instances" in the settings is one project with branch ${BRANCH_ID}`,
        alternative:
          'Create databases by create_database_objects_if_missing, roles over the database service or with SQL.',
      });
    });
  }
}
