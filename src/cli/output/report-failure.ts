import { CommanderError } from 'commander';
import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
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

/** As shells report a process that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

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
    writeError(
      { error_code: known.code, message: known.message, remedy: known.remedy, ...shownRows(known) },
      context.output,
    );
    if (known.code === 'DATABASE_NEWER') return EXIT_OUTDATED;
    if (known.code === 'UPDATE_WAIT_INTERRUPTED') return EXIT_INTERRUPTED;
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
  readonly failing_column?: string | null;
  readonly failing_keys?: readonly string[];
}

/** Keys reach this process only if its role may read the table, or if it has read the source itself. */
function shownRows({ failing }: SyncedTablesError): Pick<ShownError, 'failing_column' | 'failing_keys'> {
  if (failing === null || failing.keys.length === 0) return {};
  return { failing_column: failing.column, failing_keys: failing.keys };
}

function writeError(shown: ShownError, output: Output): void {
  process.stderr.write(`${output === 'json' ? JSON.stringify(shown) : errorText(shown)}\n`);
}

/** One line, and another for keys; but a place in a file is shown as it appears there, with a mark below it. */
function errorText({ error_code: code, message, remedy, failing_keys: keys = [] }: ShownError): string {
  if (code.startsWith('PIPELINE_')) return `${code}: ${message}\n${remedy}`;
  const text = oneLine(`${code}: ${message} ${remedy}`);
  return keys.length === 0 ? text : `${text}\nfailing_keys: ${oneLine(keys.join(', '))}`;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
