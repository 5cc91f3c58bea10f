import { type Command, InvalidArgumentError, Option } from 'commander';
import { syncedTablesError } from '../core/errors.js';
import { parseSyncedTableName } from '../core/synced-table-name.js';
import { chooseDatabase } from './connect/choose-database.js';
import { withDatabase } from './connect/database-session.js';
import {
  addDatabaseOptions,
  addOutputOption,
  collectColumns,
  type DatabaseOptions,
  parseCount,
  settingsOf,
} from './options/command-options.js';
import { collectOverride, parseJsonList, type TypeOverride } from './options/target-option-arguments.js';
import { followUpdate, type WaitCommandOptions } from './waiting/follow-update.js';

interface AlterOptions extends DatabaseOptions, WaitCommandOptions {
  readonly source?: string;
  readonly primaryKey?: string[];
  readonly policy?: string;
  readonly timeseriesKey?: string;
  readonly columns?: string[];
  readonly rowFilter?: string;
  readonly invalidCharacters?: string;
  readonly typeOverride?: TypeOverride[];
  readonly extraColumns?: string;
  readonly extraIndexes?: string;
  readonly accelerated?: boolean;
  readonly allowFileDiff?: boolean;
  readonly onHistoryGap?: string;
  readonly triggerInterval?: number;
  readonly reset?: string[];
}

export function addAlterCommand(program: Command): void {
  const command = program
    .command('alter')
    .description('Change how a table is synced, in place, and wait until it is done.')
    .argument('<synced-table>', 'its name in Postgres, schema.table')
    .addOption(new Option('--policy <policy>', 'when it is synced').choices(['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS']))
    .option('--source <table>', 'another source table, catalog.schema.table')
    .option('--primary-key <columns>', 'the columns that identify a row, separated by commas', collectColumns)
    .option('--timeseries-key <column>', 'of several rows with the same key, keep the one with the greatest value here')
    .option('--columns <columns>', 'the source columns that the table is to have', collectColumns)
    .option('--row-filter <condition>', "the source rows that it is to have, as a condition of the lakehouse's SQL")
    .addOption(new Option('--invalid-characters <way>', 'what to do with NUL characters').choices(['fail', 'strip']))
    .option('--type-override <column=type>', 'store a column as vector(N), halfvec(N) or varchar(N)', collectOverride)
    .option('--extra-columns <json>', 'columns of Postgres alone, instead of those that it has', parseJsonList)
    .option('--extra-indexes <json>', 'indexes that are made if they are missing', parseJsonList)
    .option('--accelerated', 'load over more connections')
    .option('--no-accelerated', 'load over as many connections as other tables')
    .option('--allow-file-diff', 'compare files where the source does not record its changes')
    .option('--no-allow-file-diff', 'fail where the source does not record its changes')
    .addOption(
      new Option('--on-history-gap <way>', 'what to do when the source has lost history that an update needs').choices([
        'fail',
        'refresh',
      ]),
    )
    .option('--trigger-interval <ms>', 'how often its CONTINUOUS pipeline looks for changes', parseInterval)
    .option(
      '--reset <settings>',
      'what is to be as if it had never been given, such as row-filter,columns',
      collectSettings,
    )
    .option('--no-wait', 'return as soon as the request is in the queue')
    .option('--timeout <seconds>', 'wait no longer than this; the change goes on', parseCount)
    .addHelpText(
      'after',
      `
What is not named stays as it is, and so do grants, indexes, views and managers. Where rows have to be others they are
loaded beside, and readers keep the old ones until everything is exchanged at once. A change that is refused changes nothing.
The schedule is changed with synced-tables schedule, the name with synced-tables rename.

Examples:
  synced-tables alter gold.user_profiles --policy TRIGGERED
  synced-tables alter gold.user_profiles --row-filter "region = 'EU'" --columns user_id,name,region
  synced-tables alter gold.user_profiles --reset row-filter,columns
  synced-tables alter gold.user_profiles --primary-key user_id,region --no-wait
  synced-tables alter gold.user_profiles --policy CONTINUOUS --trigger-interval 500`,
    )
    .action(alterTable);
  addOutputOption(addDatabaseOptions(command));
}

function parseInterval(text: string): number {
  const interval = Number(text);
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('It must be a number of milliseconds, 10 to 3600000.');
  return interval;
}

/** The settings that options of other names set. */
const SETTINGS: Readonly<Record<string, string>> = {
  type_override: 'type_overrides',
  extra_indexes: 'extra_index_definitions',
  trigger_interval: 'trigger_interval_ms',
};

/** Collects `row-filter,columns` and repeated options into the names that `alter_synced_table` knows. */
export function collectSettings(text: string, previous: readonly string[] = []): string[] {
  const names = text.split(',').map((name) => name.trim().replaceAll('-', '_'));
  if (names.includes('')) throw new InvalidArgumentError('It must be names of settings separated by commas.');
  return [...previous, ...names.map((name) => SETTINGS[name] ?? name)];
}

async function alterTable(name: string, options: AlterOptions): Promise<void> {
  const fullName = parseSyncedTableName(name);
  const parameters = parametersOf(options);
  if (parameters.length === 0) {
    const reason = 'name what is to be changed, such as --policy TRIGGERED';
    throw syncedTablesError('USAGE_INVALID', { reason, command: 'synced-tables alter' });
  }
  const database = chooseDatabase(settingsOf(options, { postgres: true }), options);
  const list = parameters.map(([parameter], place) => `${parameter} => $${place + 2}`).join(', ');
  await withDatabase(database, async (client) => {
    const { rows } = await client.query<{ update_id: string }>(
      `select synced_tables.alter_synced_table($1, ${list}) as update_id`,
      [fullName, ...parameters.map(([, value]) => value)],
    );
    await followUpdate({ client, database, updateId: rows[0]?.update_id ?? '', name: fullName, options });
  });
}

/** What was given, by the names of the parameters of `alter_synced_table`. */
function parametersOf(options: AlterOptions): [string, unknown][] {
  const given: Record<string, unknown> = {
    scheduling_policy: options.policy,
    source_table_full_name: options.source,
    primary_key_columns: options.primaryKey,
    timeseries_key: options.timeseriesKey,
    columns: options.columns,
    row_filter: options.rowFilter,
    invalid_characters: options.invalidCharacters,
    type_overrides: options.typeOverride && JSON.stringify(options.typeOverride),
    extra_columns: options.extraColumns,
    extra_index_definitions: options.extraIndexes,
    accelerated_sync: options.accelerated,
    allow_file_diff: options.allowFileDiff,
    on_history_gap: options.onHistoryGap,
    trigger_interval_ms: options.triggerInterval,
    reset: options.reset,
  };
  return Object.entries(given).filter(([, value]) => value !== undefined);
}
