import { createHash, randomBytes } from 'node:crypto';

const PREFIX = 'stt_';
const RANDOM_BYTES = 32;

/** A new bearer token. Secret scanners recognise it by its prefix. */
export function makeBearerToken(): string {
  return `${PREFIX}${randomBytes(RANDOM_BYTES).toString('base64url')}`;
}

/** What the database stores of a token. A plain hash is enough: 256 random bits cannot be guessed. */
export function hashBearerToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
