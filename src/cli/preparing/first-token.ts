import type pg from 'pg';
import { hashBearerToken } from '../../api/identity/bearer-token.js';
import { FIRST_TOKEN_DESCRIPTION } from '../../api/identity/first-token.js';
import { syncedTablesError } from '../../core/errors.js';
import { createToken } from '../../postgres/registry/api/tokens.js';
import { isPostgresError } from '../../postgres/session/session.js';
import type { Settings } from '../../settings/settings-schema.js';

/**
 * Makes the token of `api.first_token`, unless the instance has or had one.
 * @param client a session of an administrator, in the home database of the instance
 * @returns the role that it acts as; null if there was nothing to do
 * @throws FIRST_TOKEN_REFUSED
 */
export async function makeFirstToken(client: pg.Client, settings: Settings, instance: string): Promise<string | null> {
  const { first_token: first } = settings.api;
  if (first === undefined) return null;
  const { token, role } = first;
  try {
    const { rowCount } = await client.query('select from synced_tables.tokens limit 1');
    if (rowCount !== 0) return null;
    const hash = hashBearerToken(token);
    await createToken(client, { hash, role, description: FIRST_TOKEN_DESCRIPTION, expiresAt: null });
    return role;
  } catch (error) {
    if (!isPostgresError(error)) throw error;
    throw syncedTablesError('FIRST_TOKEN_REFUSED', { instance, reason: error.message.replace(/\.$/, '') }, error);
  }
}
