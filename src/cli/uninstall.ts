import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type pg from 'pg';
import { syncedTablesError } from '../core/errors.js';
import { chooseDatabase } from './connect/choose-database.js';
import { withDatabase } from './connect/database-session.js';
import {
  addDatabaseOptions,
  addOutputOption,
  type DatabaseOptions,
  type OutputOptions,
  settingsOf,
} from './options/command-options.js';
import { textTable } from './output/text-table.js';

interface UninstallOptions extends DatabaseOptions, OutputOptions {
  readonly dropTables?: true;
  readonly yes?: true;
}

export function addUninstallCommand(program: Command): void {
  const command = program
    .command('uninstall')
    .description('Take everything of synced tables out of a database. The rows stay, as plain tables.')
    .option('--drop-tables', 'drop the synced tables and their rows too')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
Says first what it will do with each table, schema and role. Needs a superuser, or the administrator who installed synced
tables, and refuses while a sidecar works in the database.

Examples:
  synced-tables uninstall
  synced-tables uninstall --database app --yes --output json`,
    )
    .action(uninstall);
  addOutputOption(addDatabaseOptions(command));
}

interface Step {
  readonly object: string;
  readonly what: string;
}

async function uninstall(options: UninstallOptions): Promise<void> {
  const dropsTables = options.dropTables === true;
  const database = chooseDatabase(settingsOf(options, { postgres: true }), options);
  await withDatabase(database, async (client) => {
    if (options.yes !== true) {
      const plan = await readSteps(
        client,
        'select object, plan as what from synced_tables.uninstall_plan($1)',
        dropsTables,
      );
      // Standard output is for what was done.
      process.stderr.write(`In database ${database.name}:\n${describe(plan, 'will happen')}\n`);
      const isConfirmed = process.stdin.isTTY === true && (await ask('Go on? Type yes: '));
      if (!isConfirmed) throw syncedTablesError('UNINSTALL_NOT_CONFIRMED', { database: database.name });
    }
    const done = await readSteps(
      client,
      'select object, outcome as what from synced_tables.uninstall($1)',
      dropsTables,
    );
    const text =
      options.output === 'json'
        ? JSON.stringify(done.map(({ object, what }) => ({ object, outcome: what })))
        : `${describe(done, 'happened')}\nSynced tables are no longer installed in ${database.name}.`;
    process.stdout.write(`${text}\n`);
  });
}

async function readSteps(client: pg.Client, statement: string, dropsTables: boolean): Promise<Step[]> {
  const { rows } = await client.query<Step>(statement, [dropsTables]);
  return rows;
}

function describe(steps: readonly Step[], heading: string): string {
  return textTable(
    ['object', heading],
    steps.map(({ object, what }) => [object, what]),
    Number.POSITIVE_INFINITY,
  );
}

async function ask(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(question)).trim().toLowerCase() === 'yes';
  } finally {
    terminal.close();
  }
}
