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
import { textRecord } from './output/text-table.js';
import { readStatus } from './queries/table-status.js';

export function addGetCommand(program: Command): void {
  const command = program
    .command('get')
    .description('Show the state of one synced table.')
    .argument('<synced-table>', 'its name in Postgres, schema.table')
    .addHelpText(
      'after',
      `
Examples:
  synced-tables get gold.user_profiles
  synced-tables get '"Gold"."Users"' --output json`,
    )
    .action(getTable);
  addOutputOption(addDatabaseOptions(command));
}

async function getTable(name: string, options: DatabaseOptions & OutputOptions): Promise<void> {
  const fullName = parseSyncedTableName(name);
  const database = chooseDatabase(settingsOf(options, { postgres: true }), options);
  const status = await withDatabase(database, (client) => readStatus(client, database, fullName));
  process.stdout.write(`${options.output === 'json' ? status.json : textRecord(status.values)}\n`);
}
