import { fileURLToPath } from 'node:url';
import { loadMigrationFiles } from 'postgres-migrations';

export type Migration = Awaited<ReturnType<typeof loadMigrationFiles>>[number];

/** The folder of the numbered migrations; found from src and from dist alike. */
export const migrationsDir = fileURLToPath(new URL('../../sql/', import.meta.url));

/**
 * The migrations of this version in order, number 0 (the table of migrations itself) included.
 * @throws when a number is missing or a file has no number
 */
export async function readMigrations(dir = migrationsDir): Promise<readonly Migration[]> {
  return loadMigrationFiles(dir);
}
