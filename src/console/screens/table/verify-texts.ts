import { counted } from '../../words/numbers.js';

/** Texts of the tab of verifications. */
export const verifyTexts = {
  what: 'Reads the source at the version that the table reflects and compares every row and cell. Syncs go on meanwhile.',
  disk: (size: string) => `The comparison needs about ${size} of temporary disk on the server: both sides are copied.`,
  ask: 'Verify',
  list: 'the verifications',
  all: 'All verifications',
  none: 'This table has not been verified yet.',
  notLoaded: 'There is nothing to compare before the first copy.',
  refused: 'Verifying takes the right to sync the table: its creator, a manager, or a member of databricks_superuser.',
  elsewhere: 'As SQL, CLI, curl …',
  states: { QUEUED: 'Waits', RUNNING: 'Comparing', FAILED: 'Failed', CANCELED: 'Canceled' },
  equal: 'Equal',
  different: 'Different',
  byRole: (role: string) => `asked for by ${role}`,
  version: (version: string) => `version ${version}`,
  facts: {
    source: 'Rows of the source',
    target: 'Rows of the table',
    missing: 'Missing',
    extra: 'Extra',
    different: 'Different',
  },
  cancel: 'Cancel',
  cancelFor: 'Ends it for everybody who asked for it.',
  differences: (count: number) => `${counted(count, 'key that differs', 'keys that differ')}, with both values`,
  differencesHidden: (table: string, role: string) =>
    `Keys and values are shown to roles that may read the table: GRANT SELECT ON ${table} TO ${role};`,
  differencesGone: 'Keys and values are kept for the newest verification only.',
  kinds: { missing: 'Missing in the table', extra: 'Not in the source', different: 'Different' },
  columns: { kind: 'What', key: 'Key', column: 'Column', source: 'Source', target: 'Table' },
  null: 'null',
} as const;
