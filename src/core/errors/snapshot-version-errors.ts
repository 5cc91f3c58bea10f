import type { ErrorKind } from './error-kind.js';

const refused = {
  remedy:
    'Give each snapshot a version that sorts after the ones before it: a number, a string or a time, always of the same type.',
  retry: 'manual',
  status: 400,
  apiCode: 'INVALID_PARAMETER_VALUE',
  sqlState: '22023',
} as const;

/** Versions that a source function returns with its snapshots. */
export const snapshotVersionErrors = {
  'APPLY_CHANGES_FROM_SNAPSHOT_ERROR.NULL_SNAPSHOT_VERSION': {
    message: 'Flow {flow}: its source returned a snapshot without a version.',
    ...refused,
  },
  'APPLY_CHANGES_FROM_SNAPSHOT_ERROR.INVALID_SNAPSHOT_VERSION': {
    message: 'Flow {flow}: its source returned neither null nor a snapshot with its version, but {what}.',
    ...refused,
  },
  'APPLY_CHANGES_FROM_SNAPSHOT_ERROR.SNAPSHOT_VERSION_NOT_SORTABLE': {
    message: 'Flow {flow}: its source returned a snapshot whose version is {what}, which has no order.',
    ...refused,
  },
  'APPLY_CHANGES_FROM_SNAPSHOT_ERROR.INVALID_SNAPSHOT_VERSION_TYPE': {
    message: 'Flow {flow}: its source returned a version of type {type}, but the ones before it are of type {before}.',
    ...refused,
  },
} as const satisfies Record<string, ErrorKind>;
