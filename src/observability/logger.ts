import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

/**
 * A logger that writes one JSON object a line to standard error, so that standard output stays for results.
 * Connection strings and tokens never come out, wherever in an object they stand.
 */
export function createLogger(level: string, destination: DestinationStream = pino.destination(2)): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: ['url', 'token', 'password', '*.url', '*.token', '*.password'], censor: '[hidden]' },
      serializers: { error: serializeError },
    },
    destination,
  );
}

/** Name, message, code and stack of an error and its causes; nothing else, for drivers hang rows and settings on it. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(error.cause === undefined ? {} : { cause: serializeError(error.cause) }),
    stack: error.stack,
  };
}
