import { CommanderError } from 'commander';
import { asSyncedTablesError } from '../core/errors.js';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/**
 * Tells a failure on standard error, in one line each, and returns the exit code. Errors of ours come with their code
 * and remedy; a defect comes with its stack.
 */
export function reportFailure(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof AggregateError) {
    return Math.max(...error.errors.map(reportFailure));
  }
  const known = asSyncedTablesError(error);
  if (known) {
    console.error(`${known.code}: ${known.message} ${known.remedy}`);
    return known.code.startsWith('SETTINGS_') ? EXIT_USAGE : EXIT_FAILED;
  }
  console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return EXIT_FAILED;
}
