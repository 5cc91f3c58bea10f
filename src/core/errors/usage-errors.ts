import type { ErrorKind } from './error-kind.js';

/** Using the command line, and the databases that it connects to. */
export const usageErrors = {
  USAGE_INVALID: {
    message: 'Wrong usage: {reason}.',
    remedy: 'See "{command} --help".',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  INSTANCE_UNKNOWN: {
    message: 'Instance "{instance}" is not configured. Configured: {configured}.',
    remedy: 'Add it under "instances" in the settings file, or name a configured one with --instance.',
    retry: 'manual',
    status: 404,
    apiCode: 'NOT_FOUND',
    sqlState: '08001',
  },
  INSTANCE_AMBIGUOUS: {
    message: 'Several instances are configured, so it is not clear which one is meant: {configured}.',
    remedy: 'Name one with --instance.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  DATABASE_AMBIGUOUS: {
    message: 'Instance "{instance}" has several databases, so it is not clear which one is meant: {databases}.',
    remedy: 'Name one with --database.',
    retry: 'none',
    status: 400,
    apiCode: 'INVALID_PARAMETER_VALUE',
    sqlState: '22023',
  },
  DATABASE_NOT_MIGRATED: {
    message: 'The SQL side of synced-tables is not installed, or only partly installed, in {database}.',
    remedy: 'Run "synced-tables migrate" once as a superuser.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '55000',
  },
  POSTGRES_REFUSED: {
    message: 'Postgres at {server} refused the request: {reason} (SQLSTATE {sql_state}).',
    remedy: 'Fix what the message names, then try again.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: 'XX000',
  },
  EXAMINATION_FAILED: {
    message: 'Part of the examination of {subject} failed: {reason}.',
    remedy: 'Fix what the message names, then run synced-tables doctor again.',
    retry: 'manual',
    status: 500,
    apiCode: 'INTERNAL_ERROR',
    sqlState: 'XX000',
  },
  OUTPUT_FAILED: {
    message: 'Standard output cannot be written to: {reason}.',
    remedy: 'Free space where the output goes, then run the command again.',
    retry: 'manual',
    status: 500,
    apiCode: 'INTERNAL_ERROR',
    sqlState: '58030',
  },
} as const satisfies Record<string, ErrorKind>;
