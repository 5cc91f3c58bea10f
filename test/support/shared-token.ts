import { randomBytes } from 'node:crypto';
import { hashBearerToken } from '../../src/api/identity/bearer-token.js';
import type { SyncedLake } from './synced-lake.js';

/** Makes a token that acts as one role on several instances, whose databases are of one server. */
export async function createSharedToken(instances: readonly SyncedLake[], role: string): Promise<string> {
  const token = `stt_test_${randomBytes(16).toString('hex')}`;
  for (const { admin } of instances) {
    await admin.query('select synced_tables.create_token($1, $2)', [role, hashBearerToken(token)]);
  }
  return token;
}
