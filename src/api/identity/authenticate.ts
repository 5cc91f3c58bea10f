import type { FastifyRequest } from 'fastify';
import { syncedTablesError } from '../../core/errors.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';
import { hashBearerToken } from './bearer-token.js';
import { type ConsoleSession, isReading } from './console-session.js';
import type { OidcIdentity } from './oidc-identity.js';
import { findTokenRoles, instancesOfRole } from './token-roles.js';

export interface AuthenticationOptions {
  readonly instances: readonly ApiInstance[];
  readonly oidc: OidcIdentity | null;
  readonly session: ConsoleSession;
}

const LOOPBACK_ADDRESSES = /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/;
const LOOPBACK_NAMES = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i;
/** Header, payload and signature; our own tokens contain no dot. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Identifies the sender of a request by its `Authorization`, else by the session of the console.
 * @throws UNAUTHENTICATED, CROSS_SITE_REQUEST, CONSOLE_REQUEST_REFUSED, OIDC_ISSUER_UNREACHABLE, POSTGRES_UNREACHABLE
 */
export async function authenticate(request: FastifyRequest, options: AuthenticationOptions): Promise<Caller> {
  const bearer = bearerOf(request);
  if (bearer !== null) return identify(request, bearer, options);
  const token = options.session.tokenOf(request);
  if (token === null) return identify(request, null, options);
  if (!isReading(request)) options.session.check(request);
  const caller = await identify(request, token, options);
  return caller.kind === 'local' ? caller : { ...caller, isSession: true };
}

/**
 * Identifies the bearer of a token; null: a request without one.
 * @throws as `authenticate`
 */
export async function identify(
  request: FastifyRequest,
  bearer: string | null,
  options: Omit<AuthenticationOptions, 'session'>,
): Promise<Caller> {
  if (bearer !== null && options.oidc !== null && JWT.test(bearer)) {
    return oidcCaller(bearer, options.oidc, options.instances);
  }
  const { roles, hasTokens, unreachable } = await findTokenRoles(
    options.instances,
    bearer === null ? null : hashBearerToken(bearer),
  );
  const [name] = roles.values();
  if (name !== undefined) return { name, kind: 'token', unreachable, roleOn: (instance) => roles.get(instance) };
  // We cannot know whether the token is unknown or only its instance is out of reach, so the request is refused.
  for (const error of unreachable.values()) throw error;
  if (hasTokens || options.oidc !== null) {
    const reason = bearer === null ? 'it carries no token' : 'its token is unknown, revoked or expired';
    throw syncedTablesError('UNAUTHENTICATED', { reason });
  }
  return localCaller(request);
}

function bearerOf(request: FastifyRequest): string | null {
  return /^bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

async function oidcCaller(jwt: string, oidc: OidcIdentity, instances: readonly ApiInstance[]): Promise<Caller> {
  const { role } = await oidc.roleOf(jwt);
  const { served, unreachable } = await instancesOfRole(instances, role);
  if (served.length === 0) {
    for (const error of unreachable.values()) throw error;
    const reason = `the API may not act for role "${role}"; an administrator allows it with GRANT "${role}" TO databricks_gateway`;
    throw syncedTablesError('UNAUTHENTICATED', { reason });
  }
  const roleOn = (instance: string) => (served.includes(instance) ? role : undefined);
  return { name: role, kind: 'oidc', unreachable, roleOn };
}

/**
 * Before the first token exists, anyone who reaches the loopback address acts as the sidecar's own role. That includes
 * web pages in a browser on this machine, which give themselves away by their Origin, by what the browser says of their
 * site, or by a Host that is not a loopback name. The address that was reached counts as well as the sender's: proxies of
 * container networks hand on requests of others from a loopback address.
 */
function localCaller(request: FastifyRequest): Caller {
  const { remoteAddress = '127.0.0.1', localAddress = '127.0.0.1' } = request.socket;
  if (![remoteAddress, localAddress].every((address) => LOOPBACK_ADDRESSES.test(address))) {
    throw syncedTablesError('UNAUTHENTICATED', {
      reason: 'there is no token yet, and until then only this machine itself is served',
    });
  }
  const { origin, host = '', 'sec-fetch-site': site } = request.headers;
  const isOwnPage = origin === undefined || origin === `http://${host}`;
  // A page of another port of this machine is of the same site, but not ours.
  const isOwnSite = site === undefined || site === 'same-origin' || site === 'none';
  if (!LOOPBACK_NAMES.test(host) || !isOwnPage || !isOwnSite) {
    throw syncedTablesError('CROSS_SITE_REQUEST', { origin: origin ?? (isOwnSite ? host : 'another site') });
  }
  return { name: 'local', kind: 'local', roleOn: () => null };
}
