import { decodeJwt } from 'jose';
import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import { readTokenSeconds } from '../../postgres/registry/api/tokens.js';
import { type AuthenticationOptions, identify } from '../identity/authenticate.js';
import { hashBearerToken } from '../identity/bearer-token.js';
import type { ApiServer } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { NATIVE_PATH, NATIVE_TAGS } from './native-path.js';

/** What may stand in a cookie without being quoted; tokens of ours and JSON Web Tokens are of it. */
const TOKEN = /^[\w.~+/-]+$/;

const sessionBody = z.object({ token: z.string().min(1).max(8_000) });
const sessionReply = z.object({ name: z.string(), kind: z.enum(['token', 'oidc']) });

/**
 * Signing in and out of the web console: a token becomes a cookie, which scripts cannot read. Open to everybody, as nobody
 * is known before; both are refused to pages of others.
 */
export function addSessionRoutes(server: ApiServer, options: AuthenticationOptions): void {
  server.post(
    `${NATIVE_PATH}/session`,
    {
      schema: {
        tags: NATIVE_TAGS,
        summary: 'Begin a session of the web console with a token',
        security: [],
        body: sessionBody,
        response: { 200: sessionReply },
      },
    },
    async (request, reply) => {
      options.session.check(request);
      const { token } = request.body;
      if (!TOKEN.test(token)) throw syncedTablesError('UNAUTHENTICATED', { reason: UNKNOWN });
      const { name, kind } = await identify(request, token, options);
      // Without any token nobody is asked for one, and none is right.
      if (kind === 'local') throw syncedTablesError('UNAUTHENTICATED', { reason: UNKNOWN });
      void reply.header('set-cookie', options.session.begin(token, await secondsLeft(token, kind, options)));
      return { name, kind };
    },
  );
  server.delete(
    `${NATIVE_PATH}/session`,
    {
      schema: {
        tags: NATIVE_TAGS,
        summary: 'End the session of the web console',
        security: [],
        response: { 200: z.object({}) },
      },
    },
    async (request, reply) => {
      options.session.check(request);
      void reply.header('set-cookie', options.session.end());
      return {};
    },
  );
}

const UNKNOWN = 'its token is unknown, revoked or expired';

async function secondsLeft(
  token: string,
  kind: Caller['kind'],
  options: AuthenticationOptions,
): Promise<number | null> {
  if (kind === 'oidc') {
    const { exp } = decodeJwt(token);
    return exp === undefined ? null : exp - Date.now() / 1000;
  }
  const hash = hashBearerToken(token);
  const known = await Promise.allSettled(
    options.instances.map(({ home }) => home.asService((client) => readTokenSeconds(client, hash))),
  );
  const seconds = known.flatMap((each) => (each.status === 'fulfilled' && each.value !== null ? [each.value] : []));
  return seconds.length === 0 ? null : Math.min(...seconds);
}
