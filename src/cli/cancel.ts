import type { Command } from 'commander';
import { countOf } from '../core/count-of.js';
import { parseSyncedTableName } from '../core/synced-table-name.js';
import { isUuid } from '../core/uuid.js';
import { chooseDatabase } from './connect/choose-database.js';
import { withDatabase } from './connect/database-session.js';
import {
  addDatabaseOptions,
  addOutputOption,
  type DatabaseOptions,
  type OutputOptions,
  settingsOf,
} from './options/command-options.js';

export function addCancelCommand(program: Command): void {
  const command = program
    .command('cancel')
    .description('Cancel the update of a pipeline that runs, and those that wait.')
    .argument('<table-or-pipeline>', 'a synced or streaming table, schema.table, or the id of a pipeline')
    .addHelpText(
      'after',
      `
Nothing of a canceled update becomes visible: all tables of the pipeline keep the rows that they have. Later updates run as
usual, and a CONTINUOUS pipeline goes on following its sources; synced-tables pause keeps it from that.

Examples:
  synced-tables cancel gold.user_profiles`,
    )
    .action(cancelUpdates);
  addOutputOption(addDatabaseOptions(command));
}

async function cancelUpdates(target: string, options: DatabaseOptions & OutputOptions): Promise<void> {
  const name = isUuid(target.toLowerCase()) ? target.toLowerCase() : parseSyncedTableName(target);
  const database = chooseDatabase(settingsOf(options, { postgres: true }), options);
  const canceled = await withDatabase(database, async (client) => {
    const { rows } = await client.query<{ canceled: number }>('select synced_tables.cancel_updates($1) as canceled', [
      name,
    ]);
    return rows[0]?.canceled ?? 0;
  });
  const said =
    canceled === 0
      ? `No update of ${name} runs or waits.`
      : `${countOf(BigInt(canceled), 'update')} of ${name} canceled.`;
  process.stdout.write(`${options.output === 'json' ? JSON.stringify({ target: name, canceled }) : said}\n`);
}
