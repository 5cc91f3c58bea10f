import type { Command } from 'commander';
import { chooseDatabases } from './connect/choose-database.js';
import { withDatabase } from './connect/database-session.js';
import {
  addDatabaseOptions,
  addOutputOption,
  type DatabaseOptions,
  type OutputOptions,
  settingsOf,
} from './options/command-options.js';
import { textTable } from './output/text-table.js';
import { readAllStatus, type TableStatus } from './queries/table-status.js';

export function addListCommand(program: Command): void {
  const command = program
    .command('list')
    .description('Show all synced tables, of all managed databases unless one is chosen.')
    .addHelpText(
      'after',
      `
Examples:
  synced-tables list
  synced-tables list --instance local --database app
  synced-tables list --output json | jq -r '.[] | select(.lag_versions > 0) | .synced_table'`,
    )
    .action(listTables);
  addOutputOption(addDatabaseOptions(command));
}

const COLUMNS = [
  'synced_table',
  'source_table_full_name',
  'scheduling_policy',
  'state',
  'synced_version',
  'row_count',
  'last_sync_at',
  'last_error_code',
] as const;
/** Wide enough for the longest state. */
const CELL_WIDTH_MAX = 60;

async function listTables(options: DatabaseOptions & OutputOptions): Promise<void> {
  const databases = chooseDatabases(settingsOf(options, { postgres: true }), options);
  const tables: TableStatus[] = [];
  for (const database of databases) {
    tables.push(...(await withDatabase(database, (client) => readAllStatus(client, database))));
  }
  if (options.output === 'json') {
    process.stdout.write(`[${tables.map(({ json }) => json).join(',')}]\n`);
    return;
  }
  const columns = databases.length > 1 ? ['instance', 'database', ...COLUMNS] : COLUMNS;
  const rows = tables.map(({ values }) => columns.map((column) => cellOf(values, column)));
  process.stdout.write(`${textTable(columns, rows, CELL_WIDTH_MAX)}\n`);
}

function cellOf(values: TableStatus['values'], column: string): string | null {
  const value = values.get(column) ?? null;
  const isChanged = column === 'state' && (values.get('changed_by_hand_at') ?? null) !== null;
  return isChanged ? `${value}, changed by hand` : value;
}
