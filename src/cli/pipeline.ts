import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type pg from 'pg';
import { readPipeline } from '../cdc/declare/read-pipeline.js';
import { syncedTablesError } from '../core/errors.js';
import { declarePipeline, readOutcomes, startPipelineWorker, type TableOutcome } from '../program/declared-pipeline.js';
import { startUpdate } from '../program/run-pipeline.js';
import { chooseDatabase } from './choose-database.js';
import {
  addDatabaseOptions,
  addOutputOption,
  type DatabaseOptions,
  type OutputOptions,
  settingsOf,
} from './command-options.js';
import { withDatabase } from './database-session.js';
import { openLake } from './open-lake.js';
import { startProgress } from './progress.js';
import { textTable } from './text-table.js';
import { untilStopped } from './until-stopped.js';
import { waitForUpdate } from './wait-for-update.js';

interface PipelineRunOptions extends DatabaseOptions, OutputOptions {
  readonly name?: string;
  readonly schema: string;
  readonly continuous?: true;
  readonly interval: number;
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
    .option('--name <name>', "name of the pipeline, under which it goes on next time (default: the file's)")
    .option('--schema <schema>', 'schema of tables that are named without one', 'public')
    .option('--continuous', 'go on until stopped')
    .option('--interval <seconds>', 'pause between two updates with --continuous', parseSeconds, 1)
    .option('--full-refresh', 'forget what was read and build the tables anew')
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
  if (!(seconds > 0 && seconds <= 86_400))
    throw new InvalidArgumentError('It must be a number of seconds up to a day.');
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
  await withDatabase(database, async (client) => {
    const name = options.name ?? basename(file, extname(file));
    const declared = { client, name, pipeline, defaultSchema: options.schema, runsInProgram: false };
    const pipelineId = await declarePipeline(declared);
    await using lake = await openLake(settings);
    const onError = (error: unknown, doing: string) => {
      process.stderr.write(`failed while ${doing}; goes on: ${error instanceof Error ? error.message : error}\n`);
    };
    const { engine, catalogs } = lake;
    const worker = await startPipelineWorker({ url: database.url, pipelineId, engine, catalogs, settings, onError });
    try {
      const run = (isFullRefresh: boolean) =>
        runOnce(client, { pipelineId, name, options, isFullRefresh, wake: worker.wake });
      if (options.continuous) await runContinuously(options, run);
      else await run(options.fullRefresh === true);
    } finally {
      await worker.stop();
    }
  });
}

async function runContinuously(
  options: PipelineRunOptions,
  run: (isFullRefresh: boolean) => Promise<void>,
): Promise<void> {
  const stopping = new AbortController();
  const stopped = untilStopped().then(() => stopping.abort());
  let isFullRefresh = options.fullRefresh === true;
  while (!stopping.signal.aborted) {
    await run(isFullRefresh);
    isFullRefresh = false;
    await sleep(options.interval * 1000, undefined, { signal: stopping.signal }).catch(() => {});
  }
  await stopped;
}

interface RunChoices {
  readonly pipelineId: string;
  readonly name: string;
  readonly options: PipelineRunOptions;
  readonly isFullRefresh: boolean;
  readonly wake: () => void;
}

/** One update; with `--continuous` it says nothing unless rows have changed. */
async function runOnce(
  client: pg.Client,
  { pipelineId, name, options, isFullRefresh, wake }: RunChoices,
): Promise<void> {
  const updateId = await startUpdate(client, pipelineId, isFullRefresh);
  wake();
  const progress = startProgress(options.continuous ? 'json' : options.output);
  await waitForUpdate({ client, updateId, name, progress, timeoutSeconds: null });
  const tables = await readOutcomes(client, updateId);
  const hasNews = tables.some(
    ({ numUpsertedRows, numDeletedRows }) => (numUpsertedRows ?? 0n) + (numDeletedRows ?? 0n) > 0n,
  );
  if (options.continuous && !hasNews) return;
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
