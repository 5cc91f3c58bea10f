import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadMigrationFiles } from 'postgres-migrations';

export type Migration = Awaited<ReturnType<typeof loadMigrationFiles>>[number];

/** The folder of the SQL side; found from src and from dist alike. */
export const sqlDir = fileURLToPath(new URL('../../../sql/', import.meta.url));

/**
 * The numbered files of this release in order, number 0 (the table of migrations itself) included.
 * @throws when a number is missing or a file has no number
 */
export async function readMigrations(dir = sqlDir): Promise<readonly Migration[]> {
  return loadMigrationFiles(dir);
}

/** The release that this is, from package.json. */
export function ownRelease(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
