import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ApiServer } from '../places/api-context.js';

/** Clients parse a workspace id as a number and only compare it with itself; there is a single workspace here. */
export const WORKSPACE_ID = '1';

const scimUser = z.object({
  schemas: z.array(z.string()),
  id: z.string(),
  userName: z.string(),
  displayName: z.string(),
  active: z.boolean(),
  emails: z.array(z.object({ value: z.string(), type: z.string(), primary: z.boolean() })),
  groups: z.array(z.object({ display: z.string(), value: z.string() })),
});

const telemetryBody = z.object({ protoLogs: z.array(z.unknown()).default([]) });
const telemetryReply = z.object({ errors: z.array(z.string()), numProtoSuccess: z.number() });

/** Who the caller is, and the CLI's telemetry, which is discarded (docs/reference/databricks-api.md#start-up-calls). */
export function addWorkspaceRoutes(server: ApiServer): void {
  server.get(
    '/api/2.0/preview/scim/v2/Me',
    { schema: { tags: ['workspace'], summary: 'The caller', response: { 200: scimUser } } },
    async (request, reply) => {
      void reply.header('X-Databricks-Org-Id', WORKSPACE_ID);
      const { name } = request.caller;
      return {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
        id: numericId(name),
        userName: name,
        displayName: name,
        active: true,
        emails: name.includes('@') ? [{ value: name, type: 'work', primary: true }] : [],
        groups: [],
      };
    },
  );
  server.post(
    '/telemetry-ext',
    {
      schema: {
        tags: ['workspace'],
        summary: 'Telemetry, not kept',
        body: telemetryBody,
        response: { 200: telemetryReply },
      },
    },
    async (request) => ({ errors: [], numProtoSuccess: request.body.protoLogs.length }),
  );
}

/** User ids are numeric and derived from the name. */
function numericId(name: string): string {
  return createHash('sha256').update(name).digest().readUIntBE(0, 6).toString();
}
