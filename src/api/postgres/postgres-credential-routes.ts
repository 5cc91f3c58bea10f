import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import { issueCredential } from '../identity/issue-credential.js';
import { findByBranch } from '../names/resource-names.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import { maybe, text } from '../wire/wire-fields.js';

const SECONDS_MIN = 300;
const SECONDS_MAX = 3_600;

const credentialInput = z.object({
  endpoint: text,
  claims: maybe(z.array(z.unknown()).max(100)),
  group_name: maybe(text),
  ttl: maybe(z.string().regex(/^\d{1,6}(\.\d+)?s$/)),
  expire_time: maybe(z.iso.datetime({ offset: true })),
});

const credentialReply = z.object({ token: z.string(), expire_time: z.string() });

/** Postgres passwords with a lifetime of up to an hour, as the caller chooses. */
export function addPostgresCredentialRoutes(server: ApiServer, context: ApiContext): void {
  server.post(
    '/api/2.0/postgres/credentials',
    {
      schema: {
        tags: ['postgres'],
        summary: 'A password of the role of the caller',
        body: credentialInput,
        response: { 200: credentialReply },
      },
    },
    async ({ body, caller }) => {
      const refused = (body.claims ?? []).length > 0 ? 'claims' : body.group_name ? 'group_name' : null;
      if (refused !== null) {
        throw syncedTablesError('NOT_IMPLEMENTED', {
          call: `A credential with ${refused}`,
          reason: 'a Postgres password is that of one role with all its rights',
          alternative: 'Use the token of a role that has only the rights you want to grant.',
        });
      }
      const instance = findByBranch(context, caller, body.endpoint);
      const { token, expiresAt } = await issueCredential(instance, caller, lifetimeOf(body));
      return { token, expire_time: expiresAt.toISOString() };
    },
  );
}

/** @throws REQUEST_INVALID outside of 300 to 3600 seconds */
function lifetimeOf({ ttl, expire_time: expiry }: z.output<typeof credentialInput>): number {
  if (ttl === undefined && expiry === undefined) return SECONDS_MAX;
  const seconds = ttl === undefined ? (Date.parse(expiry ?? '') - Date.now()) / 1000 : Number.parseFloat(ttl);
  if (seconds >= SECONDS_MIN - 1 && seconds <= SECONDS_MAX + 1) return Math.round(seconds);
  const field = ttl === undefined ? 'expire_time' : 'ttl';
  throw syncedTablesError('REQUEST_INVALID', { reason: `${field}: a credential lasts 300 to 3600 seconds` });
}
