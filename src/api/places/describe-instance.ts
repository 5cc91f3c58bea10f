import { SyncedTablesError } from '../../core/errors.js';
import { type InstanceDescription, readInstanceDescription } from '../../postgres/registry/api/instance-description.js';
import type { ApiInstance } from './api-instance.js';

/** Describes a server; null if it cannot be reached. */
export async function describeInstance(instance: ApiInstance): Promise<InstanceDescription | null> {
  try {
    return await instance.home.asService(readInstanceDescription);
  } catch (error) {
    if (error instanceof SyncedTablesError && error.code === 'POSTGRES_UNREACHABLE') return null;
    throw error;
  }
}
