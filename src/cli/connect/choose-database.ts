import { syncedTablesError } from '../../core/errors.js';
import type { Settings } from '../../settings/settings-schema.js';
import { type ManagedDatabase, managedDatabases } from '../../sidecar/managed-databases.js';
import type { DatabaseOptions } from '../options/command-options.js';

/**
 * The databases that the options select: all managed ones if no option is given.
 * @throws INSTANCE_UNKNOWN, INSTANCE_AMBIGUOUS if `--database` could be on several servers
 */
export function chooseDatabases(settings: Settings, options: DatabaseOptions): ManagedDatabase[] {
  const instances = Object.keys(settings.instances);
  const { instance, database } = options;
  if (instance !== undefined && !instances.includes(instance)) {
    throw syncedTablesError('INSTANCE_UNKNOWN', { instance, configured: instances.join(', ') });
  }
  const chosen = instance === undefined ? instances : [instance];
  if (database === undefined) return managedDatabases(settings).filter((managed) => chosen.includes(managed.instance));
  const [only] = chosen;
  const server = only === undefined ? undefined : settings.instances[only];
  if (only === undefined || server === undefined || chosen.length > 1) {
    throw syncedTablesError('INSTANCE_AMBIGUOUS', { configured: instances.join(', ') });
  }
  // May be missing from the settings: `migrate` can prepare any database of the server.
  return managedDatabases({ ...settings, instances: { [only]: { ...server, databases: [database] } } });
}

/**
 * The one database that the options select.
 * @throws INSTANCE_UNKNOWN, INSTANCE_AMBIGUOUS, DATABASE_AMBIGUOUS
 */
export function chooseDatabase(settings: Settings, options: DatabaseOptions): ManagedDatabase {
  const [first, ...others] = chooseDatabases(settings, options);
  if (first === undefined) throw new Error('the settings name no database');
  if (others.some((other) => other.instance !== first.instance)) {
    throw syncedTablesError('INSTANCE_AMBIGUOUS', { configured: Object.keys(settings.instances).join(', ') });
  }
  if (others.length > 0) {
    const databases = [first, ...others].map(({ name }) => name.slice(first.instance.length + 1)).join(', ');
    throw syncedTablesError('DATABASE_AMBIGUOUS', { instance: first.instance, databases });
  }
  return first;
}
