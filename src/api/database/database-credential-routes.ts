import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import { issueCredential } from '../identity/issue-credential.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import { maybe, text } from '../wire/wire-fields.js';

const credentialInput = z.object({
  instance_names: maybe(z.array(text).max(100)),
  request_id: maybe(text),
  claims: maybe(z.array(z.unknown()).max(100)),
});

const credentialReply = z.object({ token: z.string(), expiration_time: z.string() });

/** Postgres passwords that last an hour (docs/reference/databricks-api.md#other-objects). */
export function addDatabaseCredentialRoutes(server: ApiServer, context: ApiContext): void {
  server.post(
    '/api/2.0/database/credentials',
    {
      schema: {
        tags: ['database'],
        summary: 'A password of the role of the caller, for about an hour',
        body: credentialInput,
        response: { 200: credentialReply },
      },
    },
    async ({ body, caller }) => {
      const { instance_names: names = [], claims = [] } = body;
      if (claims.length > 0) {
        throw syncedTablesError('NOT_IMPLEMENTED', {
          call: 'A credential with claims',
          reason: 'a Postgres password carries all rights of its role',
          alternative: 'Use the token of a role that has only the rights you want to grant.',
        });
      }
      const [name, ...others] = new Set(names);
      if (name === undefined || others.length > 0) {
        const found = name === undefined ? 'no instance is named' : 'several instances are named';
        throw syncedTablesError('REQUEST_INVALID', { reason: `instance_names: ${found}, a credential is for one` });
      }
      const { token, expiresAt } = await issueCredential(context.instances.find(caller, name), caller);
      return { token, expiration_time: expiresAt.toISOString() };
    },
  );
}
