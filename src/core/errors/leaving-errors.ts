import type { ErrorKind } from './error-kind.js';

/** Taking everything of ours out of a database. */
export const leavingErrors = {
  UNINSTALL_NOT_ALLOWED: {
    message: 'Role {role} may not uninstall synced tables from database {database}.',
    remedy: 'Run it as {allowed}.',
    retry: 'manual',
    status: 403,
    apiCode: 'PERMISSION_DENIED',
    sqlState: '42501',
  },
  UNINSTALL_SIDECAR_RUNS: {
    message: 'Synced tables cannot be uninstalled from database {database}: sidecars work in it ({sidecars}).',
    remedy: 'Stop them, or take the database out of their settings. One that was killed is forgotten in {seconds} s.',
    retry: 'manual',
    status: 409,
    apiCode: 'INVALID_STATE',
    sqlState: '55006',
  },
  UNINSTALL_IN_USE: {
    message: 'Synced tables cannot be uninstalled from database {database}: objects of yours need ours: {objects}.',
    remedy: 'Drop those first, or change them so that they need nothing of ours.',
    retry: 'manual',
    status: 409,
    apiCode: 'INVALID_STATE',
    sqlState: '2BP01',
  },
  UNINSTALL_NOT_CONFIRMED: {
    message: 'Nothing was uninstalled from {database}: it was not confirmed.',
    remedy: 'Run it again in a terminal and answer yes, or with --yes.',
    retry: 'manual',
    status: 400,
    apiCode: 'INVALID_STATE',
    sqlState: '57014',
  },
} as const satisfies Record<string, ErrorKind>;
