import { SyncedTablesError } from '../../core/errors.js';
import type { Logger } from '../../observability/logger.js';
import { asRaisedError } from '../../postgres/refusals/raised-error.js';
import { createToken, findToken } from '../../postgres/registry/api/tokens.js';
import type { Settings } from '../../settings/settings-schema.js';
import type { ApiInstance } from '../places/api-instance.js';
import { hashBearerToken } from './bearer-token.js';

/** Shown beside it in the list of tokens. */
export const FIRST_TOKEN_DESCRIPTION = 'api.first_token of the settings';

/**
 * Makes the token of `api.first_token` on every instance that never had one, with the rights of the login role. Where that
 * is not allowed, as for a role that may do no more than act as a sidecar, it says so and goes on: `synced-tables migrate`
 * does the same with the rights of an administrator.
 */
export async function makeFirstTokens(
  instances: readonly ApiInstance[],
  { api }: Settings,
  logger: Logger,
): Promise<void> {
  const { first_token: first } = api;
  if (first === undefined) return;
  for (const { name, home } of instances) {
    try {
      const { hasTokens } = await home.asService((client) => findToken(client, null));
      if (hasTokens) continue;
      const token = {
        hash: hashBearerToken(first.token),
        role: first.role,
        description: FIRST_TOKEN_DESCRIPTION,
        expiresAt: null,
      };
      const me = { name: 'local', kind: 'local' as const, roleOn: () => null };
      await home.asCaller(me, (client) => createToken(client, token));
      logger.info({ instance: name, role: first.role }, 'the token of api.first_token was made');
    } catch (error) {
      const known = error instanceof SyncedTablesError ? error : asRaisedError(error);
      // Two sidecars that start at once: the other one has made it.
      if (known === null && (error as { code?: unknown }).code === '23505') continue;
      logger.warn(
        { instance: name, error: known ?? error },
        'the token of api.first_token could not be made; run "synced-tables migrate" with these settings as an administrator',
      );
    }
  }
}
