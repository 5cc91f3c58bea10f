import type { ErrorKind } from './error-kind.js';

/** Telling operators what has happened. */
export const noticeErrors = {
  WEBHOOK_FAILED: {
    message: 'The webhook at {host} did not take notice {notice}, {kind} of synced table {target}: {reason}.',
    remedy:
      'Check notices.webhook in the settings and the program that answers there; it is tried again for a day, and later notices wait.',
    retry: 'timed',
    status: 502,
    apiCode: 'TEMPORARILY_UNAVAILABLE',
    sqlState: '08006',
  },
} as const satisfies Record<string, ErrorKind>;
