import type { ErrorKind } from './error-kind.js';

const refused = {
  remedy: 'Give each snapshot a version that sorts after those before it: a number, a text or a time; all of one type.',
  retry: 'manual',
  status: 400,
  apiCode: 'INVALID_PARAMETER_VALUE',
  sqlState: '22023',
} as const;

/** Versions that a function gives with its snapshots. */
export const snapshotVersionErrors = {
  'APPLY_CHANGES_FROM_SNAPSHOT_ERROR.NULL_SNAPSHOT_VERSION': {
    message: 'Flow {flow}: its source gave a snapshot without a version.',
    ...refused,
  },
  'APPLY_CHANGES_FROM_SNAPSHOT_ERROR.INVALID_SNAPSHOT_VERSION': {
    message: 'Flow {flow}: its source gave neither null nor a snapshot with its version, but {what}.',
    ...refused,
  },
  'APPLY_CHANGES_FROM_SNAPSHOT_ERROR.SNAPSHOT_VERSION_NOT_SORTABLE': {
    message: 'Flow {flow}: its source gave a snapshot whose version is {what}, which has no order.',
    ...refused,
  },
  'APPLY_CHANGES_FROM_SNAPSHOT_ERROR.INVALID_SNAPSHOT_VERSION_TYPE': {
    message: 'Flow {flow}: its source gave a version of type {type}, but those before it are of type {before}.',
    ...refused,
  },
} as const satisfies Record<string, ErrorKind>;
