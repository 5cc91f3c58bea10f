import { Command } from 'commander';
import { addQuickstartCommand } from './cli/quickstart.js';
import { reportFailure } from './cli/report-failure.js';
import { addServeCommand } from './cli/serve.js';

/**
 * Runs the command line. Exit codes: 0 done, 1 failed, 2 wrong usage.
 * @param argv as in `process.argv`
 */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('synced-tables')
    .description('Keeps read-only Postgres tables in sync with lakehouse tables.')
    .exitOverride()
    .showHelpAfterError('(add --help to see what is possible)');
  addQuickstartCommand(program);
  addServeCommand(program);
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    process.exitCode = reportFailure(error);
  }
}
