/** Texts of the tab of settings. */
export const settingsTexts = {
  schedule: 'When its pipeline is updated',
  pipeline: 'Pipeline',
  others: (names: string) => `The same for all tables of the pipeline: ${names}.`,
  options: 'As it was created',
  optionsWhy: 'To change one in place: synced-tables alter, or synced_tables.alter_synced_table in psql.',
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
