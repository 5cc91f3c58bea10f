import { type Command, InvalidArgumentError, Option } from 'commander';
import { syncedTablesError } from '../core/errors.js';
import { openCopyStream } from '../lake/engine/copy-stream.js';
import type { TextFormat } from '../lake/engine/copy-value.js';
import type { LakeTable } from '../lake/lake-table.js';
import { wholeCopy } from '../lake/relation/copy-parts.js';
import { explainIfChanged } from '../lake/relation/relation.js';
import type { TableRead } from '../lake/relation/table-read.js';
import { planColumns } from '../sync/source/plan-target.js';
import { openLake } from './connect/open-lake.js';
import {
  addConfigOption,
  collectColumns,
  parseCount,
  type SettingsOptions,
  settingsOf,
} from './options/command-options.js';
import { explainReadError } from './reading/explain-read-error.js';
import { type VersionRange, writeChanges } from './reading/read-changes.js';
import { writeToStdout } from './reading/write-to-stdout.js';

interface ReadOptions extends SettingsOptions {
  readonly version?: bigint;
  readonly changes?: VersionRange;
  readonly collapsed?: boolean;
  readonly primaryKey?: readonly string[];
  readonly allowFileDiff?: boolean;
  readonly limit?: bigint;
  readonly format: TextFormat;
  readonly invalidCharacters: TableRead['invalidCharacters'];
}

export function addReadCommand(program: Command): void {
  const command = program
    .command('read')
    .description('Write the rows of a source table to standard output, as a sync would hand them to Postgres.')
    .argument('<source>', 'the source table, catalog.schema.table')
    .option('--version <number>', 'read this version instead of the newest', parseCount)
    .option('--changes <from..to>', 'the changes after one version up to another, instead of rows', parseVersionRange)
    .option('--collapsed', 'with --changes: only the last state of each key, as a sync applies it')
    .option(
      '--primary-key <columns>',
      'the columns that identify a row: for --collapsed, and to name rows in errors',
      collectColumns,
    )
    .option('--allow-file-diff', 'with --changes: file differences where the change data feed was off')
    .option('--limit <rows>', 'at most this many rows', parseCount)
    .addOption(new Option('--format <format>', "Postgres' COPY format").choices(['csv', 'text']).default('csv'))
    .addOption(
      new Option('--invalid-characters <way>', 'what to do with NUL characters')
        .choices(['fail', 'strip'])
        .default('fail'),
    )
    .addHelpText(
      'after',
      `
CSV begins with a line of column names. Rows come in no particular order.

Changes are those of versions above FROM up to and with TO, behind the columns of TO: _change_type (insert, delete,
update_preimage, update_postimage; with --collapsed upsert or delete), _commit_version and _commit_timestamp. An empty
FROM begins with the first version, an empty TO ends with the newest.

Examples:
  synced-tables read lake.gold.user_profiles --limit 10
  synced-tables read lake.gold.orders --changes 3..7
  synced-tables read lake.gold.orders --changes 3.. --collapsed --primary-key order_id
  synced-tables read lake.gold.orders --version 3 --format text | psql -c 'copy orders from stdin'
  synced-tables read lake.gold.orders | psql -c 'copy orders from stdin (format csv, header)'`,
    )
    .action(read);
  addConfigOption(command);
}

async function read(source: string, options: ReadOptions): Promise<void> {
  requireFittingOptions(options);
  await using lake = await openLake(settingsOf(options, { postgres: false }));
  const lakeTable = await lake.catalogs.open(source);
  if (options.changes) await writeChanges(lakeTable, { ...options, changes: options.changes });
  else await writeRows(lakeTable, options);
}

function requireFittingOptions({ changes, version, collapsed, primaryKey, allowFileDiff }: ReadOptions): void {
  const refuse = (reason: string) => syncedTablesError('USAGE_INVALID', { reason, command: 'synced-tables read' });
  if (changes && version !== undefined)
    throw refuse('--changes names versions itself, --version cannot stand beside it');
  if (!changes && (collapsed || allowFileDiff)) throw refuse('--collapsed and --allow-file-diff belong to --changes');
  if (changes && (collapsed ?? false) !== (primaryKey !== undefined)) {
    throw refuse('--collapsed and --primary-key belong together');
  }
}

/** `3..7`, `..7`, `3..`: an omitted end means the first or the newest version. */
function parseVersionRange(text: string): VersionRange {
  const match = /^(\d{0,18})\.\.(\d{0,18})$/.exec(text);
  if (!match) {
    throw new InvalidArgumentError('It must be two versions with .. between them, for example 3..7.');
  }
  const [, from, to] = match;
  return { from: from ? BigInt(from) : -1n, to: to ? BigInt(to) : null };
}

async function writeRows(lakeTable: LakeTable, options: ReadOptions): Promise<void> {
  const snapshot = await lakeTable.snapshot(options.version);
  const columns = planColumns(snapshot);
  const { format, invalidCharacters, limit } = options;
  const fields = columns.map((column) => column.field);
  const wanted = { columns: fields, keyColumns: [], timeseriesKey: null, invalidCharacters, format };
  const { engine } = lakeTable;
  const keyColumns = options.primaryKey ?? lakeTable.declared?.primaryKey ?? [];
  const context = { engine, table: snapshot.tableName, keyColumns, columns };
  await using relation = await lakeTable.openRelation(snapshot, 1).catch(async (error: unknown) => {
    throw await explainReadError(error, { ...context, relation: null });
  });
  const connection = await engine.connect();
  try {
    const selects = wholeCopy(engine, relation, limit === undefined ? wanted : { ...wanted, limit });
    await writeToStdout(await openCopyStream(connection, selects, format, engine.scratchFolder));
    await relation.requireUnchanged?.();
  } catch (error) {
    throw await explainReadError(await explainIfChanged(relation, error), { ...context, relation });
  } finally {
    connection.closeSync();
  }
}
