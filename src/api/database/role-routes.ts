import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import { createInstanceRole, dropInstanceRole, type InstanceRole, readInstanceRoles } from '../places/instance-role.js';
import { pageOf, pageQuery } from '../wire/page.js';
import { instanceParams, maybe, nothing, text } from '../wire/wire-fields.js';

const PATH = '/api/2.0/database/instances/:instance_name/roles';
const tags = ['database'];

const attributes = z.object({ createdb: z.boolean(), createrole: z.boolean(), bypassrls: z.boolean() });

const roleInput = z.object({
  name: text,
  identity_type: maybe(z.enum(['GROUP', 'PG_ONLY', 'SERVICE_PRINCIPAL', 'USER'])),
  membership_role: maybe(z.enum(['DATABRICKS_SUPERUSER'])),
  attributes: maybe(attributes.partial()),
});

const roleReply = z.object({
  name: z.string(),
  identity_type: z.enum(['GROUP', 'PG_ONLY', 'SERVICE_PRINCIPAL', 'USER']),
  membership_role: z.enum(['DATABRICKS_SUPERUSER']).optional(),
  attributes,
  effective_attributes: attributes,
  instance_name: z.string(),
});

const roleListReply = z.object({
  database_instance_roles: z.array(roleReply),
  next_page_token: z.string().optional(),
});

/**
 * Names may hold anything, slashes included: the Python SDK does not encode them
 * (docs/reference/databricks-api.md#database-service).
 */
const roleParams = z.object({ instance_name: z.string(), '*': z.string() });
const deleteQuery = z.object({ allow_missing: z.string().optional(), reassign_owned_to: z.string().optional() });

/** Postgres roles of an instance. */
export function addRoleRoutes(server: ApiServer, context: ApiContext): void {
  server.post(
    PATH,
    {
      schema: {
        tags,
        summary: 'Create a Postgres role',
        params: instanceParams,
        body: roleInput,
        response: { 200: roleReply },
      },
    },
    async ({ params, body, caller }) => {
      const instance = context.instances.find(caller, params.instance_name);
      await createInstanceRole(instance.home, caller, {
        name: body.name,
        identityType: body.identity_type ?? 'USER',
        isSuperuserMember: body.membership_role === 'DATABRICKS_SUPERUSER',
        attributes: body.attributes ?? {},
      });
      return toReply(instance, await requireRole(instance, body.name));
    },
  );
  server.get(
    PATH,
    {
      schema: {
        tags,
        summary: 'The roles of an instance',
        params: instanceParams,
        querystring: pageQuery,
        response: { 200: roleListReply },
      },
    },
    async ({ params, query, caller }) => {
      const instance = context.instances.find(caller, params.instance_name);
      const { items, next } = pageOf(await readInstanceRoles(instance.home), ({ name }) => name, query);
      const roles = items.map((role) => toReply(instance, role));
      return { database_instance_roles: roles, ...(next === null ? {} : { next_page_token: next }) };
    },
  );
  server.get(
    `${PATH}/*`,
    { schema: { tags, summary: 'Read a role', params: roleParams, response: { 200: roleReply } } },
    async ({ params, caller }) => {
      const instance = context.instances.find(caller, params.instance_name);
      return toReply(instance, await requireRole(instance, params['*']));
    },
  );
  server.delete(
    `${PATH}/*`,
    {
      schema: {
        tags,
        summary: 'Drop a role',
        params: roleParams,
        querystring: deleteQuery,
        response: { 200: nothing },
      },
    },
    async ({ params, query, caller }) => {
      const instance = context.instances.find(caller, params.instance_name);
      const name = params['*'];
      const [found] = await readInstanceRoles(instance.home, name);
      if (!found && query.allow_missing === 'true') return {};
      if (!found) throw syncedTablesError('INSTANCE_ROLE_NOT_FOUND', { role: name, instance: instance.name });
      await dropInstanceRole(instance, caller, { name, reassignOwnedTo: query.reassign_owned_to || null });
      return {};
    },
  );
  server.patch(`${PATH}/*`, { schema: { tags, summary: 'Not implemented' } }, async () => {
    throw syncedTablesError('NOT_IMPLEMENTED', {
      call: 'Updating a role',
      reason: 'Postgres does it',
      alternative: 'Use ALTER ROLE, GRANT and REVOKE in the database.',
    });
  });
}

async function requireRole(instance: ApiInstance, name: string): Promise<InstanceRole> {
  const [role] = await readInstanceRoles(instance.home, name);
  if (!role) throw syncedTablesError('INSTANCE_ROLE_NOT_FOUND', { role: name, instance: instance.name });
  return role;
}

function toReply(instance: ApiInstance, role: InstanceRole): z.infer<typeof roleReply> {
  return {
    name: role.name,
    identity_type: role.identityType,
    ...(role.isSuperuserMember ? { membership_role: 'DATABRICKS_SUPERUSER' } : {}),
    attributes: role.attributes,
    effective_attributes: role.attributes,
    instance_name: instance.name,
  };
}
