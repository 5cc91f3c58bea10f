import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import type { Settings } from '../../settings/settings-schema.js';

/** Maps the bearer of a JSON Web Token to a role. */
export interface OidcIdentity {
  /** @throws UNAUTHENTICATED for a token that is not valid, or whose claim maps to no role */
  roleOf(jwt: string): Promise<{ readonly subject: string; readonly role: string }>;
}

type OidcSettings = NonNullable<Settings['api']['oidc']>;

const FETCH_MS_MAX = 5_000;
/** Signatures that identify the signer; `none` and shared secrets do not. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const CLOCK_SECONDS_OFF_MAX = 60;
const discovery = z.object({ jwks_uri: z.url() });

/** Checks tokens of the configured issuer against its published keys, fetched when the first token arrives. */
export function oidcIdentity(settings: OidcSettings): OidcIdentity {
  let keys: Promise<JWTVerifyGetKey> | null = null;
  const keysOfIssuer = () => {
    keys ??= openKeys(settings).catch((error: unknown) => {
      keys = null;
      throw error;
    });
    return keys;
  };
  return {
    async roleOf(jwt) {
      const payload = await verify(jwt, await keysOfIssuer(), settings);
      const claim = payload[settings.role_claim];
      const values = (Array.isArray(claim) ? claim : [claim]).filter((value) => typeof value === 'string');
      const role = values.map((value) => roleOfClaim(value, settings)).find((found) => found !== null);
      if (role === undefined || role === null) {
        throw syncedTablesError('UNAUTHENTICATED', {
          reason: `claim ${settings.role_claim} of the token does not stand for a role`,
        });
      }
      return { subject: payload.sub ?? role, role };
    },
  };
}

/** Without a mapping the claim itself is the role. */
function roleOfClaim(value: string, { roles }: OidcSettings): string | null {
  if (roles === undefined) return value;
  return Object.hasOwn(roles, value) ? (roles[value] ?? null) : null;
}

async function openKeys(settings: OidcSettings): Promise<JWTVerifyGetKey> {
  const url = settings.jwks_uri ?? (await discoverKeys(settings.issuer));
  return createRemoteJWKSet(new URL(url), { timeoutDuration: FETCH_MS_MAX });
}

async function discoverKeys(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  try {
    const reply = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS_MAX) });
    if (!reply.ok) throw new Error(`it answered ${reply.status}`);
    return discovery.parse(await reply.json()).jwks_uri;
  } catch (error) {
    throw syncedTablesError('OIDC_ISSUER_UNREACHABLE', { issuer, reason: (error as Error).message }, error);
  }
}

async function verify(jwt: string, keys: JWTVerifyGetKey, settings: OidcSettings): Promise<JWTPayload> {
  const { issuer, audience } = settings;
  try {
    const options = { issuer, audience, algorithms: ALGORITHMS, clockTolerance: CLOCK_SECONDS_OFF_MAX };
    return (await jwtVerify(jwt, keys, { ...options, requiredClaims: ['exp'] })).payload;
  } catch (error) {
    const isTokenAtFault = error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout);
    if (!isTokenAtFault) {
      throw syncedTablesError('OIDC_ISSUER_UNREACHABLE', { issuer, reason: (error as Error).message }, error);
    }
    throw syncedTablesError('UNAUTHENTICATED', { reason: `the token is not valid (${error.code})` }, error);
  }
}
