import type { ErrorKind } from './error-kind.js';

const rejected = { retry: 'manual', status: 400, apiCode: 'INVALID_PARAMETER_VALUE' } as const;
const drifted = {
  remedy: 'Run a full refresh, which rebuilds the target, or undo the change.',
  retry: 'manual',
  status: 400,
  apiCode: 'INVALID_STATE',
  sqlState: '55000',
} as const;

/** Applying batches and snapshots to an Auto CDC target. A batch that fails leaves nothing behind. */
export const autoCdcRunErrors = {
  'AUTOCDC_MICROBATCH_VALIDATION.NULL_SEQUENCE': {
    message: '{count} events for {target} have no sequence value; the whole batch was rejected{rows}.',
    remedy:
      'Make SEQUENCE BY non-null for every row, deletes and truncates too, or filter those rows out of the source.',
    ...rejected,
    sqlState: '22004',
  },
  'AUTOCDC_MICROBATCH_VALIDATION.NULL_KEY': {
    message: 'Rows for {target} have a null in a key column ({counts}); the whole batch was rejected{rows}.',
    remedy: 'Filter those rows out of the source, or choose key columns that are never null.',
    ...rejected,
    sqlState: '23502',
  },
  AUTOCDC_EVENT_KIND_UNKNOWN: {
    message: '{count} events for {target} are of an unknown kind; the whole batch was rejected.',
    remedy: 'Stage events with kind U, D or T, and T only for SCD type 1.',
    ...rejected,
    sqlState: '22023',
  },
  'AUTOCDC_INVALID_STATE.KEY_SCHEMA_DRIFT': {
    message: 'The rows of {target} were made with keys {before}; the flow now has {now}.',
    ...drifted,
  },
  'AUTOCDC_INVALID_STATE.SEQUENCING_TYPE_DRIFT': {
    message: 'The rows of {target} were made with a sequence of type {before}; the flow now has {now}.',
    ...drifted,
  },
  'AUTOCDC_INVALID_STATE.SCD_TYPE_DRIFT': {
    message: 'The rows of {target} were made as SCD type {before}; the flow now has type {now}.',
    ...drifted,
  },
  'AUTOCDC_INVALID_STATE.TRACK_HISTORY_DRIFT': {
    message: 'The rows of {target} were made tracking the history of {before}; the flow now tracks {now}.',
    ...drifted,
  },
  AUTOCDC_TARGET_SCHEMA_CHANGED: {
    message: 'The rows of {target} were made with {before}; the flow now has {now}.',
    ...drifted,
  },
  AUTOCDC_TARGET_NOT_FOUND: {
    message: '{target} is not a target of an Auto CDC flow.',
    remedy: 'Name the streaming table as schema.table; ask for SELECT on it.',
    retry: 'manual',
    status: 404,
    apiCode: 'RESOURCE_DOES_NOT_EXIST',
    sqlState: '42P01',
  },
  AUTOCDC_TARGET_CHANGED: {
    message: '{relation}, which is part of streaming table {target}, is not what the sidecar created.',
    remedy:
      'Put the schema and tables back as they were; or drop what is in the way, delete the streaming table with synced_tables.delete_streaming_table, and declare it again.',
    retry: 'manual',
    status: 409,
    apiCode: 'ABORTED',
    sqlState: '42809',
  },
  AUTOCDC_CHANGE_FEED_GONE: {
    message: 'The change feed of {target} does not go back to version {version}.',
    remedy: 'Read the target itself, then its changes from there on.',
    ...rejected,
    sqlState: '22023',
  },
  'APPLY_CHANGES_FROM_SNAPSHOT_ERROR.FIRST_SNAPSHOT_EMPTY': {
    message: 'The source of {target} returned no snapshot, and there has never been one.',
    remedy: 'Return a first snapshot with its version; a snapshot without rows is a snapshot too.',
    ...rejected,
    sqlState: '22023',
  },
  'APPLY_CHANGES_FROM_SNAPSHOT_ERROR.OUT_OF_ORDER_SNAPSHOT_VERSION': {
    message: 'Snapshot version {version} for {target} is not above {last}, the last one; it was rejected.',
    remedy: 'Return snapshots with ascending versions. The snapshots before it are committed.',
    ...rejected,
    sqlState: '22023',
  },
  'APPLY_CHANGES_FROM_SNAPSHOT_ERROR.DUPLICATE_KEY_VIOLATION': {
    message: 'Snapshot version {version} for {target} has several rows with the same key; it was rejected{rows}.',
    remedy: 'Remove the duplicates from the source, or choose key columns that identify its rows.',
    ...rejected,
    sqlState: '23505',
  },
} as const satisfies Record<string, ErrorKind>;
