import type { Command } from 'commander';
import { parseSyncedTableName } from '../core/synced-table-name.js';
import { chooseDatabase } from './connect/choose-database.js';
import { withDatabase } from './connect/database-session.js';
import {
  addDatabaseOptions,
  addOutputOption,
  type DatabaseOptions,
  type OutputOptions,
  settingsOf,
} from './options/command-options.js';

interface DeleteOptions extends DatabaseOptions, OutputOptions {
  readonly purge?: true;
}

export function addDeleteCommand(program: Command): void {
  const command = program
    .command('delete')
    .description('Stop syncing a table. The table stays with its rows, as a table of its creator, unless it is purged.')
    .argument('<synced-table>', 'its name in Postgres, schema.table')
    .option('--purge', 'drop the Postgres table too; also for one that is no longer synced')
    .addHelpText(
      'after',
      `
Examples:
  synced-tables delete gold.user_profiles
  synced-tables delete gold.user_profiles --purge --output json`,
    )
    .action(deleteTable);
  addOutputOption(addDatabaseOptions(command));
}

async function deleteTable(name: string, options: DeleteOptions): Promise<void> {
  const fullName = parseSyncedTableName(name);
  const isPurged = options.purge === true;
  const database = chooseDatabase(settingsOf(options, { postgres: true }), options);
  await withDatabase(database, (client) =>
    client.query('select synced_tables.delete_synced_table($1, purge => $2)', [fullName, isPurged]),
  );
  const what = isPurged ? 'it was dropped with its rows' : 'the table stays with its rows and belongs to its creator';
  const text =
    options.output === 'json'
      ? JSON.stringify({ synced_table: fullName, is_purged: isPurged })
      : `${fullName} is no longer synced; ${what}.`;
  process.stdout.write(`${text}\n`);
}
