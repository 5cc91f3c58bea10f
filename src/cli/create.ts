import { type Command, InvalidArgumentError, Option } from 'commander';
import { syncedTablesError } from '../core/errors.js';
import { parseSourceName } from '../core/source-name.js';
import { parseSyncedTableName } from '../core/synced-table-name.js';
import { isUuid } from '../core/uuid.js';
import type { Settings } from '../settings/settings-schema.js';
import { chosenSource } from '../sync/source/chosen-source.js';
import { planTarget, type TargetRequest } from '../sync/source/plan-target.js';
import { chooseDatabase } from './connect/choose-database.js';
import { withDatabase } from './connect/database-session.js';
import { openLake } from './connect/open-lake.js';
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

interface CreateOptions extends DatabaseOptions, WaitCommandOptions {
  readonly source: string;
  readonly primaryKey?: string[];
  readonly policy: string;
  readonly timeseriesKey?: string;
  readonly columns?: string[];
  readonly rowFilter?: string;
  readonly invalidCharacters: string;
  readonly createSchema: boolean;
  readonly pipeline?: string;
  readonly publish?: string;
  readonly typeOverride?: TypeOverride[];
  readonly extraColumns?: string;
  readonly extraIndexes?: string;
  readonly accelerated?: true;
  readonly allowFileDiff?: true;
  readonly onHistoryGap: string;
}

const POLICIES = ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'];

export function addCreateCommand(program: Command): void {
  const command = program
    .command('create')
    .description('Create a synced table from a source table, and wait until it is there.')
    .argument('<synced-table>', 'its name in Postgres, schema.table')
    .requiredOption('--source <table>', 'the source table, catalog.schema.table')
    .option(
      '--primary-key <columns>',
      'columns that identify a row, separated by commas; default: the key that the catalog declares',
      collectColumns,
    )
    .addOption(new Option('--policy <policy>', 'when it is synced').choices(POLICIES).default('SNAPSHOT'))
    .option('--timeseries-key <column>', 'of several rows with the same key, keep the one with the greatest value here')
    .option('--columns <columns>', 'the source columns that the table is to have (default: all)', collectColumns)
    .option('--row-filter <condition>', "the source rows that it is to have, as a condition of the lakehouse's SQL")
    .addOption(
      new Option('--invalid-characters <way>', 'what to do with NUL characters')
        .choices(['fail', 'strip'])
        .default('fail'),
    )
    .option('--no-create-schema', 'refuse if the Postgres schema does not exist')
    .option('--pipeline <id>', 'add the table to this pipeline instead of a new one', parsePipelineId)
    .addOption(
      new Option('--publish <way>', 'how updates publish the tables of its pipeline (default: separately)').choices([
        'separately',
        'together',
      ]),
    )
    .option('--type-override <column=type>', 'store a column as vector(N), halfvec(N) or varchar(N)', collectOverride)
    .option(
      '--extra-columns <json>',
      'columns of Postgres alone, as extra_columns of create_synced_table',
      parseJsonList,
    )
    .option('--extra-indexes <json>', 'indexes made with the first load, as extra_index_definitions', parseJsonList)
    .option('--accelerated', 'load over more connections')
    .option('--allow-file-diff', 'compare files where the source does not record its changes, which is slower')
    .addOption(
      new Option('--on-history-gap <way>', 'what to do when the source has lost history that an update needs')
        .choices(['fail', 'refresh'])
        .default('fail'),
    )
    .option('--no-wait', 'return as soon as the request is in the queue')
    .option('--timeout <seconds>', 'wait no longer than this; the update goes on', parseCount)
    .addHelpText(
      'after',
      `
The source is checked before anything is written, if its catalog is configured here.

Examples:
  synced-tables create gold.user_profiles --source lake.gold.user_profiles --primary-key user_id
  synced-tables create app.orders --source prod.sales.orders --primary-key region,order_id --timeseries-key updated_at
  synced-tables create app.users --source lake.gold.users --primary-key id --columns id,name --row-filter "region = 'EU'"
  synced-tables create app.logs --source lake.raw.logs --primary-key id --invalid-characters strip --no-wait
  synced-tables create app.docs --source lake.ai.docs --primary-key id --type-override embedding=vector(768) \\
    --extra-indexes '[{"name":"docs_embedding","definition":"USING hnsw (embedding public.vector_cosine_ops)"}]'`,
    )
    .action(createTable);
  addOutputOption(addDatabaseOptions(command));
}

function parsePipelineId(text: string): string {
  if (!isUuid(text.toLowerCase())) {
    throw new InvalidArgumentError('It must be the id of a pipeline; see pipeline_id of synced-tables list.');
  }
  return text;
}

async function createTable(name: string, options: CreateOptions): Promise<void> {
  const fullName = parseSyncedTableName(name);
  const settings = settingsOf(options, { postgres: true });
  const database = chooseDatabase(settings, options);
  const key = await checkSource(settings, options);
  await withDatabase(database, async (client) => {
    const { rows } = await client.query<{ update_id: string }>(
      `select synced_tables.create_synced_table($1, source_table_full_name => $2, primary_key_columns => $3,
                scheduling_policy => $4, timeseries_key => $5, invalid_characters => $6,
                create_database_objects_if_missing => $7, existing_pipeline_id => $8, type_overrides => $9,
                extra_columns => $10, extra_index_definitions => $11, accelerated_sync => $12, publish => $13,
                allow_file_diff => $14, on_history_gap => $15, columns => $16, row_filter => $17) as update_id`,
      [
        fullName,
        options.source,
        key.keyColumns,
        options.policy,
        key.timeseriesKey,
        options.invalidCharacters,
        options.createSchema,
        options.pipeline ?? null,
        options.typeOverride ? JSON.stringify(options.typeOverride) : null,
        options.extraColumns ?? null,
        options.extraIndexes ?? null,
        options.accelerated === true,
        options.publish ?? null,
        options.allowFileDiff === true,
        options.onHistoryGap,
        options.columns ?? null,
        options.rowFilter ?? null,
      ],
    );
    await followUpdate({ client, database, updateId: rows[0]?.update_id ?? '', name: fullName, options });
  });
}

/**
 * Refuses what a sync would refuse, and finds the key if none was given. A catalog that only the sidecar knows is left
 * to the sidecar.
 */
async function checkSource(settings: Settings, options: CreateOptions): Promise<TargetRequest> {
  const { catalog } = parseSourceName(options.source);
  const given = options.primaryKey;
  const timeseriesKey = options.timeseriesKey ?? null;
  if (!Object.hasOwn(settings.catalogs, catalog)) return requireKey(given ?? null, timeseriesKey, options.source);
  await using lake = await openLake(settings);
  const whole = await lake.catalogs.open(options.source);
  const declared = given === undefined ? whole.declared : undefined;
  const key = requireKey(
    given ?? declared?.primaryKey ?? null,
    timeseriesKey ?? declared?.timeseriesKey ?? null,
    options.source,
  );
  const choice = { chosenColumns: options.columns ?? null, rowFilter: options.rowFilter ?? null };
  const lakeTable = chosenSource(whole, { ...key, ...choice });
  planTarget(await lakeTable.snapshot(), { ...key, ...choice });
  return key;
}

function requireKey(keyColumns: readonly string[] | null, timeseriesKey: string | null, source: string): TargetRequest {
  if (keyColumns !== null && keyColumns.length > 0) return { keyColumns, timeseriesKey };
  const reason = `--primary-key is missing, and no catalog here declares a key of ${source}`;
  throw syncedTablesError('USAGE_INVALID', { reason, command: 'synced-tables create' });
}
