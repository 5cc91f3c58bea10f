import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import { findByBranch, findProject, projectIdOf } from '../names/resource-names.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import { pageOf, pageQuery } from '../wire/page.js';
import { branchOf, databasesOf, endpointOf, projectOf, rolesOf } from './project-replies.js';
import { branch, database, endpoint, project, role } from './project-schema.js';
import { addRefusedPostgresCalls } from './refused-calls.js';

const PATH = '/api/2.0/postgres/projects';
const BRANCH = `${PATH}/:project_id/branches/:branch_id`;
const tags = ['postgres'];

const projectParams = z.object({ project_id: z.string() });
const branchParams = projectParams.extend({ branch_id: z.string() });
const memberParams = branchParams.extend({ member_id: z.string() });

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
    async ({ params, caller }) => ({ branches: [await branchOf(findProject(context, caller, params.project_id))] }),
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
    read: async (instance) => [await endpointOf(instance)],
  });
  addMembers(server, context, {
    list: 'databases',
    summary: 'databases',
    reply: database,
    read: databasesOf,
  });
  addMembers(server, context, { list: 'roles', summary: 'roles', reply: role, read: rolesOf });
  addRefusedPostgresCalls(server);
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
