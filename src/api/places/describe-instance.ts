import { SyncedTablesError } from '../../core/errors.js';
import { type InstanceDescription, readInstanceDescription } from '../../postgres/registry/api/instance-description.js';
import type { ApiInstance } from './api-instance.js';

/** What keeps a server from being reached. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  'POSTGRES_UNREACHABLE',
  'POSTGRES_LOGIN_REFUSED',
  'POSTGRES_PASSWORD_MISSING',
  'POSTGRES_DATABASE_MISSING',
  'POSTGRES_TLS_FAILED',
]);

/** Describes a server; null if it cannot be reached. */
export async function describeInstance(instance: ApiInstance): Promise<InstanceDescription | null> {
  try {
    return await instance.home.asService(readInstanceDescription);
  } catch (error) {
    if (error instanceof SyncedTablesError && UNREACHABLE.has(error.code)) return null;
    throw error;
  }
}
