import { counted } from '../../words/numbers.js';

/** Texts of the tab of settings. */
export const settingsTexts = {
  schedule: 'When its pipeline is updated',
  pipeline: 'Pipeline',
  others: (names: string) => `The same for all tables of the pipeline: ${names}.`,
  options: 'What is synced, and how',
  what: 'the settings',
  change: 'Change',
  changeRefused:
    'Your role may not change this table. Its creator, its managers and members of databricks_superuser may.',
  asked: (id: string) => `Update ${id.slice(0, 8)} makes the change, or says why not.`,
  facts: {
    source: 'Source',
    key: 'Key',
    timeseries: 'Timeseries key',
    columns: 'Columns',
    rows: 'Rows',
    mode: 'Mode',
    changes: 'Changes',
    gap: 'Lost history',
    characters: 'NUL characters',
    connections: 'Loading',
    overrides: 'Other types',
    extraColumns: 'Own columns',
    indexes: 'Indexes',
    publish: 'Publishing',
    pipeline: 'Pipeline',
    created: 'Created',
  },
  publish: {
    separately: 'each table of the pipeline by itself',
    together: 'all tables of the pipeline in one transaction',
  },
  none: 'none',
  all: 'all',
  byFiles: 'found by comparing files where the source does not record them',
  recorded: 'as the source records them',
  gap: { fail: 'the update fails', refresh: 'everything is copied again' },
  characters: { fail: 'the update fails', strip: 'are left out' },
  accelerated: 'over more connections',
  usual: 'over the usual connections',
  entries: (count: number) => counted(count, 'entry', 'entries'),
  by: (role: string) => `by ${role}`,
} as const;

/** Texts of the form that changes settings. */
export const changeTexts = {
  form: 'Change of the settings',
  source: 'Source',
  sourceTable: 'Source table',
  save: 'Make the change',
  leave: 'Leave it as it is',
  cost: 'What the change takes',
  rowsRefused:
    'What the table shows, which is its source, key, columns and rows, is changed by its creator and by members of databricks_superuser.',
  notLookedAt: 'The source cannot be looked at, so its columns are not shown:',
  leavesPipeline: (name: string) =>
    `The table leaves pipeline ${name} for one of its own. The schedule stays with the other tables.`,
  costs: {
    copy: (size: string) =>
      `All rows are copied again, which takes disk for a second copy (${size}). Readers keep the old rows until both are exchanged at once.`,
    'catch-up': () =>
      'The changes since the last sync are applied; if the source has them no longer, all rows are copied again.',
    nothing: () => 'No row is copied, and readers notice nothing.',
  },
  refusals: {
    nothing: 'Nothing is changed yet.',
    noSource: 'Name the source table first.',
    noKey: 'Choose a key first.',
    list: 'An entry of a list is not finished.',
  },
} as const;
