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

export function addRenameCommand(program: Command): void {
  const command = program
    .command('rename')
    .description('Give a synced table another name, or move it to another schema.')
    .argument('<synced-table>', 'its name in Postgres, schema.table')
    .argument('<new-name>', 'its new name, schema.table; the schema must exist')
    .addHelpText(
      'after',
      `
The table stays the same one: grants, indexes, views, managers, its schedule and its history go along, and its sync goes on.
In psql, ALTER TABLE … RENAME TO and ALTER TABLE … SET SCHEMA do the same.

Examples:
  synced-tables rename gold.user_profiles gold.profiles
  synced-tables rename gold.user_profiles serving.user_profiles`,
    )
    .action(renameTable);
  addOutputOption(addDatabaseOptions(command));
}

async function renameTable(name: string, newName: string, options: DatabaseOptions & OutputOptions): Promise<void> {
  const before = parseSyncedTableName(name);
  const after = parseSyncedTableName(newName);
  const database = chooseDatabase(settingsOf(options, { postgres: true }), options);
  await withDatabase(database, (client) =>
    client.query('select synced_tables.rename_synced_table($1, $2)', [before, after]),
  );
  const text =
    options.output === 'json'
      ? JSON.stringify({ synced_table: after, former_name: before })
      : `${before} is ${after} now.`;
  process.stdout.write(`${text}\n`);
}
