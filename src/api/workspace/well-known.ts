import { z } from 'zod';
import type { ApiServer } from '../places/api-context.js';
import { WORKSPACE_ID } from './workspace-routes.js';

const hostMetadata = z.object({
  oidc_endpoint: z.string(),
  workspace_id: z.string(),
  cloud: z.string(),
  host_type: z.string(),
});

/** What every client requests at start-up, without a token (docs/reference/databricks-api.md#start-up-calls). */
export function addWellKnownRoutes(server: ApiServer): void {
  server.get(
    '/.well-known/databricks-config',
    { schema: { tags: ['workspace'], security: [], response: { 200: hostMetadata } } },
    async (request) => ({
      oidc_endpoint: `${request.protocol}://${request.host}/oidc`,
      workspace_id: WORKSPACE_ID,
      cloud: 'AWS',
      host_type: 'workspace',
    }),
  );
}
