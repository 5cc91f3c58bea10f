/** Texts of the tab of settings. */
export const settingsTexts = {
  schedule: 'When its pipeline is updated',
  pipeline: 'Pipeline',
  others: (names: string) => `The same for all tables of the pipeline: ${names}.`,
  options: 'As it was created',
  optionsWhy: 'These stay as they are: to change one, delete the table and create it again.',
  facts: {
    source: 'Source',
    key: 'Key',
    timeseries: 'Timeseries key',
    columns: 'Columns',
    rows: 'Rows',
    mode: 'Mode',
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
  by: (role: string) => `by ${role}`,
} as const;
