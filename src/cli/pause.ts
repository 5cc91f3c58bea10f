import type { Command } from 'commander';
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

type PauseOptions = DatabaseOptions & OutputOptions;

const ARGUMENT = 'a synced or streaming table, schema.table, or the id of a pipeline';

export function addPauseCommand(program: Command): void {
  const command = program
    .command('pause')
    .description('Keep a pipeline from following its sources and from scheduled runs, until it is resumed.')
    .argument('<table-or-pipeline>', ARGUMENT)
    .addHelpText(
      'after',
      `
All tables of the pipeline keep their rows. An update that runs goes on to its end, and synced-tables sync still works.

Examples:
  synced-tables pause gold.user_profiles
  synced-tables resume gold.user_profiles`,
    )
    .action((target: string, options: PauseOptions) => change('pause', target, options));
  addOutputOption(addDatabaseOptions(command));
}

export function addResumeCommand(program: Command): void {
  const command = program
    .command('resume')
    .description('Let a pipeline go on that was paused or stopped: what it missed is made up for.')
    .argument('<table-or-pipeline>', ARGUMENT)
    .addHelpText(
      'after',
      `
Changes are read from where the tables are; a schedule that was due runs once.

Examples:
  synced-tables resume gold.user_profiles`,
    )
    .action((target: string, options: PauseOptions) => change('resume', target, options));
  addOutputOption(addDatabaseOptions(command));
}

const SAID = {
  pause: { done: 'is paused', already: 'was paused already' },
  resume: { done: 'goes on', already: 'was neither paused nor stopped' },
} as const;

async function change(action: 'pause' | 'resume', target: string, options: PauseOptions): Promise<void> {
  const name = isUuid(target.toLowerCase()) ? target.toLowerCase() : parseSyncedTableName(target);
  const database = chooseDatabase(settingsOf(options, { postgres: true }), options);
  const isChanged = await withDatabase(database, async (client) => {
    const { rows } = await client.query<{ done: boolean }>(`select synced_tables.${action}_pipeline($1) as done`, [
      name,
    ]);
    return rows[0]?.done === true;
  });
  const text =
    options.output === 'json'
      ? JSON.stringify({ target: name, is_paused: action === 'pause', is_changed: isChanged })
      : `The pipeline of ${name} ${SAID[action][isChanged ? 'done' : 'already']}.`;
  process.stdout.write(`${text}\n`);
}
