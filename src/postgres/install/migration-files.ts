import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadMigrationFiles } from 'postgres-migrations';

export type Migration = Awaited<ReturnType<typeof loadMigrationFiles>>[number];

/** The folder of the SQL side; found from src and from dist alike. */
export const sqlDir = fileURLToPath(new URL('../../../sql/', import.meta.url));

/** The table of applied files, with the columns of postgres-migrations' own number 0. */
export const MIGRATIONS_TABLE = `create table synced_tables.migrations (
  id integer constraint migrations_pk primary key, name varchar(100) constraint migrations_name_key unique not null,
  hash varchar(40) not null, executed_at timestamp default current_timestamp)`;

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
