import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import { requireStagingSchema } from './schema-routes.js';
import { editStagingSchema, type StagingSchema } from './staging-schema.js';
import { grantsQuery, grantsReply, UNITY_PATH, updateGrantsInput } from './unity-catalog-schema.js';

const tags = ['unity-catalog'];
const params = z.object({ securable_type: z.string().max(50), full_name: z.string().min(1).max(1_000) });
const ALL = 'ALL_PRIVILEGES';

/**
 * Grants of schemas for the staging of pipelines, kept and given back like the schemas themselves: there is nothing in
 * them to have rights on. Rights on anything else are those of Postgres.
 */
export function addGrantRoutes(server: ApiServer, context: ApiContext): void {
  const url = `${UNITY_PATH}/permissions/:securable_type/:full_name`;
  server.get(
    url,
    {
      schema: {
        tags,
        summary: 'The grants of a schema for the staging of pipelines',
        params,
        querystring: grantsQuery,
        response: { 200: grantsReply },
      },
    },
    async ({ params: { securable_type, full_name }, query, caller }) => {
      requireSchema(securable_type, full_name);
      return grantsOf(await requireStagingSchema(context, caller, full_name, 'Reading the grants of'), query.principal);
    },
  );
  server.patch(
    url,
    {
      schema: {
        tags,
        summary: 'Change the grants of a schema for the staging of pipelines',
        params,
        body: updateGrantsInput,
        response: { 200: grantsReply },
      },
    },
    async ({ params: { securable_type, full_name }, body, caller }) => {
      requireSchema(securable_type, full_name);
      const staging = await requireStagingSchema(context, caller, full_name, 'Changing the grants of');
      const grants = new Map(Object.entries(staging.record.grants).map(([who, what]) => [who, new Set(what)]));
      for (const { principal, add, remove } of body.changes ?? []) {
        const held = grants.get(principal) ?? new Set<string>();
        for (const privilege of remove ?? []) {
          if (privilege === ALL) held.clear();
          held.delete(privilege);
        }
        for (const privilege of add ?? []) held.add(privilege);
        if (held.size === 0) grants.delete(principal);
        else grants.set(principal, held);
      }
      const kept = Object.fromEntries([...grants].map(([who, what]) => [who, [...what].sort()]));
      return grantsOf(await editStagingSchema(staging, caller, { grants: kept }), undefined);
    },
  );
  server.get(
    `${UNITY_PATH}/effective-permissions/:securable_type/:full_name`,
    { schema: { tags, summary: 'Refused: rights are those of Postgres', params } },
    async ({ params: { securable_type, full_name } }) => {
      throw refuseGrants(securable_type, full_name);
    },
  );
}

/** @throws NOT_IMPLEMENTED */
function requireSchema(type: string, fullName: string): void {
  if (type.toLowerCase() !== 'schema') throw refuseGrants(type, fullName);
}

function refuseGrants(type: string, fullName: string) {
  const isTable = type.toLowerCase() === 'table';
  const [, schema, table] = fullName.split('.');
  const example = isTable && table !== undefined ? `GRANT SELECT ON ${schema}.${table} TO role` : 'GRANT and REVOKE';
  return syncedTablesError('NOT_IMPLEMENTED', {
    call: `Grants of ${type.toLowerCase()} ${fullName}`,
    reason: 'who may read what is decided by the rights in Postgres',
    alternative: `Use SQL: ${example}.`,
  });
}

function grantsOf({ record }: StagingSchema, principal: string | undefined) {
  const all = Object.entries(record.grants).map(([who, privileges]) => ({
    principal: who,
    privileges: [...privileges],
  }));
  return { privilege_assignments: principal ? all.filter((each) => each.principal === principal) : all };
}
