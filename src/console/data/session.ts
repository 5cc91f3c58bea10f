import { call } from './request.js';

const SESSION = '/api/2.0/synced-tables/session';

/** Signs this browser in. @throws RequestError: one text for tokens that are unknown, revoked or expired */
export function beginSession(token: string): Promise<unknown> {
  return call(SESSION, { method: 'POST', body: { token }, staysOn401: true });
}

export function endSession(): Promise<unknown> {
  return call(SESSION, { method: 'DELETE' });
}
