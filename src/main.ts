import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addCreateCommand } from './cli/create.js';
import { addDeleteCommand } from './cli/delete.js';
import { addDoctorCommand } from './cli/doctor.js';
import { addEventsCommand } from './cli/events.js';
import { addGetCommand } from './cli/get.js';
import { addListCommand } from './cli/list.js';
import { addMigrateCommand } from './cli/migrate.js';
import { addPipelineCommand } from './cli/pipeline.js';
import { addPreviewCommand } from './cli/preview.js';
import { addQuickstartCommand } from './cli/quickstart.js';
import { addReadCommand } from './cli/read.js';
import { type FailureContext, reportFailure } from './cli/report-failure.js';
import { addScheduleCommand } from './cli/schedule.js';
import { addServeCommand } from './cli/serve.js';
import { addSyncCommand } from './cli/sync.js';
import { addTokenCommand } from './cli/token.js';
import { addVerifyCommand } from './cli/verify.js';
import { syncedTablesError } from './core/errors.js';

/**
 * Runs the command line. Exit codes: 0 done, 1 failed, 2 wrong usage.
 * @param argv as in `process.argv`
 */
export async function main(argv: readonly string[]): Promise<void> {
  const program = buildProgram();
  const context = failureContext(program, argv);
  watchStandardStreams(context);
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    process.exitCode = reportFailure(error, context);
  }
}

/** All commands with their options and help. */
export function buildProgram(): Command {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const program = new Command('synced-tables')
    .description('Keeps read-only Postgres tables in sync with lakehouse tables.')
    .version(version)
    .enablePositionalOptions()
    .exitOverride()
    // `reportFailure` tells errors, in the form that was asked for.
    .configureOutput({ outputError: () => {} });
  addQuickstartCommand(program);
  addServeCommand(program);
  addMigrateCommand(program);
  addCreateCommand(program);
  addGetCommand(program);
  addListCommand(program);
  addSyncCommand(program);
  addVerifyCommand(program);
  addScheduleCommand(program);
  addEventsCommand(program);
  addDoctorCommand(program);
  addDeleteCommand(program);
  addPipelineCommand(program);
  addPreviewCommand(program);
  addReadCommand(program);
  addTokenCommand(program);
  return program;
}

/** Read off the arguments themselves: errors of parsing come before there are options. */
function failureContext(program: Command, argv: readonly string[]): FailureContext {
  const words = argv.slice(2);
  const isJson = words.some(
    (word, place) =>
      word === '--json' || word === '--output=json' || (word === '--output' && words[place + 1] === 'json'),
  );
  const command = program.commands.find((each) => each.name() === words[0]);
  return {
    output: isJson ? 'json' : 'table',
    command: command ? `${program.name()} ${command.name()}` : program.name(),
  };
}

/**
 * A reader that has seen enough (`| head`) is no failure; a full disk is. Commands that write much stop of themselves.
 */
function watchStandardStreams(context: FailureContext): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    process.exitCode = reportFailure(syncedTablesError('OUTPUT_FAILED', { reason: error.message }, error), context);
  });
  // Nobody reads messages: there is nobody to tell that either.
  process.stderr.on('error', () => {});
}
