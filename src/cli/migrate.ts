import type { Command } from 'commander';
import { countOf } from '../core/count-of.js';
import { asSyncedTablesError, SyncedTablesError } from '../core/errors.js';
import { type MigrationResult, migrateDatabase } from '../postgres/install/migrate.js';
import { chooseDatabases } from './connect/choose-database.js';
import { withDatabase } from './connect/database-session.js';
import {
  addDatabaseOptions,
  addOutputOption,
  type DatabaseOptions,
  type OutputOptions,
  settingsOf,
} from './options/command-options.js';

export function addMigrateCommand(program: Command): void {
  const command = program
    .command('migrate')
    .description('Install or update the SQL side of synced tables in every managed database; needs a superuser.')
    .addHelpText(
      'after',
      `
Safe to run again: what is there already stays as it is.

Examples:
  synced-tables migrate
  synced-tables migrate --instance local --database app
  DATABASE_URL=postgres://postgres@localhost/app synced-tables migrate --output json`,
    )
    .action(migrate);
  addOutputOption(addDatabaseOptions(command));
}

async function migrate(options: DatabaseOptions & OutputOptions): Promise<void> {
  const databases = chooseDatabases(settingsOf(options, { postgres: true }), options);
  const results: { database: string; applied: readonly string[]; replaced_routines: boolean }[] = [];
  let refusal: SyncedTablesError | null = null;
  for (const database of databases) {
    const result = await withDatabase(database, (client) => migrateDatabase(client).catch(refused));
    if (result instanceof SyncedTablesError) {
      refusal ??= result;
      continue;
    }
    results.push({ database: database.name, applied: result.applied, replaced_routines: result.hasReplacedRoutines });
    if (options.output === 'table') {
      process.stdout.write(
        `${database.name}: ${describe(result)}\n${result.applied.map((file) => `  ${file}\n`).join('')}`,
      );
    }
  }
  if (options.output === 'json') process.stdout.write(`${JSON.stringify(results)}\n`);
  if (refusal !== null) throw refusal;
}

/** A database that can never be used does not keep the others from being migrated. */
function refused(error: unknown): SyncedTablesError {
  const known = asSyncedTablesError(error);
  if (known?.code !== 'DATABASE_ENCODING_UNSUPPORTED') throw error;
  return known;
}

function describe({ applied, hasReplacedRoutines }: MigrationResult): string {
  const done = [
    ...(applied.length > 0 ? [`applied ${countOf(applied.length, 'migration')}`] : []),
    ...(hasReplacedRoutines ? ['brought functions and views up to date'] : []),
  ];
  return done.length === 0 ? 'up to date' : done.join(', ');
}
