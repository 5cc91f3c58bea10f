import { type DestinationStream, type Logger, pino } from 'pino';
import type { ErrorCode } from '../core/error-catalogue.js';
import { asSyncedTablesError } from '../core/errors.js';
import { safeReason, withoutCredentials } from '../core/reasons/safe-reason.js';

export type { Logger };

/**
 * A logger that writes one JSON object per line to standard error, so that standard output stays free for results.
 * Connection strings, tokens and passwords are never written, wherever they are in an object; neither are row values
 * that drivers put into their errors.
 */
export function createLogger(level: string, destination: DestinationStream = pino.destination(2)): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { log: (entry) => hideSecrets(entry) as Record<string, unknown> },
      serializers: { error: serializeError },
    },
    destination,
  );
}

const HIDDEN = '[hidden]';
const SECRET_KEY = /url|token|secret|password|credential/i;
const DEPTH_MAX = 10;

function hideSecrets(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return withoutCredentials(value);
  if (typeof value !== 'object' || value === null || value instanceof Error) return value;
  if (depth === DEPTH_MAX) return HIDDEN;
  if (Array.isArray(value)) return value.map((item) => hideSecrets(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      SECRET_KEY.test(key) && item !== null && item !== undefined && !isAddress(item)
        ? HIDDEN
        : hideSecrets(item, depth + 1),
    ]),
  );
}

/** The address of our own HTTP server: the one kind of URL that is useful in a log and holds no secret. */
function isAddress(value: unknown): boolean {
  return typeof value === 'string' && /^https?:\/\/[\w.:[\]-]+\/?$/.test(value);
}

/**
 * Name, code, safe text and stack of an error, and nothing else, because drivers attach rows and settings. Of the causes
 * only name, code and stack frames: the error above them has the rest. Lost servers come without stacks.
 */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: withoutCredentials(String(error)) };
  return {
    ...describeKind(error),
    message: withoutCredentials(safeReason(error)),
    ...(isOfTheServer(error) ? {} : { ...describeCause(error), stack: stackFrames(error) }),
  };
}

/** What a server or the network does to all sessions at once: where in our code each of them met it tells nobody anything. */
function isOfTheServer(error: Error): boolean {
  return OF_THE_SERVER.has(asSyncedTablesError(error)?.code ?? '');
}

const OF_THE_SERVER: ReadonlySet<string> = new Set<ErrorCode>([
  'POSTGRES_UNREACHABLE',
  'POSTGRES_SILENT',
  'POSTGRES_CONNECTIONS_TAKEN',
]);

function describeKind(error: Error): Record<string, unknown> {
  const { code } = error as { code?: unknown };
  return { type: error.constructor.name, ...(code === undefined ? {} : { code }) };
}

function describeCause({ cause }: Error): Record<string, unknown> {
  if (cause === undefined) return {};
  if (!(cause instanceof Error)) return { cause: { type: typeof cause } };
  return { cause: { ...describeKind(cause), ...describeCause(cause), stack: stackFrames(cause) } };
}

/** The lines of a stack below the message. */
export function stackFrames(error: Error): string {
  return (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}
