import type { Command } from 'commander';
import type pg from 'pg';
import { syncedTablesError } from '../core/errors.js';
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
import { textTable } from './output/text-table.js';

type ManagersOptions = DatabaseOptions & OutputOptions;

/** `managers list`, `managers add` and `managers remove`: who may index, drop and sync a table. */
export function addManagersCommand(program: Command): void {
  const command = program
    .command('managers')
    .description('Show, appoint and remove the roles that may index, rename, drop and sync a table.')
    .addHelpText(
      'after',
      `
Examples:
  synced-tables managers list
  synced-tables managers add gold.user_profiles alice
  synced-tables managers remove gold.user_profiles alice`,
    );
  const list = command
    .command('list')
    .description('Show the managers of a table, or of all tables.')
    .argument('[synced-table]', 'its name in Postgres, schema.table')
    .addHelpText('after', '\nExamples:\n  synced-tables managers list gold.user_profiles')
    .action(listManagers);
  const add = command
    .command('add')
    .description('Make a role a manager of a table.')
    .argument('<synced-table>', 'its name in Postgres, schema.table')
    .argument('<role>', 'the Postgres role, as it is named in pg_roles')
    .addHelpText('after', '\nExamples:\n  synced-tables managers add gold.user_profiles alice')
    .action((name: string, role: string, options: ManagersOptions) => appoint('add', { name, role }, options));
  const remove = command
    .command('remove')
    .description('Take from a role what managers may do with a table.')
    .argument('<synced-table>', 'its name in Postgres, schema.table')
    .argument('<role>', 'the Postgres role, as it is named in pg_roles')
    .addHelpText('after', '\nExamples:\n  synced-tables managers remove gold.user_profiles alice')
    .action((name: string, role: string, options: ManagersOptions) => appoint('remove', { name, role }, options));
  for (const each of [list, add, remove]) addOutputOption(addDatabaseOptions(each));
}

interface ManagerRow {
  readonly synced_table: string;
  readonly manager: string;
  readonly granted_by: string | null;
  readonly granted_at: string | null;
}

const COLUMNS = ['synced_table', 'manager', 'granted_by', 'granted_at'] as const;

async function listManagers(name: string | undefined, options: ManagersOptions): Promise<void> {
  const fullName = name === undefined ? null : parseSyncedTableName(name);
  const database = chooseDatabase(settingsOf(options, { postgres: true }), options);
  const rows = await withDatabase(database, async (client) => {
    if (fullName !== null) await requireTable(client, fullName);
    return readManagers(client, fullName);
  });
  const text =
    options.output === 'json'
      ? JSON.stringify(rows)
      : textTable(
          COLUMNS,
          rows.map((row) => COLUMNS.map((column) => row[column])),
        );
  process.stdout.write(`${text}\n`);
}

/** @throws SYNCED_TABLE_NOT_FOUND if there is no table of that name */
async function requireTable(client: pg.Client, fullName: string): Promise<void> {
  const { rows } = await client.query<{ is_there: boolean }>('select to_regclass($1) is not null as is_there', [
    fullName,
  ]);
  if (!rows[0]?.is_there) throw syncedTablesError('SYNCED_TABLE_NOT_FOUND', { target: fullName });
}

async function readManagers(client: pg.Client, fullName: string | null): Promise<ManagerRow[]> {
  const { rows } = await client.query<ManagerRow>(
    `select * from (
       select synced_tables_internal._display_name(m.schema_name, m.table_name) as synced_table, m.user_name::text as manager,
              m.granted_by::text, m.granted_at::text
         from public.databricks_synced_table_managers m) listed
      where $1::text is null or listed.synced_table = $1 order by listed.synced_table, listed.manager`,
    [fullName],
  );
  return rows;
}

async function appoint(
  action: 'add' | 'remove',
  { name, role }: { readonly name: string; readonly role: string },
  options: ManagersOptions,
): Promise<void> {
  const fullName = parseSyncedTableName(name);
  const database = chooseDatabase(settingsOf(options, { postgres: true }), options);
  const isChanged = await withDatabase(database, async (client) => {
    let hasNotice = false;
    client.on('notice', () => {
      hasNotice = true;
    });
    await requireTable(client, fullName);
    await client.query(`select public.databricks_synced_table_${action}_manager($1::regclass, $2)`, [fullName, role]);
    return !hasNotice;
  });
  const is = action === 'add';
  const said = `${role} is ${is ? '' : 'not '}a manager of ${fullName}${isChanged ? ' now' : ', as before'}.`;
  const json = { synced_table: fullName, manager: role, is_manager: is, is_changed: isChanged };
  process.stdout.write(`${options.output === 'json' ? JSON.stringify(json) : said}\n`);
}
