import { type Command, Option } from 'commander';
import { parseSyncedTableName } from '../core/synced-table-name.js';
import { chooseDatabase } from './connect/choose-database.js';
import { withDatabase } from './connect/database-session.js';
import {
  addDatabaseOptions,
  addOutputOption,
  type DatabaseOptions,
  parseCount,
  settingsOf,
} from './options/command-options.js';
import { followUpdate, type WaitCommandOptions } from './waiting/follow-update.js';

interface SyncOptions extends DatabaseOptions, WaitCommandOptions {
  readonly fullRefresh?: true;
  readonly scope: 'table' | 'pipeline';
}

export function addSyncCommand(program: Command): void {
  const command = program
    .command('sync')
    .description('Bring a synced table to the newest version of its source, and wait for it.')
    .argument('<synced-table>', 'its name in Postgres, schema.table')
    .option('--full-refresh', 'rebuild the table, even if its source has not changed')
    .addOption(
      new Option('--scope <scope>', 'what is updated: the table alone, or all tables of its pipeline')
        .choices(['table', 'pipeline'])
        .default('pipeline'),
    )
    .option('--no-wait', 'return as soon as the request is in the queue')
    .option('--timeout <seconds>', 'wait no longer than this; the update goes on', parseCount)
    .addHelpText(
      'after',
      `
Examples:
  synced-tables sync gold.user_profiles
  synced-tables sync gold.user_profiles --full-refresh --scope table
  synced-tables sync gold.user_profiles --full-refresh --no-wait --output json`,
    )
    .action(syncTable);
  addOutputOption(addDatabaseOptions(command));
}

async function syncTable(name: string, options: SyncOptions): Promise<void> {
  const fullName = parseSyncedTableName(name);
  const database = chooseDatabase(settingsOf(options, { postgres: true }), options);
  await withDatabase(database, async (client) => {
    const { rows } = await client.query<{ update_id: string }>(
      'select synced_tables.sync_now($1, full_refresh => $2, scope => $3) as update_id',
      [fullName, options.fullRefresh === true, options.scope],
    );
    await followUpdate({ client, database, updateId: rows[0]?.update_id ?? '', name: fullName, options });
  });
}
