import { CommanderError } from 'commander';
import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { explainOpenFiles } from '../../core/reasons/open-files.js';
import { safeReason } from '../../core/reasons/safe-reason.js';
import { stackFrames } from '../../observability/logger.js';
import type { Output } from '../options/command-options.js';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** The database is for a newer version: whoever restarts processes need not try again. */
const EXIT_OUTDATED = 3;

/** Errors of the command line and of the settings, apart from those whose code begins with SETTINGS_. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'USAGE_INVALID',
  'INSTANCE_UNKNOWN',
  'INSTANCE_AMBIGUOUS',
  'DATABASE_AMBIGUOUS',
]);

export interface FailureContext {
  readonly output: Output;
  /** The command as it was called, for example `synced-tables create`. */
  readonly command: string;
}

/**
 * Reports a failure on standard error: one line `CODE: what happened. what to do.`, or a JSON object if JSON was
 * requested. Returns the exit code. A defect includes its stack.
 */
export function reportFailure(error: unknown, context: FailureContext): number {
  if (error instanceof CommanderError) return reportUsage(error, context);
  if (error instanceof AggregateError) {
    return Math.max(...error.errors.map((each) => reportFailure(each, context)));
  }
  const known = asSyncedTablesError(error) ?? explainOpenFiles(error);
  if (known) {
    writeError({ error_code: known.code, message: known.message, remedy: known.remedy }, context.output);
    if (known.code === 'DATABASE_NEWER') return EXIT_OUTDATED;
    return known.code.startsWith('SETTINGS_') || USAGE_CODES.has(known.code) ? EXIT_USAGE : EXIT_FAILED;
  }
  const message = [safeReason(error), error instanceof Error ? stackFrames(error) : ''].join('\n').trimEnd();
  if (context.output === 'json')
    writeError({ error_code: 'INTERNAL_ERROR', message, remedy: 'Please report it.' }, 'json');
  else process.stderr.write(`${message}\n`);
  return EXIT_FAILED;
}

/** Requested help is not a failure; help shown because no command was given needs no further words. */
function reportUsage(error: CommanderError, context: FailureContext): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') return EXIT_USAGE;
  const reason = error.message.replace(/^error: /, '').replace(/\.$/, '');
  return reportFailure(syncedTablesError('USAGE_INVALID', { reason, command: context.command }, error), context);
}

interface ShownError {
  readonly error_code: string;
  readonly message: string;
  readonly remedy: string;
}

function writeError(shown: ShownError, output: Output): void {
  process.stderr.write(`${output === 'json' ? JSON.stringify(shown) : errorText(shown)}\n`);
}

/** One line; but a place in a file is shown as it appears there, with a mark below it. */
function errorText({ error_code: code, message, remedy }: ShownError): string {
  return code.startsWith('PIPELINE_') ? `${code}: ${message}\n${remedy}` : oneLine(`${code}: ${message} ${remedy}`);
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
