import { counted, numberText } from '../../words/numbers.js';

const rows = (count: number | string) =>
  typeof count === 'number' ? counted(count, 'row', 'rows') : `${numberText(count)} rows`;

/** Texts of the create form. */
export const createTexts = {
  title: 'Create a synced table',
  what: 'what will happen',
  form: 'Synced table to create',
  source: {
    legend: 'Source',
    label: 'Source table',
    choose: 'Choose a source table',
    other: 'Choose another',
    facts: (version: string, count: number | string | null, size: string) =>
      [version, count === null ? null : rows(count), size].filter((fact) => fact !== null && fact !== '').join(', '),
    version: (version: string) => `version ${version}`,
  },
  target: {
    legend: 'Target',
    database: 'Database',
    schema: 'Schema',
    table: 'Table',
    hint: 'Letters, digits and underscores.',
    newSchema: 'The schema does not exist yet. It is made for you.',
    newDatabase: 'The database does not exist yet. It is made for you.',
  },
  key: {
    legend: 'Key',
    hint: 'The columns that identify a row.',
    add: 'Add a column',
    remove: (column: string) => `Take ${column} out of the key`,
    candidates: 'Unique and never null:',
    likely: 'They look like a key:',
    declared: 'Declared in the catalog.',
    timeseries: 'Of several rows with one key, keep the one with the greatest',
    none: 'nothing: each key has one row',
    check: (count: number | string | null) => `Check the key: reads ${count === null ? 'all rows' : rows(count)}`,
    checking: (done: number, total: number | null) =>
      total === null ? 'Reading all rows' : `Checking keys, ${done} of ${total} passes`,
    cancel: 'Cancel',
    canceled: 'The rows were not read to the end.',
    result: (duplicates: string, nulls: string) => `${duplicates}, ${nulls}.`,
    duplicates: (count: number | string) => `${numberText(count)} keys with several rows`,
    nulls: (count: number | string) => `${rows(count)} without key`,
    unknown: 'No column is known to be a key. Type those that the first load will check.',
  },
  mode: {
    legend: 'Mode',
    words: { SNAPSHOT: 'Snapshot', TRIGGERED: 'On request', CONTINUOUS: 'Continuous' },
    why: {
      SNAPSHOT: 'copies all rows each time',
      TRIGGERED: 'applies changes when asked, or by schedule',
      CONTINUOUS: 'follows the source within seconds',
    },
    files: 'Find changes by comparing files where the change data feed is off. That is slower.',
  },
  schedule: {
    legend: 'Schedule',
    choices: { none: 'none', hourly: 'each hour', daily: 'each day at 3:00', own: 'own' },
    label: 'When',
    cron: 'Minute, hour, day, month, day of the week',
    zone: 'Time zone',
    next: 'Next runs:',
    continuous: 'A continuous table needs none.',
    what: 'the next runs',
  },
  options: {
    legend: 'Options',
    strip: 'Leave out NUL characters, which Postgres cannot store',
    refresh: 'Copy everything again when the source has lost history',
    together: 'Publish all tables of the pipeline in one transaction',
    accelerated: 'Load over more connections',
    pipeline: 'Pipeline',
    newPipeline: 'a new one',
    pipelineTables: (name: string, count: number) => `${name} (${counted(count, 'table', 'tables')})`,
    overrides: 'Types of columns (JSON)',
    overridesExample: '[{"column_name": "embedding", "pg_type": "PG_SPECIFIC_TYPE_VECTOR", "size": 768}]',
    columns: 'Columns that only Postgres has (JSON)',
    columnsExample:
      '[{"column_name": "loaded_at", "column_type": "timestamptz", "compute": "now()", "maintenance": "DEFAULT_VALUE"}]',
    indexes: 'Indexes made with the first load (JSON)',
    indexesExample: '[{"name": "orders_by_day", "definition": "USING btree (day)"}]',
    noList: 'This is not a JSON array yet.',
  },
  outcome: {
    title: 'What will happen',
    empty: 'Choose a source table to see what its sync would give and meet.',
    asking: 'Looking …',
    columns: (count: number, impossible: number) =>
      impossible === 0
        ? `${counted(count, 'column', 'columns')}, all of them possible`
        : `${counted(count, 'column', 'columns')}, ${impossible} not possible`,
    free: (name: string) => `${name} is free`,
    stops: 'In the way',
    warnings: 'To know before',
    hints: 'Good to know',
    know: 'I know',
    fine: 'Nothing is in the way.',
    statements: 'The same as SQL, CLI, curl and Python',
    noStatements: 'Statements appear here once source, target and key are given.',
    alter: 'the statement',
    again: 'Check again',
    ways: {
      primary_key_columns: (value: string) => `Take ${value}`,
      timeseries_key: (value: string) => `Keep the row with the greatest ${value}`,
      invalid_characters: () => 'Leave these characters out',
      allow_file_diff: () => 'Compare files instead, which is slower',
      scheduling_policy: () => 'Take Snapshot',
    } as Readonly<Record<string, (value: string) => string>>,
  },
  actions: {
    check: 'Check without creating',
    create: 'Create',
    creating: 'Creating …',
    checked: 'The check passed. Nothing was created.',
    what: 'the new table',
    refused: 'Nothing was created.',
    share: 'a link for somebody who may',
    refusals: {
      noRight: (role: string) =>
        `Role ${role} may not create synced tables. A member of databricks_superuser can grant it: GRANT databricks_superuser TO …`,
      noSource: 'Choose a source table first.',
      noTarget: 'Name the target first.',
      looking: 'The form is still being looked at.',
      stops: 'Something is in the way: see what will happen.',
      warnings: 'Tick what you know.',
      list: 'A JSON field is not finished.',
    },
  },
} as const;
