import type { z } from 'zod';
import { syncedTablesError } from '../../../core/errors.js';
import { createToken, type NewToken, revokeToken } from '../../../postgres/registry/api/tokens.js';
import { hashBearerToken, makeBearerToken } from '../../identity/bearer-token.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import type { ApiInstance } from '../../places/api-instance.js';
import type { Caller } from '../../places/caller.js';
import { nothing } from '../../wire/wire-fields.js';
import { NATIVE_PATH, NATIVE_TAGS } from '../native-path.js';
import { type KnownToken, readAllTokens } from './token-instances.js';
import { newTokenReply, tokenInput, tokenListReply, tokenParams } from './token-schema.js';

const TOKENS_PATH = `${NATIVE_PATH}/tokens`;
const LIFETIME_MS = 30 * 86_400_000;
const tags = NATIVE_TAGS;

/** Who may call: tokens, on every instance of the caller. */
export function addTokenRoutes(server: ApiServer, context: ApiContext): void {
  server.get(
    TOKENS_PATH,
    { schema: { tags, summary: 'The tokens, without their secrets', response: { 200: tokenListReply } } },
    async ({ caller }) => {
      const { tokens, unreachable } = await readAllTokens(context, caller);
      return { tokens: tokens.map(shown), unreachable: [...unreachable] };
    },
  );
  server.post(
    TOKENS_PATH,
    {
      schema: {
        tags,
        summary: 'Make a token for a role that the caller may grant, on every instance of the caller',
        body: tokenInput,
        response: { 200: newTokenReply },
      },
    },
    async ({ body, caller }) => {
      const token = makeBearerToken();
      const expiresAt = expiryOf(body.expires_at);
      const made = await createEverywhere(context, caller, {
        hash: hashBearerToken(token),
        role: body.role,
        description: body.description ?? null,
        expiresAt,
      });
      return {
        token,
        token_id: made[0]?.tokenId ?? '',
        instances: made.map(({ instance }) => instance.name),
        role: body.role,
        expires_at: expiresAt?.toISOString() ?? null,
      };
    },
  );
  server.delete(
    `${TOKENS_PATH}/:token_id`,
    {
      schema: {
        tags,
        summary: 'Revoke a token, on every instance that knows it; it stops working at once',
        params: tokenParams,
        response: { 200: nothing },
      },
    },
    async ({ params, caller }) => {
      const { tokens } = await readAllTokens(context, caller);
      const id = params.token_id.toLowerCase();
      const known = tokens.find((token) => token.some(({ tokenId }) => tokenId === id));
      if (!known) throw syncedTablesError('TOKEN_NOT_FOUND', { token: params.token_id });
      for (const { instance, tokenId } of known) {
        await instance.home.asCaller(caller, (client) => revokeToken(client, tokenId));
      }
      return {};
    },
  );
}

function expiryOf(given: string | null | undefined): Date | null {
  if (given === null) return null;
  return given === undefined ? new Date(Date.now() + LIFETIME_MS) : new Date(given);
}

/**
 * Tried on every instance before it is made on one: a row of a token ends open access for good, even of one that is
 * revoked again.
 */
async function createEverywhere(context: ApiContext, caller: Caller, token: NewToken) {
  for (const { home } of context.instances.of(caller)) {
    await home.asCaller(caller, async (client) => {
      await client.query('savepoint before_token');
      await createToken(client, token);
      await client.query('rollback to savepoint before_token');
    });
  }
  const made: { readonly instance: ApiInstance; readonly tokenId: string }[] = [];
  try {
    for (const instance of context.instances.of(caller)) {
      const tokenId = await instance.home.asCaller(caller, (client) => createToken(client, token));
      made.push({ instance, tokenId });
    }
  } catch (error) {
    for (const { instance, tokenId } of made) {
      await instance.home.asCaller(caller, (client) => revokeToken(client, tokenId));
    }
    throw error;
  }
  return made;
}

function shown(token: KnownToken): z.output<typeof tokenListReply>['tokens'][number] {
  const [first] = token;
  // Revoked on one of its instances it is still worth something on the others.
  const state = token.find((each) => each.state === 'ACTIVE')?.state ?? first.state;
  const uses = token.flatMap(({ lastUsedAt }) => lastUsedAt ?? []).sort();
  return {
    token_id: first.tokenId,
    instances: token.map(({ instance }) => instance.name),
    role: first.role,
    description: first.description,
    state,
    created_by: first.createdBy,
    created_at: first.createdAt,
    expires_at: first.expiresAt,
    revoked_at: first.revokedAt,
    last_used_at: uses.at(-1) ?? null,
  };
}
