import { createHash, randomBytes } from 'node:crypto';

const PREFIX = 'stt_';
const RANDOM_BYTES = 32;

/** A new bearer token. Its prefix lets scanners for secrets know it. */
export function makeBearerToken(): string {
  return `${PREFIX}${randomBytes(RANDOM_BYTES).toString('base64url')}`;
}

/** What the database keeps of a token. A plain hash will do: nobody can try out 256 random bits. */
export function hashBearerToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
