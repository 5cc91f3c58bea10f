import type { ErrorKind } from './error-kind.js';

/** Schedules of pipelines, and how often sources are looked at. */
export const scheduleErrors = {
  CRON_INVALID: {
    message: '"{cron}" is not a cron expression: {reason}.',
    remedy:
      "Write minute, hour, day of the month, month and day of the week, with seconds in front if needed: '0 9 * * MON-FRI'.",
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  TIME_ZONE_UNKNOWN: {
    message: 'Time zone "{zone}" is unknown.',
    remedy: 'Use a name such as Europe/Berlin or UTC; see pg_timezone_names.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  SCHEDULE_NEVER_RUNS: {
    message: '"{cron}" never comes: there is no such day.',
    remedy: 'Name days that one of the months has.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  SCHEDULE_ON_CONTINUOUS: {
    message: 'Pipeline {pipeline} is CONTINUOUS: it follows its sources all the time and needs no schedule.',
    remedy: 'Leave the schedule out, or create the synced table as SNAPSHOT or TRIGGERED.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  TRIGGER_INTERVAL_INVALID: {
    message: 'A trigger interval of {value} ms for synced table {target} is out of range.',
    remedy: 'Use 10 to 3600000 milliseconds, or null for the default of the sidecar.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
} as const satisfies Record<string, ErrorKind>;
