import type { Command } from 'commander';
import { syncedTablesError } from '../core/errors.js';
import { parseSyncedTableName } from '../core/synced-table-name.js';
import { chooseDatabase } from './connect/choose-database.js';
import { withDatabase } from './connect/database-session.js';
import {
  addDatabaseOptions,
  addOutputOption,
  type DatabaseOptions,
  type OutputOptions,
  parseCount,
  settingsOf,
} from './options/command-options.js';
import { eventLine, followEvents, hasTable, readNewestEvents } from './queries/read-events.js';
import { untilStopped } from './waiting/until-stopped.js';

interface EventsOptions extends DatabaseOptions, OutputOptions {
  readonly follow?: true;
  readonly limit?: bigint;
}

const LIMIT_DEFAULT = 50n;

export function addEventsCommand(program: Command): void {
  const command = program
    .command('events')
    .description('Show what happened to a synced table, or to all of a database, newest last.')
    .argument('[synced-table]', 'its name in Postgres, schema.table; all tables without it')
    .option('-f, --follow', 'keep showing new events until Ctrl-C')
    .option('--limit <count>', 'how many past events are shown at most (default: 50)', parseCount)
    .addHelpText(
      'after',
      `
JSON is an array; with --follow, one object a line. Events are kept for sync.history_days (30).

Examples:
  synced-tables events gold.user_profiles
  synced-tables events --limit 200 --json | jq -r '.[] | select(.level == "ERROR") | .message'
  synced-tables events gold.user_profiles --follow`,
    )
    .action(showEvents);
  addOutputOption(addDatabaseOptions(command));
}

async function showEvents(name: string | undefined, options: EventsOptions): Promise<void> {
  const fullName = name === undefined ? null : parseSyncedTableName(name);
  const database = chooseDatabase(settingsOf(options, { postgres: true }), options);
  const isJson = options.output === 'json';
  await withDatabase(database, async (client) => {
    const past = await readNewestEvents(client, fullName, options.limit ?? LIMIT_DEFAULT);
    // Events of a deleted table are shown; a name that never was a table is a mistake.
    if (fullName !== null && past.length === 0 && !(await hasTable(client, fullName))) {
      throw syncedTablesError('SYNCED_TABLE_NOT_FOUND', { target: fullName });
    }
    if (isJson && !options.follow) {
      process.stdout.write(`[${past.map(({ json }) => json).join(',')}]\n`);
      return;
    }
    const write = (text: string) => process.stdout.write(`${text}\n`);
    const show = (event: (typeof past)[number]) => write(isJson ? event.json : eventLine(event));
    for (const event of past) show(event);
    if (!options.follow) return;
    const stopped = new AbortController();
    const stop = () => stopped.abort();
    void untilStopped().then(stop);
    // The reader has seen enough (`| head`).
    process.stdout.once('error', stop);
    await followEvents({ client, name: fullName, past, show, signal: stopped.signal });
  });
}
