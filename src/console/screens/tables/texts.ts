import { counted } from '../../words/numbers.js';

const tables = (count: number) => counted(count, 'table', 'tables');

/** Texts of the overview. */
export const tablesTexts = {
  title: 'Tables',
  what: 'the tables',
  create: 'Create',
  createRefused:
    'Your role may not create synced tables. A member of databricks_superuser can grant it: GRANT databricks_superuser TO …',
  filter: 'Name, source or error code',
  policy: 'Mode',
  database: 'Database',
  kind: 'Kind',
  kinds: { synced: 'Synced tables', streaming: 'Streaming tables' },
  clear: 'Clear filters',
  lastFilter: (filter: string) => `Last filter: ${filter}`,
  shown: (shown: number, total: number) => (shown === total ? tables(total) : `${shown} of ${tables(total)}`),
  more: (count: number) => `Show ${count} more`,
  sortAgain: (count: number) => `${counted(count, 'row has', 'rows have')} changed place.`,
  sort: 'Sort again',
  columns: {
    select: 'Select',
    state: 'State',
    table: 'Table and source',
    mode: 'Mode',
    lag: 'Lag',
    rows: 'Rows',
    lastSync: 'Last sync',
    result: 'Last result',
  },
  selectAll: (count: number) => `Select all ${tables(count)} that match`,
  selectOne: (name: string) => `Select ${name}`,
  selected: (count: number) => `${tables(count)} selected`,
  selectNone: 'Select none',
  bulk: {
    sync: 'Sync now',
    pause: 'Pause',
    resume: 'Resume',
    verify: 'Verify',
    noRight: 'Your role may do this with none of the selected tables.',
    tooMany: (limit: number) => `At most ${limit} tables at once.`,
    outcome: (done: number, refused: number) =>
      refused === 0 ? `Requested for ${tables(done)}.` : `Requested for ${tables(done)}, refused for ${refused}.`,
  },
  became: (table: string, state: string) => `${table}: ${state}`,
  never: 'never',
  synced: 'synced',
  next: 'next',
  streaming: 'streaming table',
  lagOfHour: (most: string) => `Lag of the last hour: at most ${most}`,
  noLag: 'not known yet',
  lastSeen: 'as of the last look',
  unchanged: 'nothing new',
  canceled: 'canceled',
  seconds: (duration: string) => `in ${duration}`,
  running: 'running',
  elsewhere: 'As SQL, CLI, curl …',
  thisList: 'This list',
  export: 'Export',
  exportCsv: 'As CSV',
  exportJson: 'As JSON',
  empty: {
    noCatalog: 'No catalog of source tables is configured',
    noCatalogWhy: 'Add one to the settings of the sidecar and start it again:',
    noTable: 'No table is synced yet',
    noTableWhy: 'Choose a source table, or say it in SQL:',
    sources: 'Source tables',
    noMatch: (count: number) => `${tables(count)} ${count === 1 ? 'does' : 'do'} not match`,
    noRight: (role: string) => `Role ${role} sees no table`,
    noRightWhy:
      'Tables are shown to roles that may read, manage or create them. A member of databricks_superuser can grant it:',
  },
  down: (place: string) => `Database ${place} cannot be asked.`,
} as const;

export const YAML_CATALOG = `catalogs:
  lake: { kind: path, root: /path/to/lake }   # lake.<schema>.<table> is /path/to/lake/<schema>/<table>`;
