import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import { readAdministrators } from '../../postgres/registry/api/administrators.js';
import type { ApiServer } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';
import { permissionsOf } from './grants.js';
import {
  type Grant,
  PERMISSIONS_PATH,
  permissionLevelsReply,
  permissionsInput,
  permissionsReply,
} from './permission-schema.js';

const tags = ['permissions'];
const params = z.object({ object_id: z.string().max(1_000) });

/**
 * Who may control the synced tables of a server: the members of databricks_superuser. Whoever may grant that membership
 * does it in Postgres.
 * @param segment what clients call the object
 * @param find the server of an id, as far as the caller may see it
 */
export function addServerPermissionRoutes(
  server: ApiServer,
  segment: 'database-instances' | 'database-projects',
  find: (caller: Caller, id: string) => ApiInstance,
): void {
  const url = `${PERMISSIONS_PATH}/${segment}/:object_id`;
  server.get(
    url,
    {
      schema: {
        tags,
        summary: 'Who may control all synced tables of a server',
        params,
        response: { 200: permissionsReply },
      },
    },
    async ({ params: { object_id }, caller }) => {
      const { home } = find(caller, object_id);
      const administrators = await home.asService(readAdministrators);
      const grants = administrators.map(
        ({ name, isUser }): Grant => ({
          kind: isUser ? 'user_name' : 'group_name',
          principal: name,
          level: 'CAN_MANAGE',
        }),
      );
      return permissionsOf({ id: `/${segment}/${object_id}`, type: segment }, grants, []);
    },
  );
  for (const method of ['PUT', 'PATCH'] as const) {
    server.route({
      method,
      url,
      schema: { tags, summary: 'Refused: memberships are granted in Postgres', params, body: permissionsInput },
      handler: async ({ params: { object_id }, caller }) => {
        find(caller, object_id);
        throw syncedTablesError('NOT_IMPLEMENTED', {
          call: `Changing the permissions of ${object_id}`,
          reason: 'the members of databricks_superuser may control all synced tables of a server',
          alternative: 'Use SQL: GRANT databricks_superuser TO role, or REVOKE.',
        });
      },
    });
  }
  server.get(
    `${url}/permissionLevels`,
    {
      schema: { tags, summary: 'What there is to have on a server', params, response: { 200: permissionLevelsReply } },
    },
    async () => ({
      permission_levels: [
        { permission_level: 'CAN_MANAGE', description: 'May control all synced tables of the server' },
      ],
    }),
  );
}
