import { SignJWT } from 'jose';
import {
  lockCredential,
  readCredentialSecret,
  setCredential,
  type Validity,
} from '../../postgres/registry/api/credentials.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';
import { scramVerifier } from './scram-verifier.js';

/** A password for the caller's role, and when it expires. */
export interface Credential {
  readonly token: string;
  readonly expiresAt: Date;
}

const LIFETIME_SECONDS = 3_600;
/** A credential that is valid for at least this much longer is reused. */
const REMAINING_SECONDS_MIN = 900;

/**
 * Gives the caller a password for their role, valid for every database of the instance. Postgres roles have one
 * password, so every caller on every sidecar gets the same one while it has enough time left: a JSON Web Token derived
 * from the role, its times and a secret of the instance. A new one invalidates the old one for new logins; open
 * sessions continue. See docs/decisions.
 * @param lifetimeSeconds maximum lifetime of a new one
 * @throws CREDENTIAL_REFUSED for roles that cannot log in, that have a password set by someone else, or that the API
 *   may not act for
 */
export async function issueCredential(
  instance: ApiInstance,
  caller: Caller,
  lifetimeSeconds: number = LIFETIME_SECONDS,
): Promise<Credential> {
  const role = await instance.home.roleNameOf(caller);
  return instance.home.asService(async (client) => {
    const current = await lockCredential(client, role);
    const { secret, uid, now } = await readCredentialSecret(client);
    const remainingMin = Math.min(REMAINING_SECONDS_MIN, lifetimeSeconds);
    if (current && current.expires - now >= remainingMin) return credentialOf(role, { ...current, secret, uid });
    const validity = { issued: now, expires: now + lifetimeSeconds };
    const credential = await credentialOf(role, { ...validity, secret, uid });
    await setCredential(client, role, await scramVerifier(credential.token), validity);
    return credential;
  });
}

/** Deterministic: HMAC has no randomness. */
async function credentialOf(
  role: string,
  { issued, expires, secret, uid }: Validity & { readonly secret: Buffer; readonly uid: string },
): Promise<Credential> {
  const token = await new SignJWT({ sub: role, aud: uid, iss: 'synced-tables', iat: issued, exp: expires })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .sign(secret);
  return { token, expiresAt: new Date(expires * 1000) };
}
