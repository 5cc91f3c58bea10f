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

/** A password of the caller's role, and until when it is one. */
export interface Credential {
  readonly token: string;
  readonly expiresAt: Date;
}

const LIFETIME_SECONDS = 3_600;
/** A credential that lasts at least this long is given out again. */
const REMAINING_SECONDS_MIN = 900;

/**
 * Gives the caller a password for his role, good for logging in to every database of the instance. A role has one
 * password, so one that is good for a while yet is given to everybody who asks, on whichever sidecar: it is a JSON Web
 * Token made from the role, its times and a secret of the instance. A new one ends the older for new logins; sessions
 * that are open stay. See docs/decisions.
 * @param lifetimeSeconds how long a new one shall last at most
 * @throws CREDENTIAL_REFUSED for roles that cannot log in, that have a password of their own, or that the API may not
 *   act for
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

/** The same for the same input: HMAC has no randomness. */
async function credentialOf(
  role: string,
  { issued, expires, secret, uid }: Validity & { readonly secret: Buffer; readonly uid: string },
): Promise<Credential> {
  const token = await new SignJWT({ sub: role, aud: uid, iss: 'synced-tables', iat: issued, exp: expires })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .sign(secret);
  return { token, expiresAt: new Date(expires * 1000) };
}
