import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import {
  type RegisteredTable,
  registerTable,
  requireRegisteredTable,
  requireStandardCatalog,
  unregisterTable,
} from '../names/registered-table.js';
import { branchNameOf, findByBranch, projectIdOf } from '../names/resource-names.js';
import { parseTableName } from '../names/table-name.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import { maybe, nameParams, nothing, text } from '../wire/wire-fields.js';

const PATH = '/api/2.0/postgres/tables';
const tags = ['postgres'];

const tableInput = z.object({ name: text, database: text, branch: maybe(text), project: maybe(text) });

const tableReply = z.object({ name: z.string(), database: z.string(), branch: z.string(), project: z.string() });

/** Three-part names for Postgres tables that are not synced, in the `postgres` service. */
export function addPostgresTableRoutes(server: ApiServer, context: ApiContext): void {
  server.post(
    PATH,
    { schema: { tags, summary: 'Register a Postgres table', body: tableInput, response: { 200: tableReply } } },
    async ({ body, caller }) => {
      const { name, database: resource, branch, project } = body;
      await requireStandardCatalog(context, caller, parseTableName(name).catalog);
      const [, branchName = '', database] =
        /^(projects\/[^/]+\/branches\/[^/]+)\/databases\/([^/]+)$/.exec(resource) ?? [];
      if (database === undefined) throw syncedTablesError('RESOURCE_NOT_FOUND', { resource });
      const instance = findByBranch(context, caller, branchName);
      requireSame('branch', branch, branchNameOf(instance));
      requireSame('project', project, `projects/${projectIdOf(instance)}`);
      return toReply(await registerTable(context, caller, { name, instance, database }));
    },
  );
  server.get(
    `${PATH}/:name`,
    { schema: { tags, summary: 'Read a registered table', params: nameParams, response: { 200: tableReply } } },
    async ({ params, caller }) => toReply(await requireRegisteredTable(context, caller, params.name)),
  );
  server.delete(
    `${PATH}/:name`,
    {
      schema: {
        tags,
        summary: 'Unregister a table; the Postgres table stays',
        params: nameParams,
        response: { 200: nothing },
      },
    },
    async ({ params, caller }) => {
      await unregisterTable(await requireRegisteredTable(context, caller, params.name), caller);
      return {};
    },
  );
}

function requireSame(field: string, wanted: string | undefined, found: string): void {
  if (!wanted || wanted === found) return;
  throw syncedTablesError('REQUEST_INVALID', { reason: `${field}: it is ${found} that the database is in` });
}

function toReply({ name, instance, database }: RegisteredTable): z.infer<typeof tableReply> {
  const branch = branchNameOf(instance);
  return { name, database: `${branch}/databases/${database}`, branch, project: `projects/${projectIdOf(instance)}` };
}
