import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { type FailureContext, reportFailure } from './cli/output/report-failure.js';
import { syncedTablesError } from './core/errors.js';

/**
 * In the order of the help. Only the command on the command line is loaded: loading all of them, with a lake engine and
 * an HTTP server, takes several times as long as running most commands.
 */
const commandLoaders = new Map<string, () => Promise<(program: Command) => void>>(
  Object.entries({
    quickstart: async () => (await import('./cli/quickstart.js')).addQuickstartCommand,
    serve: async () => (await import('./cli/serve.js')).addServeCommand,
    migrate: async () => (await import('./cli/migrate.js')).addMigrateCommand,
    create: async () => (await import('./cli/create.js')).addCreateCommand,
    get: async () => (await import('./cli/get.js')).addGetCommand,
    list: async () => (await import('./cli/list.js')).addListCommand,
    sync: async () => (await import('./cli/sync.js')).addSyncCommand,
    alter: async () => (await import('./cli/alter.js')).addAlterCommand,
    rename: async () => (await import('./cli/rename.js')).addRenameCommand,
    verify: async () => (await import('./cli/verify.js')).addVerifyCommand,
    schedule: async () => (await import('./cli/schedule.js')).addScheduleCommand,
    pause: async () => (await import('./cli/pause.js')).addPauseCommand,
    resume: async () => (await import('./cli/pause.js')).addResumeCommand,
    cancel: async () => (await import('./cli/cancel.js')).addCancelCommand,
    managers: async () => (await import('./cli/managers.js')).addManagersCommand,
    events: async () => (await import('./cli/events.js')).addEventsCommand,
    doctor: async () => (await import('./cli/doctor.js')).addDoctorCommand,
    delete: async () => (await import('./cli/delete.js')).addDeleteCommand,
    pipeline: async () => (await import('./cli/pipeline.js')).addPipelineCommand,
    preview: async () => (await import('./cli/preview.js')).addPreviewCommand,
    read: async () => (await import('./cli/read.js')).addReadCommand,
    uninstall: async () => (await import('./cli/uninstall.js')).addUninstallCommand,
    token: async () => (await import('./cli/token.js')).addTokenCommand,
    completion: async () => {
      const { addCompletionCommand } = await import('./cli/completion.js');
      return (program) => addCompletionCommand(program, () => buildProgram([]));
    },
  }),
);

/**
 * Runs the command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted while waiting.
 * @param argv as in `process.argv`
 */
export async function main(argv: readonly string[]): Promise<void> {
  const program = await buildProgram(argv);
  const context = failureContext(program, argv);
  watchStandardStreams(context);
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    process.exitCode = reportFailure(error, context);
  }
}

/** The named command with its options and help; all commands if none is named. */
export async function buildProgram(argv: readonly string[]): Promise<Command> {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const program = new Command('synced-tables')
    .description('Keeps read-only Postgres tables in sync with lakehouse tables.')
    .version(version)
    .enablePositionalOptions()
    .exitOverride()
    // `reportFailure` reports errors, in the requested form.
    .configureOutput({ outputError: () => {} });
  for (const load of loadersFor(argv[2] ?? '')) (await load())(program);
  return program;
}

function loadersFor(word: string) {
  if (word === '-V' || word === '--version') return [];
  const named = commandLoaders.get(word);
  return named ? [named] : commandLoaders.values();
}

/** Read from the raw arguments: parsing errors occur before options exist. */
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
 * A reader that has seen enough (`| head`) is not a failure; a full disk is. Commands that write much stop on their
 * own.
 */
function watchStandardStreams(context: FailureContext): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    process.exitCode = reportFailure(syncedTablesError('OUTPUT_FAILED', { reason: error.message }, error), context);
  });
  // Nobody reads messages, so this one has no reader either.
  process.stderr.on('error', () => {});
}
