import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type pg from 'pg';
import { countOf } from '../core/count-of.js';
import { syncedTablesError } from '../core/errors.js';
import { safeReason } from '../core/reasons/safe-reason.js';
import { readPipeline } from '../flows/declare/read-pipeline.js';
import { readOutcomes, startUpdate, type TableOutcome } from '../postgres/registry/flow-pipelines.js';
import { declarePipeline, startPipelineWorker } from '../program/declared-pipeline.js';
import { chooseDatabase } from './connect/choose-database.js';
import { withDatabase } from './connect/database-session.js';
import { openLake } from './connect/open-lake.js';
import {
  addDatabaseOptions,
  addOutputOption,
  type DatabaseOptions,
  type OutputOptions,
  settingsOf,
} from './options/command-options.js';
import { startProgress } from './output/progress.js';
import { textTable } from './output/text-table.js';
import { untilStopped } from './waiting/until-stopped.js';
import { waitForUpdate } from './waiting/wait-for-update.js';

interface PipelineRunOptions extends DatabaseOptions, OutputOptions {
  readonly name?: string;
  readonly schema: string;
  readonly continuous?: true;
  readonly interval?: number;
  readonly fullRefresh?: true;
}

export function addPipelineCommand(program: Command): void {
  const pipeline = program.command('pipeline').description('Run pipelines of APPLY CHANGES / AUTO CDC.');
  const command = pipeline
    .command('run')
    .description('Declare the pipeline of a file and bring its streaming tables up to date.')
    .argument(
      '<file>',
      'SQL file with CREATE STREAMING TABLE, APPLY CHANGES INTO, CREATE FLOW … AS AUTO CDC, CREATE VIEW',
    )
    .option('--name <name>', "name under which the pipeline resumes next time (default: the file's)")
    .option('--schema <schema>', 'schema of tables that are named without one', 'public')
    .option('--continuous', 'follow the sources from now on: here until stopped, then by any sidecar of the database')
    .option('--interval <seconds>', 'how often to look at the sources with --continuous', parseSeconds)
    .option('--full-refresh', 'forget what was read and rebuild the tables')
    .addHelpText(
      'after',
      `
Examples:
  synced-tables pipeline run orders.sql
  synced-tables pipeline run orders.sql --continuous --interval 5 --output json`,
    )
    .action(runFile);
  addOutputOption(addDatabaseOptions(command));
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds >= 0.01 && seconds <= 3_600))
    throw new InvalidArgumentError('It must be a number of seconds from 0.01 to an hour.');
  return seconds;
}

async function runFile(file: string, options: PipelineRunOptions): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw syncedTablesError('PIPELINE_FILE_UNREADABLE', { file, reason }, error);
  });
  const pipeline = readPipeline(text, basename(file));
  const settings = settingsOf(options, { postgres: true });
  const database = chooseDatabase(settings, options);
  const run = async (client: pg.Client) => {
    const name = options.name ?? basename(file, extname(file));
    const isContinuous = options.continuous === true;
    const declared = { client, name, pipeline, defaultSchema: options.schema, runsInProgram: false, isContinuous };
    const pipelineId = await declarePipeline(declared);
    if (options.interval !== undefined) await setInterval(client, pipelineId, options.interval);
    await using lake = await openLake(settings);
    const onError = (error: unknown, doing: string) => {
      process.stderr.write(`failed while ${doing}; goes on: ${safeReason(error)}\n`);
    };
    const { engine, catalogs } = lake;
    const worker = await startPipelineWorker({ url: database.url, pipelineId, engine, catalogs, settings, onError });
    try {
      await runOnce(client, { pipelineId, name, options, wake: worker.wake });
      if (isContinuous) await reportBatches(client, pipelineId, options.output);
    } finally {
      await worker.stop();
    }
  };
  await withDatabase(database, run, true);
}

async function setInterval(client: pg.Client, pipelineId: string, seconds: number): Promise<void> {
  await client.query(
    `select synced_tables.set_trigger_interval(synced_table, $2)
       from (select synced_table from synced_tables.status where pipeline_id = $1 limit 1) t`,
    [pipelineId, Math.round(seconds * 1000)],
  );
}

/** Reports each batch committed by the sidecar that follows the sources, until stopped. */
async function reportBatches(client: pg.Client, pipelineId: string, output: OutputOptions['output']): Promise<void> {
  const stopped = untilStopped();
  const { rows } = await client.query<{ synced_table: string }>(
    'select synced_table from synced_tables.status where pipeline_id = $1',
    [pipelineId],
  );
  const tables = new Set(rows.map((row) => row.synced_table));
  client.on('notification', ({ payload = '{}' }) => {
    const { table, rows_written: upserted, rows_deleted: deleted } = JSON.parse(payload) as BatchNotice;
    if (!tables.has(table) || upserted + deleted === 0) return;
    const batch = { table, num_upserted_rows: upserted, num_deleted_rows: deleted };
    const text = `${table}: ${countOf(upserted, 'row')} upserted, ${deleted} deleted`;
    process.stdout.write(`${output === 'json' ? JSON.stringify({ pipeline_id: pipelineId, ...batch }) : text}\n`);
  });
  await client.query('listen synced_table_updates');
  await stopped;
}

interface BatchNotice {
  readonly table: string;
  readonly rows_written: number;
  readonly rows_deleted: number;
}

interface RunChoices {
  readonly pipelineId: string;
  readonly name: string;
  readonly options: PipelineRunOptions;
  readonly wake: () => void;
}

async function runOnce(client: pg.Client, { pipelineId, name, options, wake }: RunChoices): Promise<void> {
  const updateId = await startUpdate(client, pipelineId, options.fullRefresh === true);
  wake();
  const progress = startProgress(options.output);
  await waitForUpdate({ client, updateId, name, progress, timeoutSeconds: null });
  const tables = await readOutcomes(client, updateId);
  process.stdout.write(`${options.output === 'json' ? json({ pipelineId, updateId, tables }) : table(tables)}\n`);
}

function json(run: {
  readonly pipelineId: string;
  readonly updateId: string;
  readonly tables: readonly TableOutcome[];
}): string {
  return JSON.stringify({
    pipeline_id: run.pipelineId,
    update_id: run.updateId,
    tables: run.tables.map((each) => ({
      table: each.table,
      state: each.state,
      num_upserted_rows: each.numUpsertedRows === null ? null : Number(each.numUpsertedRows),
      num_deleted_rows: each.numDeletedRows === null ? null : Number(each.numDeletedRows),
    })),
  });
}

function table(tables: readonly TableOutcome[]): string {
  const rows = tables.map((each) => [each.table, each.state, text(each.numUpsertedRows), text(each.numDeletedRows)]);
  return textTable(['table', 'state', 'rows upserted', 'rows deleted'], rows);
}

function text(count: bigint | null): string | null {
  return count === null ? null : count.toString();
}
